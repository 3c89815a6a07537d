package kube

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/look"
)

// maxGrep bounds what is asked for, in bytes.
const maxGrep = 1_000

// logLook looks for patterns in the logs of all targets.
type logLook struct {
	targets []*Target
	events  bool
}

// Logs looks for errors in the logs of all pods of the configured deployments, or
// for errors in events: how many lines of which pattern there are, since when, and
// in which pods.
func Logs(targets []*Target, events bool) look.Looker {
	return logLook{targets: targets, events: events}
}

// found is what was found in one target.
type found struct {
	target *Target
	result LogResult
	since  time.Time
	err    error
}

// Look answers one question.
func (l logLook) Look(ctx context.Context, q look.Question, tell func(check.Progress)) (look.Report, error) {
	switch {
	case len(l.targets) == 0:
		return look.Report{}, problemf("No Kubernetes is in the config: there are no logs to read.")
	case len(q.Grep) > maxGrep:
		return look.Report{}, problemf("The pattern is longer than %d characters.", maxGrep)
	}
	all := l.search(ctx, q, tell)
	if err := ctx.Err(); err != nil {
		return look.Report{}, fmt.Errorf("reading logs: %w", context.Cause(ctx))
	}
	answered := 0
	for _, f := range all {
		if f.err == nil {
			answered++
		}
	}
	if answered == 0 {
		return look.Report{}, all[0].err
	}
	return logReport{question: q, events: l.events, found: all}.report(), nil
}

// search searches all targets at once.
func (l logLook) search(ctx context.Context, q look.Question, tell func(check.Progress)) []found {
	all := make([]found, len(l.targets))
	var wait sync.WaitGroup
	progress := sumProgress(len(l.targets), tell)
	for i, t := range l.targets {
		at := q.At
		if at.IsZero() {
			at = t.opts.Now()
		}
		within := q.Since
		if within <= 0 {
			within = t.opts.Logs.Since
		}
		since := at.Add(-within)
		wait.Go(func() {
			result, err := t.SearchLogs(ctx, LogQuery{Grep: q.Grep, Events: l.events, Since: since, NoLines: q.NoRows}, progress(i))
			all[i] = found{target: t, result: result, since: since, err: err}
		})
	}
	wait.Wait()
	return all
}

// sumProgress sums up how far the searches of several targets are.
func sumProgress(n int, tell func(check.Progress)) func(i int) func(check.Progress) {
	var mu sync.Mutex
	each := make([]check.Progress, n)
	return func(i int) func(check.Progress) {
		return func(p check.Progress) {
			mu.Lock()
			defer mu.Unlock()
			each[i] = p
			sum := check.Progress{Reading: p.Reading}
			for _, e := range each {
				sum.Done, sum.Total = sum.Done+e.Done, sum.Total+e.Total
			}
			tell(sum)
		}
	}
}
