package kube

import (
	"context"
	"encoding/json"
	"fmt"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/integritybot/integritybot/internal/fix"
)

// restoreSpec tells which other jobs are restores of the same kind.
type restoreSpec struct {
	CronJob   string       `json:"cron_job,omitempty"`
	ConfigMap *TemplateKey `json:"config_map,omitempty"`
}

// start makes the job of a plan, once: its name is free as long as no restore was
// started since the plan was worked out. A plan that was decided long ago may have had
// a job that somebody has removed.
func (t *Target) start(ctx context.Context, p fix.Plan, forms []fix.Form, b fix.Batch) (fix.Result, error) {
	if done, err := t.started(ctx, p.ID, forms); err != nil || len(done) > 0 {
		return onlyResult(done), err
	}
	if ago, late := t.decidedAgo(p); late {
		return fix.Result{}, &fix.Halt{Sentence: fmt.Sprintf("%s was approved %s ago, and there is no job %s: whether it was started and removed is not known. Look at what the backup system says, and ask again.", p.Ref(), ago, forms[0].Name)}
	}
	job, words, err := restoreOf(forms, b)
	if err != nil {
		return fix.Result{}, err
	}
	if _, err := t.noneRuns(ctx, words); err != nil {
		return fix.Result{}, err
	}
	made, err := t.create(ctx, job, metav1.CreateOptions{FieldManager: t.opts.FieldManager})
	switch {
	case apierrors.IsAlreadyExists(err):
		done, err := t.started(ctx, p.ID, forms)
		if err == nil && len(done) == 0 {
			err = &fix.Halt{Sentence: fmt.Sprintf("Another restore was started since the preview of %s: job %s is not its own. Nothing was started; make a new preview.", p.Ref(), job.Name)}
		}
		return onlyResult(done), err
	case err != nil:
		return fix.Result{}, t.refusal(ctx, actStart(job.Name), err)
	}
	return fix.Result{Batch: b.N, Pass: 1, Changed: 1, At: made.CreationTimestamp.UTC()}, nil
}

func onlyResult(done []fix.Result) fix.Result {
	if len(done) == 0 {
		return fix.Result{}
	}
	return done[0]
}

// restoreOf reads the job of a plan.
func restoreOf(forms []fix.Form, b fix.Batch) (*batchv1.Job, *Restore, error) {
	if len(b.Changes) != 1 || b.Changes[0].Form >= len(forms) {
		return nil, nil, fmt.Errorf("batch %d of a restore has %d changes", b.N, len(b.Changes))
	}
	var spec restoreSpec
	if err := json.Unmarshal(forms[b.Changes[0].Form].Spec, &spec); err != nil {
		return nil, nil, fmt.Errorf("template of a restore: %w", err)
	}
	var job batchv1.Job
	if err := json.Unmarshal([]byte(b.Changes[0].After), &job); err != nil {
		return nil, nil, fmt.Errorf("job of a restore: %w", err)
	}
	return &job, &Restore{CronJob: spec.CronJob, ConfigMap: spec.ConfigMap}, nil
}

// jobOf finds the job of a plan; nil: there is none.
func (t *Target) jobOf(ctx context.Context, plan int64, forms []fix.Form) (*batchv1.Job, error) {
	c, err := t.reading()
	if err != nil {
		return nil, err
	}
	name := forms[0].Name // see creates
	asking, cancel := t.ask(ctx)
	defer cancel()
	j, err := c.jobs().Get(asking, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, t.problem(ctx, act{doing: "getting job " + name, verb: "get", resource: "jobs.batch", name: name}, err)
	case j.Annotations[planKey] != t.planName(plan):
		return nil, nil
	}
	return j, nil
}

// started is what the cluster knows of a restore's plan: the job itself.
func (t *Target) started(ctx context.Context, plan int64, forms []fix.Form) ([]fix.Result, error) {
	j, err := t.jobOf(ctx, plan, forms)
	if err != nil || j == nil {
		return nil, err
	}
	return []fix.Result{{Pass: 1, Changed: 1, At: j.CreationTimestamp.UTC()}}, nil
}

// follow waits for the end of a plan's job. One that fails ends the plan with the
// reason.
func (t *Target) follow(ctx context.Context, p fix.Plan, forms []fix.Form) (why string, err error) {
	j, err := t.jobOf(ctx, p.ID, forms)
	if err != nil {
		return "", err
	}
	if j == nil {
		return "", &fix.Halt{Sentence: fmt.Sprintf("Job %s is not there any more: somebody deleted it, so it is not known how the restore ended.", forms[0].Name)}
	}
	switch state, reason := stateOf(*j); state {
	case jobCompleted:
		return "", nil
	case jobFailed:
		return "", &fix.Halt{Sentence: fmt.Sprintf("The restore failed (%s).%s What it had done by then stays.", reason, t.ending(ctx, j))}
	case jobSuspended:
		return "job " + j.Name + " was suspended by somebody: it waits until it is resumed", nil
	case jobRunning:
	}
	return "the restore is " + t.runningFor(*j) + t.waitsFor(ctx, j), nil
}

// waitsFor says what keeps a pod of a job from running; empty if nothing does.
func (t *Target) waitsFor(ctx context.Context, j *batchv1.Job) string {
	for _, p := range t.jobPods(ctx, j) {
		for _, s := range p.Status.ContainerStatuses {
			if w := s.State.Waiting; w != nil && w.Reason != "" && w.Reason != "ContainerCreating" {
				return "; pod " + clipped(p.Name) + " waits: " + maskLine(clipped(w.Reason+": "+w.Message))
			}
		}
		for _, c := range p.Status.Conditions {
			if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse && c.Message != "" {
				return "; pod " + clipped(p.Name) + " waits: " + maskLine(clipped(c.Message))
			}
		}
	}
	return ""
}

// jobPods are the pods of a job, as far as they may be seen: they only explain.
func (t *Target) jobPods(ctx context.Context, j *batchv1.Job) []corev1.Pod {
	c, err := t.reading()
	if err != nil {
		return nil
	}
	asking, cancel := t.ask(ctx)
	defer cancel()
	list, err := c.pods().List(asking, metav1.ListOptions{LabelSelector: "batch.kubernetes.io/job-name=" + j.Name})
	if err != nil {
		return nil
	}
	return list.Items
}

// ending says how the last container of a failed job ended, and where its log is read.
// The log itself is not told: what a restore complains about is rows.
func (t *Target) ending(ctx context.Context, j *batchv1.Job) string {
	text := ""
	var last metav1.Time
	for _, p := range t.jobPods(ctx, j) {
		for _, s := range p.Status.ContainerStatuses {
			if e := s.State.Terminated; e != nil && !e.FinishedAt.Before(&last) {
				last = e.FinishedAt
				text = fmt.Sprintf(" Container %s ended with code %d (%s).", clipped(s.Name), e.ExitCode, clipped(e.Reason))
			}
		}
	}
	return text + fmt.Sprintf(" Its log says more: kubectl logs -n %s job/%s --all-containers --tail=20.", j.Namespace, j.Name)
}
