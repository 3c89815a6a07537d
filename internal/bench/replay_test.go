//go:build bench

package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	ofRaw  = 0.6 // goal S7
	noKcat = "kcat is not installed (`deploy/scripts/setup.sh all`)"
)

// measureReplay is S7: dead letters sent on by a plan, by kcat and by nothing but a producer, on each peer.
func measureReplay(t *trial, b *bed) {
	for _, peer := range startPeers(t) {
		r := &replay{peer: peer, size: b.letters}
		if b.profiles != "" {
			r.profile = filepath.Join(b.profiles, "s7-"+strings.ReplaceAll(peer.name, " ", "-")+".pprof")
		}
		for range b.replays {
			r.once(t)
		}
		t.measured(r.row())
	}
	b.note("S7", "Median of %d rounds, each into fresh topics of %d partitions. Ours is the engine that carries plans out: it reads each record of the plan again, compares its digest, and "+
		"sends it in transactions that also hold the record of what was sent; working the plan out comes before. The raw producer (franz-go) sends the same records from memory, "+
		"without reading or transactions; consume and produce is franz-go's consumer of committed records and its producer, in one program, which compares and remembers nothing. kcat is `kcat -C -K '%s' | kcat -P -K '%s'`. The broker is a process of its own, and so is each side but the raw producer. Whole is a record with its key, value, headers in order "+
		"(exceptions stripped, as declared), time and partition.", b.replays, letterPartitions, keyDelimiter, keyDelimiter)
}

// replay is one peer's measurements.
type replay struct {
	peer kafkaPeer
	size int

	round int
	from  string        // topic of the round's dead letters
	dead  []*kgo.Record // what stands there

	ours, naive                            []sideDid
	raw, kcat                              []time.Duration
	oursKept, naiveKept, rawKept, kcatKept kept
	withoutKcat                            bool
	profile                                string // of ours; empty: none
}

func (r *replay) client(t *trial, o ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(r.peer.brokers...)}, o...)...)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func (r *replay) topic(t *trial, name string) {
	t.Helper()
	client := r.client(t)
	defer client.Close()
	forever := "-1" // the letters are old, and Kafka counts from their own time
	if _, err := kadm.NewClient(client).CreateTopic(t.Context(), letterPartitions, 1, map[string]*string{"retention.ms": &forever}, name); err != nil {
		t.Fatal(err)
	}
}

// produce is the raw producer: records from memory, each to its partition.
func (r *replay) produce(t *trial, topic string, records []*kgo.Record) {
	t.Helper()
	client := r.client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MaxBufferedRecords(len(records)))
	defer client.Close()
	failed := make(chan error, 1)
	for _, one := range records {
		c := *one
		c.Topic = topic
		client.Produce(t.Context(), &c, func(_ *kgo.Record, err error) {
			if err != nil {
				select {
				case failed <- err:
				default:
				}
			}
		})
	}
	if err := client.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-failed:
		t.Fatal(err)
	default:
	}
}

// once lets each side do the work once, into a topic of its own.
func (r *replay) once(t *trial) {
	t.Helper()
	r.round++
	name := func(who string) string { return fmt.Sprintf("bench-%s-%d", who, r.round) }
	ours, naive, raw, kcat := name("ours"), name("naive"), name("raw"), name("kcat")
	r.from, r.dead = name("dlq"), letters(r.size, ours)
	for _, topic := range []string{r.from, ours, naive, raw, kcat} {
		r.topic(t, topic)
	}
	defer r.dropTopics(t, r.from, ours, naive, raw, kcat)
	r.produce(t, r.from, r.dead)

	all := func(one *kgo.Record) []kgo.RecordHeader { return one.Headers }
	cleaned := func(one *kgo.Record) []kgo.RecordHeader { return without(one.Headers, exceptionHeaders) }
	began := time.Now()
	r.produce(t, raw, r.dead)
	r.raw = append(r.raw, time.Since(began))
	r.rawKept = r.judge(t, raw, all)

	r.ours = append(r.ours, r.child(t, sideOurs, ours))
	r.oursKept = r.judge(t, ours, cleaned)

	r.naive = append(r.naive, r.child(t, sideNaive, naive))
	r.naiveKept = r.judge(t, naive, cleaned)

	if _, err := exec.LookPath("kcat"); err != nil {
		r.withoutKcat = true
		return
	}
	began = time.Now()
	r.pipe(t, kcat)
	r.kcat = append(r.kcat, time.Since(began))
	r.kcatKept = r.judge(t, kcat, cleaned)
}

// dropTopics makes room for the next round.
func (r *replay) dropTopics(t *trial, names ...string) {
	client := r.client(t)
	defer client.Close()
	if _, err := kadm.NewClient(client).DeleteTopics(t.Context(), names...); err != nil {
		t.Error(err)
	}
}

func (r *replay) judge(t *trial, topic string, headers func(*kgo.Record) []kgo.RecordHeader) kept {
	t.Helper()
	out, err := committed(t.Context(), r.peer.brokers, topic)
	if err != nil {
		t.Fatal(err)
	}
	return judge(r.dead, out, headers)
}

// child lets one side do its work in a process of its own, as kcat does: this one's memory is full of the records that
// the others are compared with.
func (r *replay) child(t *trial, side, to string) sideDid {
	t.Helper()
	todo := sideTask{Side: side, Brokers: r.peer.brokers, From: r.from, To: to, Plan: int64(r.round), Letters: r.size}
	if side == sideOurs {
		todo.Profile = r.profile
	}
	task, err := json.Marshal(todo)
	if err != nil {
		t.Fatal(err)
	}
	var did sideDid
	out := run(t.Context(), t, ".", append(environ(nil), sideEnv+"="+string(task)), os.Args[0])
	if err := json.Unmarshal([]byte(out), &did); err != nil {
		t.Fatalf("%s said %q: %v", side, out, err)
	}
	return did
}

// pipe is kcat's consumer into kcat's producer, as a runbook would have it.
func (r *replay) pipe(t *trial, to string) {
	t.Helper()
	broker := r.peer.brokers[0]
	from := exec.CommandContext(t.Context(), "kcat", "-C", "-q", "-b", broker, "-t", r.from, "-o", "beginning", "-e", "-K", keyDelimiter)
	into := exec.CommandContext(t.Context(), "kcat", "-P", "-b", broker, "-t", to, "-K", keyDelimiter)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	from.Stdout, into.Stdin = write, read
	if err := errors.Join(from.Start(), into.Start()); err != nil {
		t.Fatal(err)
	}
	_, _ = write.Close(), read.Close() // theirs by now
	if err := errors.Join(from.Wait(), into.Wait()); err != nil {
		t.Fatalf("kcat | kcat: %v", err)
	}
}

// row is the peer's line in the table.
func (r *replay) row() row {
	n := float64(r.size)
	rate := func(took time.Duration) float64 { return n / took.Seconds() }
	each := func(v float64) string { return humanize.Comma(int64(v)) + " records/s" }
	of := func(sides []sideDid, what func(sideDid) time.Duration) time.Duration {
		var all []time.Duration
		for _, one := range sides {
			all = append(all, what(one))
		}
		return median(all)
	}
	took := func(d sideDid) time.Duration { return d.Took }
	cpu := func(sides []sideDid) string {
		per := of(sides, func(d sideDid) time.Duration { return d.CPU }) / time.Duration(r.size)
		return fmt.Sprintf("%.1f µs of CPU a record", float64(per.Nanoseconds())/1e3)
	}
	ours, plan, naive, raw := of(r.ours, took), of(r.ours, func(d sideDid) time.Duration { return d.Planned }), of(r.naive, took), median(r.raw)
	theirs, faster := noKcat, true
	if !r.withoutKcat {
		theirs = fmt.Sprintf("kcat: %s, %s", each(rate(median(r.kcat))), r.kcatKept)
		faster = ours < median(r.kcat)
	}
	last := r.ours[len(r.ours)-1]
	return row{
		ID: "S7", Work: fmt.Sprintf("%s dead letters sent on, on %s", humanize.Comma(int64(n)), r.peer.name),
		Ours: fmt.Sprintf("%s in %d transactions, %.0f %% of raw, %s, %s; with the plan before it %s (plan %s, apply %s), peak %s MiB",
			each(rate(ours)), last.Transactions, 100*raw.Seconds()/ours.Seconds(), cpu(r.ours), r.oursKept, each(rate(ours+plan)), seconds(plan), seconds(ours),
			humanize.Comma(last.Peak>>20)),
		Theirs: fmt.Sprintf("%s; consume and produce, no transactions: %s, %s, %s; raw produce from memory: %s, %s", theirs,
			each(rate(naive)), cpu(r.naive), r.naiveKept, each(rate(raw)), r.rawKept),
		Goal: "faster than kcat, ≥ 60 % of raw, 100 % kept",
		Met:  verdict(!r.withoutKcat && faster && raw.Seconds() >= ofRaw*ours.Seconds() && r.oursKept.all()),
	}
}
