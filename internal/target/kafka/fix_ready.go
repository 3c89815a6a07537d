package kafka

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// The names under which rights are asked for before there is a plan.
const someone = "P-0"

// Ready is nil if this cluster lets plans send, as far as can be asked without
// leaving a trace: a broker answers the sender's login, and coordinates the
// plan's transactions and groups for it. What only a transaction shows is shown
// by the first one, before anything is sent. See [fix.Applier].
func (x *Sending) Ready(ctx context.Context) error {
	client, err := x.t.sender(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	if err := x.distinguishes(ctx, client); err != nil {
		return err
	}
	if err := x.coordinated(ctx, client); err != nil {
		return err
	}
	return x.remembers(ctx, client)
}

// distinguishes makes sure that topics have ids: without them the ledger of a topic
// that was deleted would be taken for that of the one that has its name now. They
// came with version 10 of the metadata, in Kafka 2.8 (KIP-516).
func (x *Sending) distinguishes(ctx context.Context, client *kgo.Client) error {
	const since = 10
	asking, cancel := x.t.ask(ctx)
	defer cancel()
	told, err := kadm.NewClient(client).ApiVersions(asking)
	if err != nil {
		return x.t.problem(ctx, act{doing: "asking what the brokers speak", sends: true}, unwrapShards(err))
	}
	for _, one := range told {
		if most, ok := one.KeyMaxVersion(kmsg.Metadata.Int16()); one.Err == nil && ok && most < since {
			return x.t.tooOld()
		}
	}
	return nil
}

// tooOld is the Problem of a cluster whose topics have no ids.
func (t *Target) tooOld() error {
	return problemf("Kafka %s gives topics no ids, so a topic that was deleted and made anew cannot be told from the one before: sending needs Kafka 2.8 or newer.", t.opts.Place)
}

// remembers makes sure that the cluster keeps a plan's progress for as long as
// somebody may come back and ask for it. Source: Apache Kafka, "Broker Configs",
// offsets.retention.minutes. A cluster that does not tell, because that takes
// rights that a sender need not have, is believed to do as Kafka does by default.
func (x *Sending) remembers(ctx context.Context, client *kgo.Client) error {
	asking, cancel := x.t.ask(ctx)
	defer cancel()
	admin := kadm.NewClient(client)
	brokers, err := admin.ListBrokers(asking)
	if err != nil {
		return x.t.problem(ctx, act{doing: "asking for the brokers", sends: true}, err)
	}
	if len(brokers) == 0 {
		return nil
	}
	told, err := admin.DescribeBrokerConfigs(asking, brokers[0].NodeID)
	if err != nil {
		return nil
	}
	for _, one := range told {
		for _, c := range one.Configs {
			minutes, err := strconv.ParseInt(c.MaybeValue(), 10, 64)
			if c.Key != "offsets.retention.minutes" || err != nil {
				continue
			}
			if kept := time.Duration(minutes) * time.Minute; kept < fix.Remembered {
				return problemf("Kafka %s forgets after %s what a plan has sent, and after a crash the bot may have to ask for up to %s: raise offsets.retention.minutes to %d or more on its brokers.",
					x.t.opts.Place, phrase.Age(kept), phrase.Age(fix.Remembered), int64(fix.Remembered/time.Minute))
			}
		}
	}
	return nil
}

// coordinated asks for the coordinators of a transaction and of a group.
func (x *Sending) coordinated(ctx context.Context, client *kgo.Client) error {
	name := x.named(someone)
	const groups, transactions = 0, 1
	for _, one := range []struct {
		kind            int8
		what, operation string
	}{{groups, "group", "Read"}, {transactions, "transactional-id", "Write"}} {
		a := act{doing: "looking for a coordinator", operation: one.operation, kind: one.what, name: name, sends: true}
		if err := x.sentence(ctx, a, x.coordinator(ctx, client, one.kind, name)); err != nil {
			return err
		}
	}
	return nil
}

// coordinator asks who coordinates a group or transaction. A cluster that had none
// so far makes the topic that it needs, which takes a moment.
func (x *Sending) coordinator(ctx context.Context, client *kgo.Client, kind int8, name string) error {
	r := kmsg.NewPtrFindCoordinatorRequest()
	r.CoordinatorType, r.CoordinatorKey, r.CoordinatorKeys = kind, name, []string{name}
	asking, cancel := x.t.ask(ctx)
	defer cancel()
	for attempt := 1; ; attempt++ {
		answer, err := r.RequestWith(asking, client)
		if err == nil {
			err = kerr.ErrorForCode(answer.ErrorCode)
		}
		for i := 0; err == nil && i < len(answer.Coordinators); i++ {
			err = kerr.ErrorForCode(answer.Coordinators[i].ErrorCode)
		}
		if !passing(err) || sleep(asking, backoff(attempt)) != nil {
			return err
		}
	}
}

// sentence is a Problem of what went wrong. Rights on transactions and groups are
// given for a prefix, because every plan has its own.
func (x *Sending) sentence(ctx context.Context, a act, err error) error {
	if err == nil || !denied(err) || a.kind == "topic" || a.kind == "cluster" {
		return x.t.problem(ctx, a, err)
	}
	t := x.t
	principal := t.principal(t.opts.Sender)
	return problemf("%s may not %s %s on Kafka %s: have an administrator run kafka-acls --add --allow-principal '%s' --operation %s --%s %s --resource-pattern-type prefixed.",
		principal, inWords(a.operation), a.thing(), t.opts.Place, principal, a.operation, a.kind, x.named(""))
}

// MayApply is nil if the sender may write to every topic that the forms name and
// read those they come from, and else a Problem that names the ACL. Ask before a
// plan is shown. A cluster that does not tell is not in the way.
func (x *Sending) MayApply(ctx context.Context, forms []fix.Form) error {
	if len(forms) == 0 {
		return nil
	}
	client, err := x.t.sender(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	if err := x.coordinated(ctx, client); err != nil {
		return err
	}
	asked := map[string]bool{}
	for _, f := range forms {
		spec, err := specOf(f)
		if err != nil {
			return err
		}
		for topic, operation := range map[string]kmsg.ACLOperation{f.Name: kmsg.ACLOperationWrite, spec.At: kmsg.ACLOperationRead} {
			if key := topic + "\x00" + operation.String(); !asked[key] {
				asked[key] = true
				if err := x.may(ctx, client, topic, operation); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// may asks what the sender may do with a topic.
func (x *Sending) may(ctx context.Context, client *kgo.Client, topic string, operation kmsg.ACLOperation) error {
	words := map[kmsg.ACLOperation]string{kmsg.ACLOperationWrite: "Write", kmsg.ACLOperationRead: "Read"}
	a := act{doing: "asking for rights on topic " + topic, operation: words[operation], kind: "topic", name: topic, sends: true}
	asking, cancel := x.t.ask(ctx)
	defer cancel()
	found, err := described(asking, client, topic)
	if err != nil {
		return x.t.problem(ctx, a, err)
	}
	operations := kadm.DecodeACLOperations(found.AuthorizedOperations)
	if len(operations) > 0 && !slices.Contains(operations, operation) { // none: the cluster does not tell
		return x.t.problem(ctx, a, kerr.TopicAuthorizationFailed)
	}
	return nil
}
