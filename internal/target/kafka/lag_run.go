package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// lagWindow is how long the speed is measured for, where something is unread.
// Consumers commit every 5 seconds unless they are told otherwise
// (auto.commit.interval.ms): a shorter look would often see one stand still that
// does not.
const lagWindow = 6 * time.Second

// Detect implements check.Detector.
func (d *lagDetector) Detect(ctx context.Context, opts check.Options, _ check.Cursor, rec check.Recorder) (check.Result, error) {
	group, err := d.target.group(ctx, d.words.Group)
	if err != nil {
		return check.Result{}, err
	}
	l, err := d.look(ctx, group)
	if err != nil {
		return check.Result{}, err
	}
	rec.Progress(check.Progress{Done: 0, Total: int64(len(l.parts)), Reading: d.words.Group})
	if err := d.ages(ctx, l); err != nil {
		return check.Result{}, err
	}
	if opts.Overview || slices.ContainsFunc(l.parts, func(p *partitionLag) bool { return d.words.over(p, l.at) != "" }) {
		if err := d.speed(ctx, group, l); err != nil {
			return check.Result{}, err
		}
	}
	rec.Columns(lagColumns())
	slices.SortFunc(l.parts, worseFirst)
	failing := 0
	for _, p := range l.parts {
		if why := d.words.over(p, l.at); why != "" {
			failing++
			rec.Found(check.Row{Key: []string{p.topic, fmt.Sprint(p.part)}, Values: p.values(l.at), Class: why, At: p.oldest})
		}
	}
	result := d.result(opts, group, l)
	result.Says = l.says(failing)
	if failing == 0 {
		return result, d.unknown(l)
	}
	return result, nil
}

// speed looks again a while later, if there is anything to catch up with: only
// where it will be shown, because it takes its time. That a second look fails
// takes nothing from the first.
func (d *lagDetector) speed(ctx context.Context, group consumers, l *lagLook) error {
	if !slices.ContainsFunc(l.parts, func(p *partitionLag) bool { return p.lag > 0 }) {
		return nil
	}
	if err := d.target.opts.Sleep(ctx, lagWindow); err != nil {
		return context.Cause(ctx)
	}
	later, err := d.look(ctx, group)
	switch {
	case ctx.Err() != nil:
		return err
	case err == nil:
		l.measure(later)
	}
	return nil
}

// over says which limits a partition exceeds; empty: none that is known.
func (l *Lag) over(p *partitionLag, now time.Time) string {
	if p.unknown != nil {
		return ""
	}
	var over []string
	if l.MaxLag != nil && p.lag > *l.MaxLag {
		over = append(over, fmt.Sprintf("more than %s unread", phrase.Count(*l.MaxLag)))
	}
	if l.MaxAge != nil && !p.oldest.IsZero() && now.Sub(p.oldest) > l.MaxAge.Std() {
		over = append(over, "unread for more than "+humane(l.MaxAge.Std()))
	}
	return strings.Join(over, ", ")
}

// unknown is the Problem of partitions of which nobody knows whether they keep
// up.
func (d *lagDetector) unknown(l *lagLook) error {
	var first error
	n := 0
	for _, p := range l.parts {
		err := p.unknown
		if err == nil && d.words.MaxAge != nil {
			err = p.unaged
		}
		if err != nil {
			first = cmp.Or(first, err)
			n++
		}
	}
	if first == nil {
		return nil
	}
	said := first.Error()
	var known *check.Problem
	if errors.As(first, &known) {
		said = known.Sentence
	}
	return &check.Problem{Sentence: fmt.Sprintf("%s of group %s could not be judged. %s",
		counted(int64(n), "partition"), d.words.Group, said), Err: first}
}

func counted(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return phrase.Count(n) + " " + noun + "s"
}

func (d *lagDetector) result(opts check.Options, group consumers, l *lagLook) check.Result {
	res := check.Result{
		Scanned:  int64(len(l.parts)),
		Plan:     "committed offsets against the end of what is committed (last stable offset)",
		Position: l.position(),
		Notes:    d.notes(opts, group, l),
	}
	if opts.Overview {
		res.Overview = l.overview()
	}
	return res
}

// position are the end offsets of each topic.
func (l *lagLook) position() string {
	ends := map[string]map[int32]int64{}
	for _, p := range l.parts {
		if ends[p.topic] == nil {
			ends[p.topic] = map[int32]int64{}
		}
		ends[p.topic][p.part] = p.end
	}
	var out []string
	for _, name := range slices.Sorted(maps.Keys(ends)) {
		out = append(out, name+" "+positions(ends[name]))
	}
	return strings.Join(out, ", ")
}
