package kafka

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.yaml.in/yaml/v4"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/kafkatest"
)

// patience is how long a test waits for what must come: it runs on loaded machines.
const patience = 3 * time.Minute

// onPeers runs a scenario on each peer.
func onPeers(t *testing.T, o kafkatest.Options, scenario func(*testing.T, *rig)) {
	t.Helper()
	for _, peer := range kafkatest.Peers(t) {
		t.Run(string(peer), func(t *testing.T) {
			t.Parallel()
			o.Peer = peer
			scenario(t, newRig(t, kafkatest.Start(t, o)))
		})
	}
}

// rig is a cluster with a topic, its dead letters and a quarantine, and a bot.
type rig struct {
	t       *testing.T
	cluster *kafkatest.Cluster
	target  *Target
	ledger  *memoryLedger
	tables  *memoryTables

	events, letters, aside string
}

func newRig(t *testing.T, c *kafkatest.Cluster) *rig {
	t.Helper()
	r := &rig{
		t: t, cluster: c, ledger: &memoryLedger{}, tables: &memoryTables{known: map[string]bool{}},
		events: c.Topic(t, "events", 4, lasting()), letters: c.Topic(t, "dlq", 4, lasting()), aside: c.Topic(t, "aside", 1, lasting()),
	}
	r.target = r.bot(nil)
	return r
}

// lasting is a topic that keeps records however old they say they are: Apache Kafka
// deletes the others whenever it looks, which is every few minutes.
func lasting() map[string]string { return map[string]string{"retention.ms": "-1"} }

// bot opens the target as one process of the bot does.
func (r *rig) bot(change func(*Options)) *Target {
	r.t.Helper()
	o := Options{
		Name: "events", Place: "test/events", Brokers: r.cluster.Brokers, Sends: true, TLS: r.cluster.TLSConfig(),
		Store: kafkatest.Unique(r.t, "s"), DialTimeout: 5 * time.Second, RequestTimeout: 5 * time.Second,
	}
	if r.target != nil {
		o.Store = r.target.opts.Store
	}
	if change != nil {
		change(&o)
	}
	target, err := Open(o)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(target.Close)
	return target
}

func (r *rig) sources() Sources { return Sources{Ledger: r.ledger, Tables: r.tables} }

func (r *rig) sending() *Sending { return r.sendingOf(r.target) }

func (r *rig) sendingOf(t *Target) *Sending { return t.Applier(r.sources()).(*Sending) }

// fixOf declares a check of dead letters and its fix from their words.
func (r *rig) fixOf(checkWords, fixWords string) Fix {
	r.t.Helper()
	declaration, err := Declare("dead-letters", node(r.t, "topic: "+r.letters+"\n"+checkWords))
	if err != nil {
		r.t.Fatal(err)
	}
	for _, usual := range []string{"canary: 0", "rate: 0", "window: 1ms", "max_rows: 1000000"} {
		if word, _, _ := strings.Cut(usual, ":"); !strings.Contains("\n"+fixWords, "\n"+word+":") {
			fixWords += "\n" + usual
		}
	}
	f, err := DeclareFix("dead-letters", declaration, node(r.t, strings.TrimSpace(fixWords)))
	if err != nil {
		r.t.Fatal(err)
	}
	return f
}

func node(t *testing.T, text string) *yaml.Node {
	t.Helper()
	var n yaml.Node
	if err := yaml.Load([]byte(text), &n); err != nil {
		t.Fatal(err)
	}
	if n.Kind == yaml.DocumentNode {
		return n.Content[0]
	}
	return &n
}

func (r *rig) planner(f Fix) fix.Planner {
	return f.Planner(r.target, r.sources(), check.Check{Name: "failed-events", Target: "events"})
}

// draft works a plan out that must be one.
func (r *rig) draft(f Fix, o fix.Order) fix.Plan {
	r.t.Helper()
	o.Check = "failed-events"
	draft, err := r.planner(f).Draft(r.t.Context(), o, f.Rules().Caps, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return fix.Plan{Order: o, Draft: draft}
}

// carry does with a plan what the worker does: claims, batches, and after an error
// the question what is recorded. It gives all results, or the halt.
func (r *rig) carry(x *Sending, p fix.Plan) ([]fix.Result, error) {
	r.t.Helper()
	forms, batches := p.Draft.Content.Forms, p.Draft.Content.Batches()
	claims, err := fix.Claims(forms, batches)
	if err != nil {
		r.t.Fatal(err)
	}
	r.ledger.hold(p.ID, fix.Taken, claims)
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	for n := 0; n <= len(batches); n++ {
		var next *fix.Batch
		if n < len(batches) {
			next = &batches[n]
		}
		if err := r.wait(ctx, x, p, next); err != nil {
			return r.end(ctx, x, p, claims), err
		}
		if next == nil {
			break
		}
		if _, err := x.Apply(ctx, p, forms, *next, 1, nil); err != nil {
			if errors.As(err, new(*fix.Halt)) || ctx.Err() != nil {
				return r.end(ctx, x, p, claims), err
			}
			results, unknown := x.Applied(ctx, p.ID, forms)
			if unknown != nil {
				return nil, errors.Join(err, unknown)
			}
			if len(results) <= n {
				n-- // it did not take effect
			}
		}
	}
	return r.end(ctx, x, p, claims), nil
}

// asked asks what was sent, as the worker does before it sends and after every
// error.
func (r *rig) asked(x *Sending, p fix.Plan) []fix.Result {
	r.t.Helper()
	results, err := x.Applied(r.t.Context(), p.ID, p.Draft.Content.Forms)
	if err != nil {
		r.t.Fatalf("what was sent: %v", err)
	}
	return results
}

func (r *rig) wait(ctx context.Context, x *Sending, p fix.Plan, next *fix.Batch) error {
	for {
		why, err := x.Busy(ctx, p, p.Draft.Content.Forms, next)
		if errors.As(err, new(*fix.Halt)) {
			return err
		}
		if why == "" || err != nil {
			return nil //nolint:nilerr // as the worker
		}
		if err := sleep(ctx, 20*time.Millisecond); err != nil {
			r.t.Fatalf("the plan still %s", why)
		}
	}
}

// end settles the ledger by what the cluster remembers.
func (r *rig) end(ctx context.Context, x *Sending, p fix.Plan, claims []fix.Claim) []fix.Result {
	r.t.Helper()
	results, err := x.Applied(ctx, p.ID, p.Draft.Content.Forms)
	if err != nil {
		r.t.Fatalf("what was sent: %v", err)
	}
	var made []fix.Claim
	for i, b := range p.Draft.Content.Batches()[:len(results)] {
		some, err := fix.Made(p.Draft.Content.Forms, b, results[i])
		if err != nil {
			r.t.Fatal(err)
		}
		made = append(made, some...)
	}
	r.ledger.free(p.ID)
	r.ledger.hold(p.ID, fix.Sent, made)
	_ = claims
	return results
}

// done carries a plan out that must end well, and tells how many were sent.
func (r *rig) done(x *Sending, p fix.Plan) int64 {
	r.t.Helper()
	results, err := r.carry(x, p)
	if err != nil {
		r.t.Fatal(err)
	}
	sent := int64(0)
	for _, one := range results {
		sent += one.Changed
	}
	return sent
}

// committed is what a topic holds for those who read committed records only, once
// no transaction is open: its end reaches the topic a moment after its answer.
func (r *rig) committed(topic string) []*kgo.Record {
	r.t.Helper()
	admin := r.cluster.Admin(r.t)
	until(r.t, "no transaction is open in "+topic, func() bool {
		stable, err := admin.ListCommittedOffsets(r.t.Context(), topic)
		ends, err2 := admin.ListEndOffsets(r.t.Context(), topic)
		same := err == nil && err2 == nil
		ends.Each(func(end kadm.ListedOffset) {
			at, ok := stable.Lookup(topic, end.Partition)
			same = same && ok && at.Offset == end.Offset
		})
		return same
	})
	return r.cluster.Committed(r.t, topic)
}

// send produces records as they are, where they say.
func (r *rig) send(records ...*kgo.Record) {
	r.t.Helper()
	client := r.cluster.Client(r.t, kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(kgo.NoCompression()))
	defer client.Close()
	if err := client.ProduceSync(r.t.Context(), records...).FirstErr(); err != nil {
		r.t.Fatal(err)
	}
}

// letter makes a dead letter in Spring's way, of a record that was in a partition.
func (r *rig) letter(partition int32, offset int64, key, value string, more ...kgo.RecordHeader) *kgo.Record {
	rec := &kgo.Record{Topic: r.letters, Partition: partition, Value: []byte(value), Timestamp: time.UnixMilli(1_700_000_000_000 + offset)}
	if key != "" {
		rec.Key = []byte(key)
	}
	rec.Headers = append(rec.Headers, more...)
	rec.Headers = append(rec.Headers, spring(r.events, partition, offset, "com.example.NullPointerException")...)
	return rec
}

// kept are the headers of a letter that tell where it is from.
func kept(headers []kgo.RecordHeader) []kgo.RecordHeader {
	return slices.DeleteFunc(slices.Clone(headers), func(h kgo.RecordHeader) bool { return strings.Contains(h.Key, "exception") })
}

func spring(topic string, partition int32, offset int64, class string) []kgo.RecordHeader {
	return []kgo.RecordHeader{
		header("kafka_dlt-original-topic", topic),
		{Key: "kafka_dlt-original-partition", Value: []byte{byte(partition >> 24), byte(partition >> 16), byte(partition >> 8), byte(partition)}},
		{Key: "kafka_dlt-original-offset", Value: []byte{byte(offset >> 56), byte(offset >> 48), byte(offset >> 40), byte(offset >> 32), byte(offset >> 24), byte(offset >> 16), byte(offset >> 8), byte(offset)}},
		header("kafka_dlt-exception-fqcn", class),
		header("kafka_dlt-exception-message", "order o-17 has no customer"),
	}
}

// expire has a broker forget all records before an offset.
func (r *rig) expire(admin *kadm.Client, before map[string]map[int32]int64) {
	r.t.Helper()
	offsets := kadm.Offsets{}
	for topic, partitions := range before {
		for partition, at := range partitions {
			offsets.AddOffset(topic, partition, at, -1)
		}
	}
	done, err := admin.DeleteRecords(r.t.Context(), offsets)
	if err == nil {
		err = done.Error()
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) form(topic string) fix.Form {
	return fix.Form{Op: fix.Send, Table: r.letters, Name: topic}
}

func (r *rig) rules() letterRules { return (&DeadLetters{Topic: r.letters}).rules() }

func (r *rig) order(id int64) fix.Order { return fix.Order{ID: id} }

// placed is a letter as it stands at the beginning of its partition.
func placed(r *kgo.Record) *kgo.Record {
	out := *r
	out.Offset = 0
	return &out
}

// lastHeader is the value of the last header of a name; empty: none.
func lastHeader(headers []kgo.RecordHeader, name string) string {
	for _, h := range slices.Backward(headers) {
		if h.Key == name {
			return string(h.Value)
		}
	}
	return ""
}
