package kube

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
)

// leastTTL is how long a finished job is kept at least, so that its end can still be read when a process of the
// bot comes back late; see fix.Remembered.
const leastTTL = int32(fix.Remembered / time.Second)

// templated reads the template.
func (t *Target) templated(ctx context.Context, r *Restore) (*batchv1.Job, error) {
	c, err := t.reading()
	if err != nil {
		return nil, err
	}
	if _, err := t.inNamespace(ctx, c); err != nil {
		return nil, err
	}
	asking, cancel := t.ask(ctx)
	defer cancel()
	if r.CronJob != "" {
		cron, err := c.kube.BatchV1().CronJobs(t.opts.Namespace).Get(asking, r.CronJob, metav1.GetOptions{})
		if err != nil {
			return nil, t.problem(ctx, act{doing: "getting the template", verb: "get", resource: "cronjobs.batch", name: r.CronJob}, err)
		}
		return &batchv1.Job{
			ObjectMeta: metav1.ObjectMeta{Labels: cron.Spec.JobTemplate.Labels, Annotations: cron.Spec.JobTemplate.Annotations},
			Spec:       cron.Spec.JobTemplate.Spec,
		}, nil
	}
	m, err := c.kube.CoreV1().ConfigMaps(t.opts.Namespace).Get(asking, r.ConfigMap.Name, metav1.GetOptions{})
	if err != nil {
		return nil, t.problem(ctx, act{doing: "getting the template", verb: "get", resource: "configmaps", name: r.ConfigMap.Name}, err)
	}
	text, ok := m.Data[r.ConfigMap.Key]
	if !ok {
		return nil, problemf("Config map %s in Kubernetes %s has no key %s, which the template of the restore should be in.", m.Name, t.opts.Place, r.ConfigMap.Key)
	}
	return t.parsed(r, text)
}

// parsed reads a job in YAML: a word that nobody knows is a mistake.
func (t *Target) parsed(r *Restore, text string) (*batchv1.Job, error) {
	var j batchv1.Job
	if strings.HasPrefix(strings.TrimSpace(text), "{") {
		text = "---\n" + text // else it would have to be JSON
	}
	body, err := yaml.ToJSON([]byte(text))
	if err == nil {
		read := json.NewDecoder(bytes.NewReader(body))
		read.DisallowUnknownFields()
		err = read.Decode(&j)
	}
	if err != nil {
		return nil, &check.Problem{
			Sentence: fmt.Sprintf("The %s in Kubernetes %s is no job in YAML: %s.", r.template(), t.opts.Place, clipped(err.Error())),
			Err:      err,
		}
	}
	if j.Kind != "Job" || j.APIVersion != "batch/v1" {
		return nil, problemf("The %s in Kubernetes %s is no job: its apiVersion and kind are %s and %s, and not batch/v1 and Job.",
			r.template(), t.opts.Place, clipped(j.APIVersion), clipped(j.Kind))
	}
	return &j, nil
}

// job makes the job of a plan of its template. What belongs to a job that was
// copied from a living one is left out.
func (t *Target) job(r *Restore, template *batchv1.Job, o fix.Order, at time.Time) (*batchv1.Job, error) {
	j := &batchv1.Job{
		TypeMeta: metav1.TypeMeta{APIVersion: "batch/v1", Kind: "Job"},
		ObjectMeta: metav1.ObjectMeta{
			Name: t.jobName(o.ID), Namespace: t.opts.Namespace,
			Labels: own(template.Labels), Annotations: own(template.Annotations),
		},
		Spec: *template.Spec.DeepCopy(),
	}
	delete(j.Annotations, "kubectl.kubernetes.io/last-applied-configuration")
	j.Labels[restoreKey] = r.label()
	j.Annotations[planKey] = t.planName(o.ID)
	j.Spec.Selector, j.Spec.ManualSelector, j.Spec.Suspend = nil, nil, nil
	j.Spec.Template.Labels = own(j.Spec.Template.Labels)
	if ttl := j.Spec.TTLSecondsAfterFinished; ttl != nil && *ttl < leastTTL {
		least := leastTTL
		j.Spec.TTLSecondsAfterFinished = &least
	}
	if !r.momentary() {
		return j, nil
	}
	j.Annotations[momentKey] = at.UTC().Format(time.RFC3339)
	c, problem := containerOf(j.Spec.Template.Spec, r.Container)
	if c == nil {
		return nil, problemf("The %s in Kubernetes %s %s.", r.template(), t.opts.Place, problem)
	}
	r.tell(c, at)
	return j, nil
}

// own copies labels or annotations without those that the job controller writes.
func own(from map[string]string) map[string]string {
	out := map[string]string{}
	maps.Copy(out, from)
	for _, key := range []string{"controller-uid", "job-name", "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name"} {
		delete(out, key)
	}
	return out
}

// tell tells a container to which moment it restores.
func (r *Restore) tell(c *corev1.Container, at time.Time) {
	written := r.written(at)
	if r.Args != nil {
		c.Args = nil
		for _, arg := range r.Args {
			c.Args = append(c.Args, placeholder.ReplaceAllStringFunc(arg, func(one string) string { return written[strings.Trim(one, "{}")] }))
		}
	}
	if r.Env == nil {
		return
	}
	for part, name := range map[string]string{"date": r.Env.Date, "time": r.Env.Time, "at": r.Env.At} {
		if name != "" {
			c.Env = append(without(c.Env, name), corev1.EnvVar{Name: name, Value: written[part]})
		}
	}
}

func without(env []corev1.EnvVar, name string) []corev1.EnvVar {
	var out []corev1.EnvVar
	for _, one := range env {
		if one.Name != name {
			out = append(out, one)
		}
	}
	return out
}

// jobName is the name of a plan's job: whoever makes it twice is told that it is
// there already. Another bot's plans have other names.
func (t *Target) jobName(plan int64) string {
	return fmt.Sprintf("restore-%s-p%d", digest(t.opts.Store), plan)
}

// momentOf reads to which moment is to be restored.
func (r *Restore) momentOf(text string, now time.Time) (time.Time, error) {
	const example = "such as 2025-10-25 10:00 or 2025-10-25T10:00:00Z, in UTC"
	if !r.momentary() {
		if text != "" {
			return time.Time{}, problemf("This restore cannot be told a moment (%s): its config names neither env nor args. Leave --at out.", clipped(text))
		}
		return time.Time{}, nil
	}
	if strings.TrimSpace(text) == "" {
		return time.Time{}, problemf("To which moment? Say it with --at, %s.", example)
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02T15:04:05"} {
		at, err := time.Parse(layout, strings.TrimSpace(text))
		switch {
		case err != nil:
			continue
		case at.After(now):
			return time.Time{}, problemf("%s is in the future (it is %s): a restore goes back in time.", moment(at), moment(now))
		}
		return at.UTC(), nil
	}
	return time.Time{}, problemf("%q is no moment: give one %s.", clipped(text), example)
}
