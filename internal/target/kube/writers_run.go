package kube

import (
	"context"
	"errors"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/integritybot/integritybot/internal/check"
)

// betweenLooks lies between two looks at a deployment: one that changes all the
// time is being fought over.
const betweenLooks = time.Second

// writersDetector carries a check of writers out.
type writersDetector struct {
	words  *Writers
	target *Target
}

// writerLook is all that is known of one writer, and what that means.
type writerLook struct {
	seen
	pods   []corev1.Pod
	owners []owner
	unseen []string // what could not be looked at
	moves  int      // how often it changed between two looks
	judgement
}

// Detect implements check.Detector. What one deployment does not tell is no
// reason to be silent about the others.
func (d *writersDetector) Detect(ctx context.Context, opts check.Options, _ check.Cursor, rec check.Recorder) (check.Result, error) {
	looks, first := d.looks(ctx)
	if ctx.Err() != nil {
		return check.Result{}, context.Cause(ctx)
	}
	for _, l := range looks {
		if err := d.complete(ctx, l); err != nil {
			if ctx.Err() != nil {
				return check.Result{}, context.Cause(ctx)
			}
			l.unknown = err
		}
		first = errors.Join(first, l.unknown)
	}
	rec.Columns(writerColumns())
	for _, l := range looks {
		if l.class != "" && l.unknown == nil {
			rec.Found(check.Row{Key: []string{l.Name}, Values: l.values(), Class: l.class, At: l.since})
		}
	}
	result := check.Result{
		Scanned: int64(len(looks)), Plan: "two looks a second apart", Says: d.says(looks), Notes: d.notes(looks),
	}
	if opts.Overview {
		result.Overview = overviewOf(looks)
	}
	return result, oneProblem(first)
}

// looks sees all deployments, and again a second later whether they change; a
// third time where one did.
func (d *writersDetector) looks(ctx context.Context) ([]*writerLook, error) {
	var looks []*writerLook
	var problems error
	for _, w := range d.words.Deployments {
		s, err := d.target.see(ctx, w)
		if err != nil {
			problems = errors.Join(problems, err)
			continue
		}
		looks = append(looks, &writerLook{seen: s})
	}
	for again := len(looks) > 0; again; {
		if err := pause(ctx, d.target.between); err != nil {
			return looks, err
		}
		again = false
		for _, l := range looks {
			s, err := d.target.see(ctx, l.writer)
			if err != nil {
				l.unknown = err
				continue
			}
			if s.Generation != l.Generation {
				l.moves++
				again = again || l.moves == 1
			}
			l.seen = s
		}
	}
	return looks, problems
}

// complete looks at what belongs to a deployment, and judges.
func (d *writersDetector) complete(ctx context.Context, l *writerLook) (err error) {
	if l.unknown != nil {
		return l.unknown
	}
	if l.record.broken != nil {
		return &check.Problem{
			Sentence: "What plans have written on deployment " + l.Name + " cannot be read any more: somebody changed its annotations " + previousKey + " or " + recordKey + ".",
			Err:      l.record.broken,
		}
	}
	if l.pods, err = d.target.livePods(ctx, l.Deployment); err != nil {
		return err
	}
	if l.owners, l.unseen, err = d.target.owners(ctx, l.Deployment); err != nil {
		return err
	}
	if l.unsure != "" {
		l.unseen = append(l.unseen, l.unsure)
	}
	l.judgement = d.target.judge(l, d.words.settle())
	return nil
}

// oneProblem is the first of several problems; the others are in the log.
func oneProblem(err error) error {
	var p *check.Problem
	if errors.As(err, &p) {
		return &check.Problem{Sentence: p.Sentence, Err: err}
	}
	return err
}
