package kube

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/integritybot/integritybot/internal/message/phrase"
)

// What a restore's job carries beside its template.
const (
	restoreKey = "integritybot.io/restore" // label: of which template it is made
	momentKey  = "integritybot.io/at"      // annotation: to which moment it restores
)

// label is the template's name as a label may be: short, of few characters.
func (r *Restore) label() string {
	name := "cronjob/" + r.CronJob
	if r.ConfigMap != nil {
		name = "configmap/" + r.ConfigMap.Name + "/" + r.ConfigMap.Key
	}
	return digest(name)
}

// digest is a short name for a text of any length.
func digest(text string) string {
	const short = 5 // bytes; a namespace has few restores
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:short])
}

// restores are the jobs made of a template, by a plan or by hand, the newest
// first.
func (t *Target) restores(ctx context.Context, r *Restore) ([]batchv1.Job, error) {
	all, err := t.jobs(ctx)
	if err != nil {
		return nil, err
	}
	out := slices.DeleteFunc(all, func(j batchv1.Job) bool { return !r.made(j) })
	slices.SortFunc(out, func(a, b batchv1.Job) int {
		return cmp.Or(b.CreationTimestamp.Compare(a.CreationTimestamp.Time), cmp.Compare(b.Name, a.Name))
	})
	return out, nil
}

// jobs are all of the namespace.
func (t *Target) jobs(ctx context.Context) ([]batchv1.Job, error) {
	c, err := t.reading()
	if err != nil {
		return nil, err
	}
	if _, err := t.inNamespace(ctx, c); err != nil {
		return nil, err
	}
	a := act{doing: "listing jobs", verb: "list", resource: "jobs.batch"}
	return pages(ctx, t, a, func(ctx context.Context, o metav1.ListOptions) ([]batchv1.Job, string, error) {
		list, err := c.jobs().List(ctx, o)
		if err != nil {
			return nil, "", err
		}
		return list.Items, list.Continue, nil
	})
}

// made tells whether a job is made of the template: by a plan, by the cron job
// itself, or by kubectl create job --from.
func (r *Restore) made(j batchv1.Job) bool {
	if j.Labels[restoreKey] == r.label() {
		return true
	}
	for _, o := range j.OwnerReferences {
		if r.CronJob != "" && o.Kind == "CronJob" && o.Name == r.CronJob {
			return true
		}
	}
	return false
}

// jobState is how far a job is.
type jobState string

// The states of a job.
const (
	jobRunning   jobState = "running"
	jobSuspended jobState = "suspended"
	jobCompleted jobState = "completed"
	jobFailed    jobState = "failed"
)

// stateOf tells how far a job is; why says why it failed, or is about to. A job whose
// failure is certain still has pods that end (Kubernetes, "Jobs", FailureTarget): it is
// over when they are gone.
func stateOf(j batchv1.Job) (state jobState, why string) {
	for _, c := range j.Status.Conditions {
		if c.Status != corev1.ConditionTrue {
			continue
		}
		said := maskLine(clipped(c.Reason + ": " + c.Message))
		switch c.Type {
		case batchv1.JobComplete:
			return jobCompleted, ""
		case batchv1.JobFailed:
			return jobFailed, said
		case batchv1.JobFailureTarget:
			why = said
		case batchv1.JobSuspended, batchv1.JobSuccessCriteriaMet:
		}
	}
	if j.Spec.Suspend != nil && *j.Spec.Suspend {
		return jobSuspended, why
	}
	return jobRunning, why
}

// over: it will do nothing any more.
func (s jobState) over() bool { return s == jobCompleted || s == jobFailed }

// begunAt is when a job was started.
func begunAt(j batchv1.Job) time.Time {
	if j.Status.StartTime != nil {
		return j.Status.StartTime.UTC()
	}
	return j.CreationTimestamp.UTC()
}

// endedAt is when it was over; zero: it is not, or it is not known.
func endedAt(j batchv1.Job) time.Time {
	if j.Status.CompletionTime != nil {
		return j.Status.CompletionTime.UTC()
	}
	for _, c := range j.Status.Conditions {
		if c.Type == batchv1.JobFailed && c.Status == corev1.ConditionTrue {
			return c.LastTransitionTime.UTC()
		}
	}
	return time.Time{}
}

// startedBy is who made a job: a plan, or a client.
func (t *Target) startedBy(j batchv1.Job) string {
	if plan := j.Annotations[planKey]; plan != "" {
		return t.saidPlan(plan)
	}
	return setterOf(j.ManagedFields, []string{"f:spec", "f:template"}).said()
}

// runningFor says how far a job is that is not over.
func (t *Target) runningFor(j batchv1.Job) string {
	wanted := int64(1)
	if j.Spec.Parallelism != nil {
		wanted = int64(*j.Spec.Parallelism)
	}
	text := fmt.Sprintf("running for %s, %d of %s active", phrase.Duration(t.opts.Now().Sub(begunAt(j)).Truncate(time.Second)), j.Status.Active, phrase.Plural(wanted, "pod"))
	if j.Status.Failed > 0 {
		text += ", " + phrase.Plural(int64(j.Status.Failed), "attempt") + " failed"
	}
	if state, why := stateOf(j); state == jobRunning && why != "" {
		text += ", is ending (" + why + ")"
	}
	return text
}
