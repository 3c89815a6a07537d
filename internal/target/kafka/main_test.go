package kafka

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.yaml.in/yaml/v4"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/kafkatest"
)

func TestMain(m *testing.M) { kafkatest.Main(m) }

var errKilled = errors.New("killed by the test")

// eachPeer runs a scenario on each peer of Kafka.
func eachPeer(t *testing.T, scenario func(t *testing.T, peer kafkatest.Peer)) {
	t.Helper()
	for _, peer := range kafkatest.Peers(t) {
		t.Run(string(peer), func(t *testing.T) {
			t.Parallel()
			scenario(t, peer)
		})
	}
}

// open makes a target of a cluster, with time-outs that a loaded machine keeps.
func open(t testing.TB, c *kafkatest.Cluster, change ...func(*Options)) *Target {
	t.Helper()
	o := Options{Name: "events", Place: "production/events", Brokers: c.Brokers, TLS: c.TLSConfig(), Store: "test"}
	for _, f := range change {
		f(&o)
	}
	target, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(target.Close)
	return target
}

// words reads YAML as the config does.
func words(t testing.TB, kind, text string) Declaration {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Load([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	d, err := Declare(kind, doc.Content[0])
	if err != nil {
		t.Fatalf("%s %s: %v", kind, text, err)
	}
	return d
}

// produce sends records in their order.
func produce(t testing.TB, c *kafkatest.Cluster, records ...*kgo.Record) {
	t.Helper()
	cl := c.Client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchMaxBytes(900_000))
	defer cl.Close()
	if err := cl.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// sentence is what people are told.
func sentence(t testing.TB, err error) string {
	t.Helper()
	var p *check.Problem
	if !errors.As(err, &p) {
		t.Fatalf("%v has no sentence for people", err)
	}
	return p.Sentence
}

// recorder is a check.Recorder that keeps what was saved, and can end a run in
// the middle of a save as a killed process would.
type recorder struct {
	t       testing.TB
	killAt  int // the save that fails; 0: none
	saves   int
	columns []check.Column
	unsaved []check.Row
	saved   []check.Row
	most    int // rows waiting for a save, at most
	cursor  check.Cursor
	onSave  func()
}

func (r *recorder) Columns(cols []check.Column) { r.columns = cols }

func (r *recorder) Found(rows ...check.Row) {
	for _, row := range rows {
		if len(row.Values) != len(r.columns) {
			r.t.Errorf("row %v has %d values for %d columns", row.Key, len(row.Values), len(r.columns))
		}
	}
	r.unsaved = append(r.unsaved, rows...)
	r.most = max(r.most, len(r.unsaved))
}

func (r *recorder) Save(_ context.Context, next check.Cursor) error {
	r.saves++
	if r.saves == r.killAt {
		return errKilled
	}
	r.saved, r.unsaved = append(r.saved, r.unsaved...), nil
	r.cursor = slices.Clone(next)
	if r.onSave != nil {
		r.onSave()
	}
	return nil
}

func (r *recorder) Progress(p check.Progress) {
	if p.Done > p.Total {
		r.t.Errorf("progress says %d of %d", p.Done, p.Total)
	}
}

// rows are all, the last ones as Execute would save them.
func (r *recorder) rows() []check.Row { return append(slices.Clone(r.saved), r.unsaved...) }

func (r *recorder) classes() map[string]int {
	out := map[string]int{}
	for _, row := range r.rows() {
		out[row.Class]++
	}
	return out
}

// ledger is what plans have sent, in memory.
type ledger []fix.Held

func (l ledger) Held(context.Context, string, string) ([]fix.Held, error) { return l, nil }

// until waits for a condition, for as long as a loaded machine may need.
func until(t testing.TB, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if done() {
			return
		}
	}
	t.Fatalf("waited in vain for %s", what)
}

func asJSON(t testing.TB, v any) string {
	t.Helper()
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// forever keeps records with old times from being deleted by their age.
func forever() map[string]string { return map[string]string{"retention.ms": "-1"} }
