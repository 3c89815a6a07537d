package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// watch looks for copies that came back: letters behind the end that the plan was
// made of, which carry its name.
type watch struct {
	next map[int32]int64 // where to look on, by partition
	back map[string]bool // the letters whose copies came back
}

// Busy implements fix.Patient: the rate is kept, and after the canary and after
// the last batch it waits to see whether copies come back. Too many of them are
// a halt, whenever they are seen.
func (x *Sending) Busy(ctx context.Context, p fix.Plan, forms []fix.Form, next *fix.Batch) (why string, err error) {
	spec, f, ok, err := paceOf(forms)
	if err != nil {
		return "", err
	}
	s, err := x.take(ctx, p.ID, forms, ifNeeds)
	if err != nil {
		return "", err
	}
	done := false
	defer func() {
		if done {
			x.forget(s)
		}
		s.give()
	}()
	if s.memory.Next == 0 {
		return "", nil
	}
	back := 0
	if ok && s.memory.Sent > 0 {
		if back, err = s.cameBack(ctx, f, spec); err != nil {
			return "", err
		}
		if float64(back) > spec.StopShare*float64(s.memory.Sent) {
			done = true
			return "", s.halt(p, f, spec, back)
		}
	}
	if why = s.waits(spec, next, back); why == "" && next != nil {
		why, err = s.paces(ctx, spec)
	}
	done = why == "" && next == nil
	return why, err
}

// paceOf is the form that says how a plan is paced: that of its replays, if it
// has any. ok tells that copies of it may come back.
func paceOf(forms []fix.Form) (spec sendSpec, f fix.Form, ok bool, err error) {
	for _, one := range forms {
		said, err := specOf(one)
		if err != nil {
			return spec, f, false, err
		}
		if spec.Kind != sendLetter {
			spec, f = said, one
		}
	}
	return spec, f, spec.Kind == sendLetter, nil
}

// waits says why it has to be seen first what becomes of what was sent.
func (s *sender) waits(spec sendSpec, next *fix.Batch, back int) string {
	m, now := s.memory, s.x.t.opts.Now()
	last := time.UnixMilli(m.Millis)
	canary := m.First && spec.Canary > 0
	if m.Sent > 0 && (canary || next == nil) && now.Before(last.Add(spec.Window)) {
		first := "the last"
		if canary {
			first = "the first " + phrase.Count(m.Sent)
		}
		return fmt.Sprintf("waits %s after %s to see whether any come back to %s: %d so far", phrase.Duration(spec.Window), first, spec.At, back)
	}
	return ""
}

// paces keeps to the rate. A short pause is made here, because whoever asks again
// does so a second later.
func (s *sender) paces(ctx context.Context, spec sendSpec) (why string, err error) {
	const short = 2 * time.Second
	if spec.Rate <= 0 {
		return "", nil
	}
	due := time.UnixMilli(s.memory.Millis).Add(time.Duration(float64(s.memory.Last) / float64(spec.Rate) * float64(time.Second)))
	pause := due.Sub(s.x.t.opts.Now())
	if pause > short {
		return fmt.Sprintf("keeps to %s a second", phrase.Plural(int64(spec.Rate), "record")), nil
	}
	return "", s.x.t.opts.Sleep(ctx, pause)
}

// cameBack counts the letters whose copies are dead letters again. One that dies
// twice counts once. What was read stays read, even if there is more of it than
// one look has time for.
func (s *sender) cameBack(ctx context.Context, f fix.Form, spec sendSpec) (int, error) {
	t := s.x.t
	if s.watch == nil {
		s.watch = &watch{next: maps.Clone(spec.Ends), back: map[string]bool{}}
	}
	now, err := t.bounds(ctx, f.Table)
	if err != nil {
		return 0, err
	}
	if now.id != f.Shape {
		return len(s.watch.back), nil // another topic by now: nothing of it is ours
	}
	unseen := bounds{topic: now.topic, id: now.id, parts: map[int32]span{}}
	for partition, held := range now.parts {
		if from := max(s.watch.next[partition], held.from); from < held.to {
			unseen.parts[partition] = span{from, held.to}
		}
	}
	if len(unseen.parts) == 0 {
		return len(s.watch.back), nil
	}
	err = t.scan(ctx, unseen, func(r *kgo.Record) error {
		if place, ours := s.ours(r, f, spec); ours {
			s.watch.back[place] = true
		}
		s.watch.next[r.Partition] = r.Offset + 1
		return nil
	})
	if err != nil {
		return 0, err
	}
	for partition, held := range unseen.parts {
		s.watch.next[partition] = held.to
	}
	return len(s.watch.back), nil
}

// ours tells whether a letter is a copy that this plan sent, and of which letter.
// Another bot may have a plan of the same name, but not made of the same letter.
func (s *sender) ours(r *kgo.Record, f fix.Form, spec sendSpec) (place string, ok bool) {
	l := understand(spec.Rules, r)
	if l.Plan != s.plan {
		return "", false
	}
	parts := strings.Split(l.From, "/")
	if len(parts) != 3 || parts[0] != f.Table {
		return "", false
	}
	partition, err := strconv.ParseInt(parts[1], 10, 32)
	offset, err2 := strconv.ParseInt(parts[2], 10, 64)
	if errors.Join(err, err2) != nil || offset >= spec.Ends[int32(partition)] {
		return "", false
	}
	return l.From, true
}

// halt ends the plan because too many came back.
func (s *sender) halt(p fix.Plan, f fix.Form, spec sendSpec, back int) error {
	sent, made := phrase.Count(s.memory.Sent), int64(0)
	for _, run := range s.memory.Sizes {
		made += int64(run[0]) * int64(run[1])
	}
	rest := "all had been sent by then."
	if left := p.Draft.Total - made; left > 0 {
		rest = fmt.Sprintf("the other %s were not sent.", phrase.Count(left))
	}
	return &fix.Halt{Sentence: fmt.Sprintf(
		"%s of %s records that were sent came back to %s (limit %s, watched for %s); %s Look at the consumer of %s first: a replay does not cure what it fails at.",
		phrase.Count(int64(back)), sent, f.Table, percent(spec.StopShare), phrase.Duration(spec.Window), rest, f.Name)}
}

func percent(share float64) string {
	return strconv.FormatFloat(100*share, 'f', -1, 64) + " %"
}
