package kafka

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/kafkatest"
)

// TestRightsThatAreMissing: each is named in the words of kafka-acls, before anything
// is sent, and with all of them the plan goes through.
func TestRightsThatAreMissing(t *testing.T) {
	t.Parallel()
	bot := kafkatest.User{Name: "bot", Password: "secret", Mechanism: kafkatest.ScramSHA256}
	onPeers(t, kafkatest.Options{Users: []kafkatest.User{bot}, ACLs: true}, func(t *testing.T, r *rig) {
		r.target = r.bot(func(o *Options) {
			o.Login = Login{Mechanism: ScramSHA256, User: bot.Name, Password: Secret(bot.Password)}
			o.Prefix = "ib"
		})
		r.send(r.letter(0, 1, "k", "v"))
		allow := func(rules *kadm.ACLBuilder) { r.cluster.Allow(t, bot.Name, rules) }
		x := r.sending()
		refused := func(what string, err error, want string) {
			t.Helper()
			var problem *check.Problem
			if !errors.As(err, &problem) || !strings.Contains(problem.Sentence, want) {
				t.Errorf("%s: it says %v", what, err)
			}
		}
		prefix := "ib." + r.target.opts.Store + "."
		refused("groups", x.Ready(t.Context()), "may not read group "+prefix+"P-0")
		allow(kadm.NewACLs().Groups(prefix).ResourcePatternType(kadm.ACLPatternPrefixed).Operations(kadm.OpRead))
		refused("transactions", x.Ready(t.Context()), "--operation Write --transactional-id "+prefix+" --resource-pattern-type prefixed")
		allow(kadm.NewACLs().TransactionalIDs(prefix).ResourcePatternType(kadm.ACLPatternPrefixed).Operations(kadm.OpWrite))
		if err := x.Ready(t.Context()); err != nil {
			t.Errorf("with rights on groups and transactions: %v", err)
		}
		allow(kadm.NewACLs().Topics(r.letters).ResourcePatternType(kadm.ACLPatternLiteral).Operations(kadm.OpRead))
		f := r.fixOf("", "")
		if p := r.draft(f, fix.Order{ID: 7}); p.Draft.Rows != 0 || !strings.Contains(p.Draft.Left[0].Why, "which the bot may not see") {
			t.Errorf("a topic that it may not see: %+v", p.Draft)
		}
		allow(kadm.NewACLs().Topics(r.events).ResourcePatternType(kadm.ACLPatternLiteral).Operations(kadm.OpDescribe))
		p := r.draft(f, fix.Order{ID: 7})
		if p.Draft.Rows != 1 {
			t.Fatalf("the plan: %+v", p.Draft.Left)
		}
		refused("the topic", x.MayApply(t.Context(), p.Draft.Content.Forms), "may not write topic "+r.events)
		r.asked(x, p)
		_, err := x.Apply(t.Context(), p, p.Draft.Content.Forms, p.Draft.Content.Batches()[0], 1, nil)
		refused("the topic at once", err, "User:bot may not write topic "+r.events)
		refused("the topic at once", err, "Batch 1 of P-7 was not sent.")
		allow(kadm.NewACLs().Topics(r.events).ResourcePatternType(kadm.ACLPatternLiteral).Operations(kadm.OpWrite))
		if err := x.MayApply(t.Context(), p.Draft.Content.Forms); err != nil {
			t.Errorf("with all rights: %v", err)
		}
		if sent := r.done(x, p); sent != 1 {
			t.Errorf("%d were sent, instead of 1", sent)
		}
		r.once(1)
	})
}

// TestReadyLeavesNoTrace: asking makes neither group nor transaction.
func TestReadyLeavesNoTrace(t *testing.T) {
	t.Parallel()
	onPeers(t, kafkatest.Options{}, func(t *testing.T, r *rig) {
		r.send(r.letter(0, 1, "k", "v"))
		x := r.sending()
		f := r.fixOf("", "")
		p := r.draft(f, fix.Order{ID: 7})
		if err := errors.Join(x.Ready(t.Context()), x.MayApply(t.Context(), p.Draft.Content.Forms), f.Validate(t.Context(), r.target, r.sources(), check.Check{})); err != nil {
			t.Fatal(err)
		}
		admin := r.cluster.Admin(t)
		groups, err := admin.ListGroups(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		transactions, err := admin.ListTransactions(t.Context(), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range append(groups.Groups(), transactions.TransactionalIDs()...) {
			if strings.Contains(name, r.target.opts.Store) {
				t.Errorf("there is a trace: %s", name)
			}
		}
	})
}

// TestThereIsNoWayBack, and it says what to do instead.
func TestThereIsNoWayBack(t *testing.T) {
	t.Parallel()
	x := &Sending{}
	_, err := x.Inverse(context.Background(), fix.Order{}, fix.Plan{Order: fix.Order{ID: 7}}, nil)
	var problem *check.Problem
	if !errors.As(err, &problem) || !strings.HasPrefix(problem.Sentence, "P-7 cannot be taken back: ") || !strings.Contains(problem.Sentence, "correcting event") {
		t.Errorf("it says %v", err)
	}
	if n, err := x.Purge(context.Background(), time.Time{}); n != 0 || err != nil {
		t.Errorf("purged %d, %v", n, err)
	}
}

// TestAForgetfulCluster: where a plan's progress would be forgotten before anybody may
// have asked for it, nothing is sent.
func TestAForgetfulCluster(t *testing.T) {
	t.Parallel()
	cluster := kafkatest.Start(t, kafkatest.Options{Peer: kafkatest.Fake, Fake: []kfake.Opt{kfake.BrokerConfigs(map[string]string{"offsets.retention.minutes": "1440"})}})
	r := newRig(t, cluster)
	err := r.sending().Ready(t.Context())
	if says := sentence(t, err); !strings.Contains(says, "forgets after 24 h") || !strings.Contains(says, "raise offsets.retention.minutes to 7200 or more") {
		t.Errorf("it says: %s", says)
	}
}
