package kube

import (
	"context"
	"fmt"
	"time"

	batchv1 "k8s.io/api/batch/v1"

	"github.com/integritybot/integritybot/internal/check"
)

// restoreDetector carries a check of restores out.
type restoreDetector struct {
	words  *Restore
	target *Target
}

// Detect implements check.Detector.
func (d *restoreDetector) Detect(ctx context.Context, opts check.Options, _ check.Cursor, rec check.Recorder) (check.Result, error) {
	jobs, err := d.target.restores(ctx, d.words)
	if err != nil {
		return check.Result{}, err
	}
	rec.Columns(jobColumns())
	for i, j := range jobs {
		state, _ := stateOf(j)
		if !state.over() || i == 0 && state == jobFailed {
			rec.Found(check.Row{Key: []string{j.Name}, Values: d.target.jobValues(j), Class: string(state), At: begunAt(j)})
		}
	}
	result := check.Result{Scanned: int64(len(jobs)), Plan: "jobs made of " + d.words.template(), Says: d.target.saysRestores(jobs)}
	if opts.Overview {
		result.Overview = d.target.jobsOverview(jobs)
	}
	// A template that is not there would be found out when it is needed most.
	if _, err := d.target.templated(ctx, d.words); err != nil {
		return result, err
	}
	return result, nil
}

func jobColumns() []check.Column {
	return []check.Column{
		{Name: "job", Class: check.Key},
		{Name: "state", Class: check.Code},
		{Name: "restores_to", Class: check.Time},
		{Name: "started", Class: check.Time},
		{Name: "ended", Class: check.Time},
		{Name: "by", Class: check.Code},
		{Name: "why", Class: check.Code},
	}
}

// jobCells are a job as a row of a table.
func (t *Target) jobCells(j batchv1.Job) []string {
	state, why := stateOf(j)
	end := ""
	if at := endedAt(j); !at.IsZero() {
		end = at.Format(time.RFC3339)
	}
	return []string{j.Name, string(state), clipped(j.Annotations[momentKey]), begunAt(j).Format(time.RFC3339), end, t.startedBy(j), why}
}

func (t *Target) jobValues(j batchv1.Job) []*string {
	cells := t.jobCells(j)
	out := make([]*string, len(cells))
	for i := range cells {
		out[i] = &cells[i]
	}
	return out
}

func (t *Target) jobsOverview(jobs []batchv1.Job) *check.Overview {
	o := &check.Overview{Columns: jobColumns(), Rows: [][]string{}, Total: int64(len(jobs))}
	for _, j := range jobs[:min(len(jobs), check.MaxOverview)] {
		o.Rows = append(o.Rows, t.jobCells(j))
	}
	return o
}

// saysRestores is the outcome in a clause: what runs, or how the last one ended.
func (t *Target) saysRestores(jobs []batchv1.Job) string {
	if len(jobs) == 0 {
		return "nothing was ever restored here, as far as jobs tell"
	}
	for _, j := range jobs {
		if state, _ := stateOf(j); state == jobRunning {
			return fmt.Sprintf("%s is %s, started by %s", j.Name, t.runningFor(j), t.startedBy(j))
		} else if state == jobSuspended {
			return fmt.Sprintf("%s is suspended, started by %s", j.Name, t.startedBy(j))
		}
	}
	last := jobs[0]
	state, why := stateOf(last)
	text := fmt.Sprintf("the last restore (%s, by %s) %s", last.Name, t.startedBy(last), state)
	if at := endedAt(last); !at.IsZero() {
		text += " " + moment(at)
	}
	if why != "" {
		text += ": " + why
	}
	return text
}
