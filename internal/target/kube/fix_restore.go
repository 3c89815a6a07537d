package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// overwritten says why a restore has no undo.
const overwritten = "what the restore overwrites is gone"

// restorePlanner works out which job a restore starts.
type restorePlanner struct {
	words  *restoreFix
	target *Target
	check  check.Check
}

// Modes implements fix.Planner.
func (p *restorePlanner) Modes() []string { return p.words.Allowed(p.words.Ways()) }

// Draft implements fix.Planner. The whole job is frozen: what becomes of its
// template later changes nothing.
func (p *restorePlanner) Draft(ctx context.Context, o fix.Order, caps fix.Caps, _ func(check.Progress)) (fix.Draft, error) {
	if _, err := modeOf(o, p.Modes(), p.check.Name); err != nil {
		return fix.Draft{}, err
	}
	if len(o.Select) > 0 || !o.From.IsZero() || !o.To.IsZero() {
		return fix.Draft{}, problemf("A restore is told one moment, with --at, and nothing else.")
	}
	if err := caps.Check(1, 1); err != nil {
		return fix.Draft{}, err
	}
	t, words := p.target, p.words.check
	at, err := words.momentOf(o.Argument, t.opts.Now())
	if err != nil {
		return fix.Draft{}, err
	}
	template, err := t.templated(ctx, words)
	if err != nil {
		return fix.Draft{}, err
	}
	jobs, err := t.noneRuns(ctx, words)
	if err != nil {
		return fix.Draft{}, err
	}
	job, err := t.job(words, words.nextName(jobs), template, o, at)
	if err != nil {
		return fix.Draft{}, err
	}
	if err := t.mustAll(ctx, []act{actStart("")}); err != nil {
		return fix.Draft{}, err
	}
	if _, err := t.create(ctx, job, metav1.CreateOptions{FieldManager: t.opts.FieldManager, DryRun: []string{metav1.DryRunAll}}); err != nil {
		return fix.Draft{}, t.refusal(ctx, actStart(job.Name), err)
	}
	return p.draft(template, job, at)
}

// actStart is the act of making a job. A role cannot be bound to the name of what
// does not exist yet.
func actStart(name string) act {
	return act{doing: "starting the restore", verb: "create", resource: "jobs.batch", name: name, writes: true}
}

// noneRuns gives all jobs of the namespace, and is an error if one of them is a restore
// of the template that is not over.
func (t *Target) noneRuns(ctx context.Context, r *Restore) ([]batchv1.Job, error) {
	jobs, err := t.jobs(ctx)
	if err != nil {
		return nil, err
	}
	for _, j := range jobs {
		if state, _ := stateOf(j); r.made(j) && !state.over() {
			said := "is " + string(state)
			if state == jobRunning {
				said = "is " + t.runningFor(j)
			}
			return nil, problemf("A restore is under way: job %s, started by %s, %s. There is one at a time.", j.Name, t.startedBy(j), said)
		}
	}
	return jobs, nil
}

func (t *Target) create(ctx context.Context, j *batchv1.Job, how metav1.CreateOptions) (*batchv1.Job, error) {
	c, err := t.writing()
	if err != nil {
		return nil, err
	}
	asking, cancel := t.ask(ctx)
	defer cancel()
	return c.jobs().Create(asking, j, how)
}

// twoAddresses warns where who looks and who changes reach the API at different
// addresses: a job is nobody's yet, so nothing else would tell that these are two
// clusters. Empty: they do not.
func (t *Target) twoAddresses() string {
	reads, err := t.reading()
	if err != nil {
		return ""
	}
	writes, err := t.writing()
	if err != nil || reads.host == writes.host {
		return ""
	}
	return fmt.Sprintf("kubeconfig and write_kubeconfig of %s reach different addresses (%s and %s): make sure that this is one cluster.", t.opts.Place, reads.host, writes.host)
}

// draft puts a job into words.
func (p *restorePlanner) draft(template, job *batchv1.Job, at time.Time) (fix.Draft, error) {
	words, t := p.words.check, p.target
	frozen, err := json.Marshal(job)
	if err != nil {
		return fix.Draft{}, fmt.Errorf("job of a restore: %w", err)
	}
	spec, err := json.Marshal(restoreSpec{CronJob: words.CronJob, ConfigMap: words.ConfigMap})
	if err != nil {
		return fix.Draft{}, fmt.Errorf("template of a restore: %w", err)
	}
	to := ""
	if words.momentary() {
		to = " to " + moment(at)
	}
	d := fix.Draft{
		Does: fmt.Sprintf("restore from backup%s with job %s, made of %s", to, job.Name, words.template()), Button: "restore" + to,
		Noun: "restore job", Done: "started", Target: p.check.Target, Place: t.opts.Place,
		Rows: 1, Found: 1, Total: 1, Plain: true, Uncounted: true, Irreversible: overwritten,
		Heads: []string{"part", "in the template", "in this job"}, Columns: []check.Column{{Name: "part", Class: check.Key}},
		Risk: fmt.Sprintf("Whatever was written after that moment is lost if the restore overwrites it: stop writes first. Stop ends the plan and not the job: kubectl delete job %s -n %s does.", job.Name, job.Namespace),
		Content: fix.Content{
			PerBatch: 1,
			Forms:    []fix.Form{{Op: fix.Create, Table: jobsTable, Key: []string{"job"}, Name: job.Name, Spec: spec}},
			Changes:  []fix.Change{{Key: []string{job.Name}, Repairs: true, After: string(frozen)}},
		},
		Listing: [][]string{{"part", "in the template", "in this job"}},
	}
	if text := t.twoAddresses(); text != "" {
		d.Risk += " " + text
	}
	if names := plainSecrets(job.Spec.Template.Spec); len(names) > 0 {
		d.Risk += fmt.Sprintf(" The template has %s as plain text, which is kept in the bot's store with this plan: take it from a secret (valueFrom).", clipped(strings.Join(names, ", ")))
	}
	d.Samples = restoreParts(template.Spec.Template.Spec, job.Spec.Template.Spec, words)
	for _, s := range d.Samples {
		d.Listing = append(d.Listing, []string{s.Key, s.Before, s.After})
	}
	for _, s := range besideParts(job.Spec, words) {
		d.Listing = append(d.Listing, []string{s.Key, s.Before, s.After})
		d.Risk += fmt.Sprintf(" Also: %s, %s.", s.Key, s.After)
	}
	d.Samples = d.Samples[:min(len(d.Samples), fix.MaxSamples)]
	return d, nil
}

// restoreParts are what somebody should see of a job before it runs: its container's
// image, command and arguments, and the variables that the plan sets. Those of the
// template may be secrets.
func restoreParts(template, job corev1.PodSpec, r *Restore) []fix.Sample {
	name := r.Container
	if len(job.Containers) > 1 && name == "" {
		name = job.Containers[0].Name
	}
	was, _ := containerOf(template, name)
	is, _ := containerOf(job, name)
	if was == nil || is == nil {
		return nil
	}
	out := []fix.Sample{
		{Key: "image", Before: clipped(was.Image), After: clipped(is.Image)},
		{Key: "command", Before: commandText(was.Command), After: commandText(is.Command)},
		{Key: "arguments", Before: commandText(was.Args), After: commandText(is.Args)},
	}
	if r.Env == nil {
		return out
	}
	for _, name := range []string{r.Env.Date, r.Env.Time, r.Env.At} {
		if i := slices.IndexFunc(is.Env, func(e corev1.EnvVar) bool { return e.Name == name }); name != "" && i >= 0 {
			out = append(out, fix.Sample{Key: name, Before: inTemplate(was.Env, name), After: clipped(is.Env[i].Value)})
		}
	}
	return out
}

// besideParts are what a job does besides, the same as in its template: more attempts
// than one, and what its other containers run.
func besideParts(j batchv1.JobSpec, r *Restore) (out []fix.Sample) {
	row := func(key, text string) { out = append(out, fix.Sample{Key: clipped(key), Before: text, After: text}) }
	const usual = 6 // Source: JobSpec, backoffLimit
	again := int64(usual)
	if j.BackoffLimit != nil {
		again = int64(*j.BackoffLimit)
	}
	if again > 0 {
		row("attempts", "up to "+phrase.Count(again+1)+" if it fails")
	}
	p := j.Template.Spec
	for _, c := range p.InitContainers {
		row("first container "+c.Name, clipped(c.Image)+" runs "+commandText(slices.Concat(c.Command, c.Args)))
	}
	for i, c := range p.Containers {
		if told := c.Name == r.Container || r.Container == "" && i == 0; !told {
			row("other container "+c.Name, clipped(c.Image)+" runs "+commandText(slices.Concat(c.Command, c.Args)))
		}
	}
	return out
}

func inTemplate(env []corev1.EnvVar, name string) string {
	for _, one := range env {
		switch {
		case one.Name != name:
		case one.ValueFrom != nil:
			return "from " + comesFrom(one.ValueFrom)
		default:
			return clipped(maskSecrets(one.Value))
		}
	}
	return "not set"
}
