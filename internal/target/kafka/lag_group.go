package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/declare"
)

// consumers are a group and who is in it.
type consumers struct {
	name    string
	state   string // Stable, Empty, …
	members int
	owner   map[place]string // who reads a partition: client and host
}

// place is a partition of a topic.
type place struct {
	topic string
	part  int32
}

// group asks for a group, whichever of the two protocols it speaks.
func (t *Target) group(ctx context.Context, name string) (consumers, error) {
	a := act{doing: "looking up group " + name, operation: "Describe", kind: "group", name: name}
	asking, cancel := t.ask(ctx)
	defer cancel()
	all, err := t.adm.DescribeGroups(asking, name)
	if err != nil {
		return consumers{}, t.problem(ctx, a, unwrapShards(err))
	}
	found, err := all.On(name, nil)
	if err == nil {
		err = found.Err
	}
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return consumers{}, t.problem(ctx, a, err)
	}
	there := err == nil && found.State != "Dead"
	if there && (len(found.Members) > 0 || found.State == "Empty") {
		return classic(found), nil
	}
	modern, err := t.modern(ctx, a)
	if there && errors.Is(err, kerr.GroupIDNotFound) {
		return classic(found), nil
	}
	return modern, err
}

// classic is a group whose members agree among themselves.
func classic(g kadm.DescribedGroup) consumers {
	c := consumers{name: g.Group, state: g.State, members: len(g.Members), owner: map[place]string{}}
	for _, m := range g.Members {
		assigned, ok := m.Assigned.AsConsumer()
		if !ok {
			continue
		}
		for _, topic := range assigned.Topics {
			for _, p := range topic.Partitions {
				c.owner[place{topic.Topic, p}] = whose(m.ClientID, m.ClientHost)
			}
		}
	}
	return c
}

// modern is a group whose coordinator shares out the partitions (KIP-848).
func (t *Target) modern(ctx context.Context, a act) (consumers, error) {
	asking, cancel := t.ask(ctx)
	defer cancel()
	all, err := t.adm.DescribeConsumerGroups(asking, a.name)
	if err == nil {
		err = all[a.name].Err
	}
	err = unwrapShards(err)
	switch {
	case errors.Is(err, kerr.GroupIDNotFound), errors.Is(err, kerr.UnsupportedVersion), err == nil && all[a.name].State == "":
		return consumers{}, t.noGroup(ctx, a.name)
	case unanswerable(err):
		return consumers{}, t.noGroup(ctx, a.name)
	case err != nil:
		return consumers{}, t.problem(ctx, a, err)
	}
	g := all[a.name]
	c := consumers{name: a.name, state: g.State, members: len(g.Members), owner: map[place]string{}}
	for _, m := range g.Members {
		for topic, parts := range m.Assignment {
			for p := range parts {
				c.owner[place{topic, p}] = whose(m.ClientID, m.ClientHost)
			}
		}
	}
	return c, nil
}

// unanswerable tells that no broker knows the question: an older cluster.
func unanswerable(err error) bool {
	return err != nil && (strings.Contains(err.Error(), "broker is too old") || strings.Contains(err.Error(), "unknown request key"))
}

func whose(client, host string) string { return client + " at " + strings.TrimPrefix(host, "/") }

// noGroup is the Problem of a group that is not there.
func (t *Target) noGroup(ctx context.Context, name string) error {
	asking, cancel := t.ask(ctx)
	defer cancel()
	listed, err := t.adm.ListGroups(asking)
	if err != nil {
		listed = nil // only for a suggestion
	}
	return &check.Problem{
		Sentence: fmt.Sprintf("There is no consumer group %s on Kafka %s%s A group ends when its last offset has expired.",
			name, t.opts.Place, declare.DidYouMean(name, listed.Groups())),
		Err: kerr.GroupIDNotFound,
	}
}

// offsets are what a group has committed. A partition whose offset could not be
// read has an error.
type offsets struct {
	at     map[place]int64
	failed map[place]error
}

// topics are those of which something is committed, in order.
func (o offsets) topics() []string {
	var out []string
	add := func(p place) {
		if !slices.Contains(out, p.topic) {
			out = append(out, p.topic)
		}
	}
	for p := range o.at {
		add(p)
	}
	for p := range o.failed {
		add(p)
	}
	slices.Sort(out)
	return out
}

// committed asks for what a group has committed. It joins nothing.
func (t *Target) committed(ctx context.Context, name string) (offsets, error) {
	a := act{doing: "reading the offsets of group " + name, operation: "Describe", kind: "group", name: name}
	asking, cancel := t.ask(ctx)
	defer cancel()
	all, err := t.adm.FetchOffsets(asking, name)
	if err != nil {
		return offsets{}, t.problem(ctx, a, unwrapShards(err))
	}
	out := offsets{at: map[place]int64{}, failed: map[place]error{}}
	all.Each(func(o kadm.OffsetResponse) {
		p := place{o.Topic, o.Partition}
		switch {
		case o.Err != nil:
			out.failed[p] = t.problem(ctx, a, o.Err)
		case o.At >= 0: // -1: nothing is committed
			out.at[p] = o.At
		}
	})
	return out, nil
}
