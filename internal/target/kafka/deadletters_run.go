package kafka

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/integritybot/integritybot/internal/check"
)

const (
	// saveEveryRows and saveEveryRead are how often a run becomes able to go on
	// from where it is.
	saveEveryRows = 2_000
	saveEveryRead = 50_000
	// tellLetters is how often it says how far it is.
	tellLetters = 1_000
)

// Validate implements Declaration.
func (d *DeadLetters) Validate(ctx context.Context, t *Target) error {
	if _, err := t.bounds(ctx, d.Topic); err != nil {
		return err
	}
	return t.readable(ctx, d.Topic)
}

// Detector implements Declaration. It is a check.Exporter too.
func (d *DeadLetters) Detector(t *Target, s Sources) check.Detector {
	return &lettersDetector{words: d, target: t, sources: s}
}

type lettersDetector struct {
	words   *DeadLetters
	target  *Target
	sources Sources
}

// lettersState is the cursor: what the topic held when the run began, and how
// far it has been judged.
type lettersState struct {
	ID    string          `json:"id"`
	Now   time.Time       `json:"now"`
	Ends  map[int32]int64 `json:"ends"`
	Next  map[int32]int64 `json:"next"`
	Total int64           `json:"total"`
	// Behind is how many stand behind an open transaction, at most: marks of
	// transactions are among them.
	Behind int64 `json:"behind,omitempty"`
	// Surveyed: the letters were counted before they are shown, because some are
	// innocent or the most frequent keys come first.
	Surveyed bool         `json:"surveyed,omitempty"`
	Innocent bool         `json:"innocent,omitempty"` // all of them: nothing fails
	Top      []string     `json:"top,omitempty"`      // keys, as digests
	Judged   lettersTally `json:"judged"`
	Groups   groups       `json:"groups"`
}

// lettersTally is what was judged so far.
type lettersTally struct {
	Read    int64           `json:"read,omitempty"`
	Scanned int64           `json:"scanned,omitempty"`
	Failing int64           `json:"failing,omitempty"`
	Sent    map[int64]int64 `json:"sent,omitempty"`  // by plan: not failing any more
	Taken   map[int64]int64 `json:"taken,omitempty"` // by plan: being sent
	Back    int64           `json:"back,omitempty"`  // sent before, and dead again
	Broken  int64           `json:"broken,omitempty"`
	Lost    int64           `json:"lost,omitempty"` // without an origin
}

// Detect implements check.Detector.
func (d *lettersDetector) Detect(ctx context.Context, opts check.Options, from check.Cursor, rec check.Recorder) (check.Result, error) {
	run, err := d.begin(ctx, opts, from, rec)
	if err != nil {
		return check.Result{}, err
	}
	rec.Columns(d.words.columns())
	if run.needsSurvey() {
		if err := run.survey(ctx); err != nil {
			return check.Result{}, err
		}
	}
	if err := run.report(ctx); err != nil {
		return check.Result{}, err
	}
	return run.result(), run.unknown()
}

// lettersRun is one run of the detector.
type lettersRun struct {
	*lettersDetector
	rules   letterRules
	by      string // grouping
	opts    check.Options
	rec     check.Recorder
	state   *lettersState
	held    *held
	unsaved int
	since   time.Time
}

func (d *lettersDetector) begin(ctx context.Context, opts check.Options, from check.Cursor, rec check.Recorder) (*lettersRun, error) {
	by, err := d.words.grouping(opts.GroupBy)
	if err != nil {
		return nil, err
	}
	run := &lettersRun{lettersDetector: d, rules: d.words.rules(), by: by, opts: opts, rec: rec, state: &lettersState{}}
	if len(from) > 0 {
		if err := json.Unmarshal(from, run.state); err != nil {
			return nil, fmt.Errorf("cursor of dead letters: %w", err)
		}
	} else if err := run.freeze(ctx); err != nil {
		return nil, err
	}
	if opts.Since > 0 {
		run.since = run.state.Now.Add(-opts.Since)
	}
	run.held, err = d.holds(ctx, run.state.ID)
	return run, err
}

// freeze fixes what the topic holds: a run does not chase what dies meanwhile.
func (r *lettersRun) freeze(ctx context.Context) error {
	b, behind, err := r.target.stableBounds(ctx, r.words.Topic)
	if err != nil {
		return err
	}
	s := r.state
	s.ID, s.Now, s.Total, s.Behind = b.id, r.target.opts.Now().UTC(), b.records(), behind
	s.Ends, s.Next, s.Groups = map[int32]int64{}, map[int32]int64{}, groups{}
	for p, sp := range b.parts {
		s.Next[p], s.Ends[p] = sp.from, sp.to
	}
	return nil
}

// rest is what is still to be read.
func (s *lettersState) rest(topic string) bounds {
	b := bounds{topic: topic, id: s.ID, parts: map[int32]span{}}
	for p, end := range s.Ends {
		b.parts[p] = span{s.Next[p], end}
	}
	return b
}

func (r *lettersRun) needsSurvey() bool {
	return !r.state.Surveyed && (r.words.Max > 0 || r.by == byKey)
}

// survey counts without showing anything: whether there are more than are
// innocent, and which keys are the most frequent.
func (r *lettersRun) survey(ctx context.Context) error {
	s := r.state
	keys := map[digest]int64{}
	err := r.target.scan(ctx, s.rest(r.words.Topic), func(rec *kgo.Record) error {
		l, failing := r.judge(rec)
		if failing && r.by == byKey {
			keys[digestOf(l.Key)]++
		}
		if r.by != byKey && s.Judged.Failing > r.words.Max {
			return stop{} // nothing else is asked
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.Surveyed, s.Innocent = true, s.Judged.Failing <= r.words.Max
	s.Judged, s.Top = lettersTally{}, mostFrequent(keys)
	return r.save(ctx)
}

// report judges all letters, and hands over what fails.
func (r *lettersRun) report(ctx context.Context) error {
	s := r.state
	err := r.target.scan(ctx, s.rest(r.words.Topic), func(rec *kgo.Record) error {
		l, failing := r.judge(rec)
		s.Next[rec.Partition] = rec.Offset + 1
		if failing {
			r.found(l)
		}
		if r.unsaved >= saveEveryRows || s.Judged.Read%saveEveryRead == 0 {
			return r.save(ctx)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for p, end := range s.Ends {
		s.Next[p] = end
	}
	return r.save(ctx)
}

func (r *lettersRun) save(ctx context.Context) error {
	cursor, err := json.Marshal(r.state)
	if err != nil {
		return fmt.Errorf("cursor of dead letters: %w", err)
	}
	r.unsaved = 0
	return r.rec.Save(ctx, cursor)
}

// judge counts a record, and tells whether it is a letter that no plan has dealt
// with.
func (r *lettersRun) judge(rec *kgo.Record) (Letter, bool) {
	t := &r.state.Judged
	t.Read++
	if t.Read%tellLetters == 0 {
		r.rec.Progress(check.Progress{Done: min(t.Read, r.state.Total), Total: r.state.Total, Reading: r.words.Topic})
	}
	if !r.since.IsZero() && rec.Timestamp.Before(r.since) {
		return Letter{}, false
	}
	t.Scanned++
	plan, sent, taken := r.held.at(rec.Partition, rec.Offset)
	if sent {
		count(&t.Sent, plan)
		return Letter{}, false
	}
	l := understand(r.rules, rec)
	t.Failing++
	if taken {
		count(&t.Taken, plan)
	}
	if l.Plan != 0 {
		t.Back++
	}
	switch {
	case l.Broken != "":
		t.Broken++
	case l.Topic == "":
		t.Lost++
	}
	return l, true
}

func count(m *map[int64]int64, plan int64) {
	if *m == nil {
		*m = map[int64]int64{}
	}
	(*m)[plan]++
}

func (r *lettersRun) found(l Letter) {
	class := r.state.Groups.class(r.class(l))
	r.state.Groups.add(class, l.Record.Timestamp)
	if r.state.Innocent {
		return
	}
	_, values := r.words.shown(l)
	r.rec.Found(check.Row{
		Key:    []string{fmt.Sprint(l.Record.Partition), fmt.Sprint(l.Record.Offset)},
		Values: values,
		Class:  class,
		At:     l.Record.Timestamp.UTC(),
	})
	r.unsaved++
}
