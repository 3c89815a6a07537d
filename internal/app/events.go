package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/config"
	"github.com/integritybot/integritybot/internal/target/kafka"
)

// ExportOptions are what `integritybot events export` was asked for.
type ExportOptions struct {
	Check   string // empty: the only one of its kind
	Select  []string
	Since   time.Duration
	Limit   int
	Out     io.Writer
	Log     *slog.Logger
	Version string
}

// ExportEvents writes what a check of dead letters looks at, one line of JSON a
// record, as it is and unmasked. If a store is configured it is recorded before it
// begins; if that fails, nothing is read.
func ExportEvents(ctx context.Context, c *config.Config, o ExportOptions) (check.Exported, error) {
	name, err := lettersCheck(c, o.Check)
	if err != nil {
		return check.Exported{}, err
	}
	if err := selection(o.Select); err != nil {
		return check.Exported{}, inOneSentence(err)
	}
	held := &laterLedger{nothingSent{}}
	targets, err := openTargets(ctx, c, memory{ledger: held})
	if err != nil {
		return check.Exported{}, err
	}
	defer targets.Close()
	record, err := openRecord(ctx, c, shell{o.Log, o.Version})
	if err != nil {
		return check.Exported{}, err
	}
	defer record.close()
	held.of(record)
	one := targets.Catalog(c).ByName()[name]
	record.warn([]check.Check{one}, o.Log)
	exporter, ok := one.Detector.(check.Exporter)
	if !ok {
		return check.Exported{}, fmt.Errorf("the target of %s is off: the config gives no address for %s", name, one.Target)
	}
	if err := record.intend(ctx, "events.export", name); err != nil {
		return check.Exported{}, err
	}
	started := time.Now()
	done, err := exporter.Export(ctx, o.order(one, started), func(line []byte) error {
		_, err := o.Out.Write(append(line, '\n'))
		return err
	})
	err = errors.Join(inOneSentence(err), record.end(audit.Event{
		Action: "events.export", Target: name, After: fmt.Sprintf("%d records", done.Lines), Duration: time.Since(started),
	}, err, "the export did not finish"))
	return done, err
}

func (o ExportOptions) order(one check.Check, at time.Time) check.Order {
	return check.Order{
		Title: one.Title, Checks: []string{one.Name}, Step: check.StepExport, Options: check.Options{Since: o.Since},
		Select: o.Select, Limit: o.Limit, AskedAt: at,
	}
}

// lettersCheck finds the check that is meant.
func lettersCheck(c *config.Config, word string) (string, error) {
	var names []string
	for _, d := range c.Declared() {
		if _, ok := d.Declaration.(*kafka.DeadLetters); ok {
			names = append(names, d.Check.Name)
		}
	}
	switch {
	case len(names) == 0:
		return "", errors.New("the config declares no check of kind dead-letters; config.example.yaml shows one")
	case word == "" && len(names) == 1:
		return names[0], nil
	case word == "":
		return "", fmt.Errorf("which check? Write --check with one of %s", strings.Join(names, ", "))
	case !slices.Contains(names, word):
		return "", fmt.Errorf("there is no check of dead letters called %q; there are %s", word, strings.Join(names, ", "))
	}
	return word, nil
}

// ImportOptions are what `integritybot events import` was asked for.
type ImportOptions struct {
	Target string // empty: the only cluster
	Topic  string
	ByKey  bool // to the partition of the key, and not the one that the line names
	In     io.Reader
	// Progress receives a line now and then; nil for none.
	Progress io.Writer
	Log      *slog.Logger
	Version  string
}

// ImportEvents produces what an export wrote, equal to the byte, and gives how many
// records are committed, also with an error. It is recorded as an export is.
func ImportEvents(ctx context.Context, c *config.Config, o ImportOptions) (kafka.Imported, error) {
	name, err := kafkaCluster(c, o.Target)
	if err != nil {
		return kafka.Imported{}, err
	}
	record, err := openRecord(ctx, c, shell{o.Log, o.Version})
	if err != nil {
		return kafka.Imported{}, err
	}
	defer record.close()
	targets, err := openTargets(ctx, c, record.memory)
	if err != nil {
		return kafka.Imported{}, err
	}
	defer targets.Close()
	target, on := targets.kafka[name]
	if !on {
		return kafka.Imported{}, fmt.Errorf("target %s is off: the config gives no address for it (targets.%s.kafka.brokers)", name, name)
	}
	place := name + "/" + o.Topic
	if err := record.intend(ctx, "events.import", place); err != nil {
		return kafka.Imported{}, err
	}
	started, told := time.Now(), time.Now()
	done, err := kafka.Import(ctx, target, o.Topic, o.In, kafka.ImportOptions{ByKey: o.ByKey, OnSent: func(n int64) {
		if o.Progress != nil && time.Since(told) >= 2*time.Second {
			told = time.Now()
			fmt.Fprintf(o.Progress, "%d records sent\n", n)
		}
	}})
	err = errors.Join(inOneSentence(err), record.end(audit.Event{
		Action: "events.import", Target: place, After: fmt.Sprintf("%d records", done.Sent), Duration: time.Since(started),
	}, err, "the import did not finish"))
	return done, err
}

// kafkaCluster finds the target that is meant.
func kafkaCluster(c *config.Config, word string) (string, error) {
	var names []string
	for name, one := range c.Targets {
		if one.Kafka != nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	switch {
	case len(names) == 0:
		return "", errors.New("the config has no target of kind kafka; config.example.yaml shows one")
	case word == "" && len(names) == 1:
		return names[0], nil
	case word == "":
		return "", fmt.Errorf("which cluster? Write --target with one of %s", strings.Join(names, ", "))
	case !slices.Contains(names, word):
		return "", fmt.Errorf("there is no Kafka target called %q; there are %s", word, strings.Join(names, ", "))
	}
	return word, nil
}

// inOneSentence is what people are told of an error; nil stays nil.
func inOneSentence(err error) error {
	var p *check.Problem
	if errors.As(err, &p) {
		return errors.New(p.Sentence)
	}
	return err
}
