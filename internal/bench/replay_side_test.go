//go:build bench

package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/pprof"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.yaml.in/yaml/v4"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/target/kafka"
)

// sideEnv makes this test binary one side of S7: see TestMain. It holds a sideTask.
const sideEnv = "BENCH_SIDE"

// The sides that are processes of this binary.
const (
	sideOurs  = "ours"
	sideNaive = "naive" // consume and produce
)

// sideTask is what a side has to do.
type sideTask struct {
	Side     string
	Brokers  []string
	From, To string
	Plan     int64 // its number
	Letters  int
	Profile  string // write a CPU profile of the work there; empty: none
}

// sideDid is what a side says when it is done.
type sideDid struct {
	Planned, Took time.Duration
	CPU           time.Duration // of this process, during Took
	Transactions  int
	Peak          int64 // bytes of resident memory, the plan included; 0: the system does not say
}

// sideMain does the work of one side and says how it went.
func sideMain() int {
	var task sideTask
	did := sideDid{}
	err := json.Unmarshal([]byte(os.Getenv(sideEnv)), &task)
	switch {
	case err != nil:
	case task.Side == sideOurs:
		did, err = task.ours(context.Background())
	default:
		did, err = task.naive(context.Background())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	did.Peak = memory(os.Getpid(), "VmHWM") // ru_maxrss would start with what the parent had
	if err := json.NewEncoder(os.Stdout).Encode(did); err != nil {
		return 1
	}
	return 0
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// measured times some work.
func (task sideTask) measured(did *sideDid, work func() error) error {
	if task.Profile != "" {
		f, err := os.Create(task.Profile)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	began, before := time.Now(), cpuTime()
	err := work()
	did.Took, did.CPU = time.Since(began), cpuTime()-before
	return err
}

// ours is a plan, and all of its batches, as the worker carries them out.
func (task sideTask) ours(ctx context.Context) (did sideDid, err error) {
	target, err := kafka.Open(kafka.Options{Name: "events", Brokers: task.Brokers, Sends: true, Store: "bench", Prefix: "bench"})
	if err != nil {
		return did, err
	}
	defer target.Close()
	sources := kafka.Sources{Ledger: nothingHeld{}, Tables: nothingKnown{}}
	declared, err := declaredReplay(task.From)
	if err != nil {
		return did, err
	}
	planner := declared.Planner(target, sources, check.Check{Name: "failed-events", Title: "Failed events"})
	order := fix.Order{ID: task.Plan, Check: "failed-events"}
	began := time.Now()
	d, err := planner.Draft(ctx, order, fix.Caps{Rows: int64(task.Letters), Share: 1}, func(check.Progress) {})
	if err != nil {
		return did, err
	}
	hash, err := d.Content.Hash(order, "events")
	if err != nil {
		return did, err
	}
	did.Planned = time.Since(began)
	content, batches := d.Content, d.Content.Batches()
	d.Content, d.Listing = fix.Content{}, nil // the worker has them in the store
	plan := fix.Plan{Order: order, State: fix.Applying, Draft: d, Hash: hash, DecidedBy: confirmedBy}
	applier := target.Applier(sources)
	did.Transactions = len(batches)
	err = task.measured(&did, func() error {
		if _, err := applier.Applied(ctx, plan.ID, content.Forms); err != nil { // it fences everybody else
			return err
		}
		for _, batch := range batches {
			result, err := applier.Apply(ctx, plan, content.Forms, batch, 1, nil)
			if err != nil {
				return err
			}
			if len(result.Skipped) > 0 {
				return fmt.Errorf("batch %d left %d records alone: %v", batch.N, len(result.Skipped), result.Skipped[0])
			}
		}
		return nil
	})
	return did, err
}

// naive is what a program of an afternoon does: a consumer of committed records whose records a producer sends on,
// without the exceptions' headers. It compares nothing, remembers nothing, and uses no transaction.
func (task sideTask) naive(ctx context.Context) (did sideDid, err error) {
	from, err := kgo.NewClient(kgo.SeedBrokers(task.Brokers...), kgo.ConsumeTopics(task.From), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		return did, err
	}
	defer from.Close()
	into, err := kgo.NewClient(kgo.SeedBrokers(task.Brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MaxBufferedRecords(task.Letters))
	if err != nil {
		return did, err
	}
	defer into.Close()
	err = task.measured(&did, func() error {
		failed := make(chan error, 1)
		for left := task.Letters; left > 0; {
			fetches := from.PollFetches(ctx)
			if err := fetches.Err(); err != nil {
				return err
			}
			fetches.EachRecord(func(r *kgo.Record) {
				left--
				out := &kgo.Record{
					Topic: task.To, Key: r.Key, Value: r.Value, Headers: without(r.Headers, exceptionHeaders), Timestamp: r.Timestamp, Partition: r.Partition,
				}
				into.Produce(ctx, out, func(_ *kgo.Record, err error) {
					if err != nil {
						select {
						case failed <- err:
						default:
						}
					}
				})
			})
		}
		if err := into.Flush(ctx); err != nil {
			return err
		}
		select {
		case err := <-failed:
			return err
		default:
			return nil
		}
	})
	return did, err
}

// declaredReplay is a fix as a config would declare it.
func declaredReplay(topic string) (kafka.Fix, error) {
	words := func(text string) (*yaml.Node, error) {
		var document yaml.Node
		if err := yaml.Unmarshal([]byte(text), &document); err != nil {
			return nil, err
		}
		return document.Content[0], nil
	}
	about, err := words("topic: " + topic + "\nid: {header: event_id}\n")
	ways, err2 := words(strings.Join([]string{"mode: replay", "to: original", "partition: original", "rate: 0", ""}, "\n"))
	if err := errors.Join(err, err2); err != nil {
		return kafka.Fix{}, err
	}
	declaration, err := kafka.Declare("dead-letters", about)
	if err != nil {
		return kafka.Fix{}, err
	}
	return kafka.DeclareFix("dead-letters", declaration, ways)
}

// nothingHeld and nothingKnown are a store and a database that know of no record.
type (
	nothingHeld  struct{}
	nothingKnown struct{}
)

func (nothingHeld) Held(context.Context, string, string) ([]fix.Held, error) { return nil, nil }

func (nothingKnown) Known(context.Context, string, string, string, []string) (map[string]bool, error) {
	return map[string]bool{}, nil
}

func (nothingKnown) Events(context.Context, string, kafka.EventTable, string, time.Time, time.Time, int) ([]kafka.Event, error) {
	return nil, errors.New("there is no event store")
}
