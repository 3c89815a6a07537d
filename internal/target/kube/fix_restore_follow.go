package kube

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

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

// start makes the job of a plan, once: it has the plan's name.
func (t *Target) start(ctx context.Context, p fix.Plan, forms []fix.Form, b fix.Batch) (fix.Result, error) {
	if done, err := t.started(ctx, p.ID); err != nil || len(done) > 0 {
		return onlyResult(done), err
	}
	job, words, err := restoreOf(forms, b)
	if err != nil {
		return fix.Result{}, err
	}
	if err := t.noneRuns(ctx, words, job.Name); err != nil {
		return fix.Result{}, err
	}
	made, err := t.create(ctx, job, metav1.CreateOptions{FieldManager: t.opts.FieldManager})
	switch {
	case apierrors.IsAlreadyExists(err):
		done, err := t.started(ctx, p.ID)
		if err == nil && len(done) == 0 {
			err = problemf("There is a job %s in Kubernetes %s that is not the one of %s: remove it, or make a new preview.", job.Name, t.opts.Place, p.Ref())
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
func (t *Target) jobOf(ctx context.Context, plan int64) (*batchv1.Job, error) {
	c, err := t.reading()
	if err != nil {
		return nil, err
	}
	name := t.jobName(plan)
	asking, cancel := t.ask(ctx)
	defer cancel()
	j, err := c.kube.BatchV1().Jobs(t.opts.Namespace).Get(asking, name, metav1.GetOptions{})
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
func (t *Target) started(ctx context.Context, plan int64) ([]fix.Result, error) {
	j, err := t.jobOf(ctx, plan)
	if err != nil || j == nil {
		return nil, err
	}
	return []fix.Result{{Pass: 1, Changed: 1, At: j.CreationTimestamp.UTC()}}, nil
}

// follow waits for the end of a plan's job. One that fails ends the plan with the
// reason and the end of its log.
func (t *Target) follow(ctx context.Context, p fix.Plan) (why string, err error) {
	j, err := t.jobOf(ctx, p.ID)
	if err != nil {
		return "", err
	}
	if j == nil {
		return "", &fix.Halt{Sentence: fmt.Sprintf("Job %s is not there any more: somebody deleted it, so it is not known how the restore ended.", t.jobName(p.ID))}
	}
	switch state, reason := stateOf(*j); state {
	case jobCompleted:
		return "", nil
	case jobFailed:
		return "", &fix.Halt{Sentence: fmt.Sprintf("The restore failed (%s).%s What it had done by then stays.", reason, t.tail(ctx, j))}
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
				return "; pod " + clipped(p.Name) + " waits: " + clipped(w.Reason+": "+w.Message)
			}
		}
		for _, c := range p.Status.Conditions {
			if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse && c.Message != "" {
				return "; pod " + clipped(p.Name) + " waits: " + clipped(c.Message)
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
	list, err := c.kube.CoreV1().Pods(j.Namespace).List(asking, metav1.ListOptions{LabelSelector: "batch.kubernetes.io/job-name=" + j.Name})
	if err != nil {
		return nil
	}
	return list.Items
}

// How much of a failed restore's log is told.
const (
	tailLines = 3
	tailRunes = 200
)

// tail is the end of the log of a job's last pod.
func (t *Target) tail(ctx context.Context, j *batchv1.Job) string {
	var last *corev1.Pod
	pods := t.jobPods(ctx, j)
	for i := range pods {
		if last == nil || pods[i].CreationTimestamp.After(last.CreationTimestamp.Time) {
			last = &pods[i]
		}
	}
	c, err := t.reading()
	if err != nil || last == nil {
		return ""
	}
	asking, cancel := t.ask(ctx)
	defer cancel()
	lines, bytes := int64(tailLines), int64(16<<10)
	o := &corev1.PodLogOptions{TailLines: &lines, LimitBytes: &bytes}
	if n := len(last.Spec.Containers); n > 1 {
		o.Container = last.Spec.Containers[0].Name
	}
	stream, err := c.logs.CoreV1().Pods(j.Namespace).GetLogs(last.Name, o).Stream(asking)
	if err != nil {
		return ""
	}
	defer func() { _ = stream.Close() }()
	var said []string
	scan := bufio.NewScanner(io.LimitReader(stream, bytes))
	for scan.Scan() {
		line := strings.Join(strings.Fields(strings.ToValidUTF8(scan.Text(), "�")), " ")
		if r := []rune(line); len(r) > tailRunes {
			line = string(r[:tailRunes]) + "…"
		}
		if line != "" {
			said = append(said, line)
		}
	}
	if len(said) == 0 {
		return ""
	}
	return " Its log ends: " + strings.Join(said, " / ") + "."
}
