package kube

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
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
		cron, err := c.cronJobs().Get(asking, r.CronJob, metav1.GetOptions{})
		if err != nil {
			return nil, t.problem(ctx, act{doing: "getting the template", verb: "get", resource: "cronjobs.batch", name: r.CronJob}, err)
		}
		return &batchv1.Job{
			ObjectMeta: metav1.ObjectMeta{Labels: cron.Spec.JobTemplate.Labels, Annotations: cron.Spec.JobTemplate.Annotations},
			Spec:       cron.Spec.JobTemplate.Spec,
		}, nil
	}
	m, err := c.configMaps().Get(asking, r.ConfigMap.Name, metav1.GetOptions{})
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
func (t *Target) job(r *Restore, name string, template *batchv1.Job, o fix.Order, at time.Time) (*batchv1.Job, error) {
	j := &batchv1.Job{
		TypeMeta: metav1.TypeMeta{APIVersion: "batch/v1", Kind: "Job"},
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: t.opts.Namespace,
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

// nextName is the name of the next job of a template, one more than the last that there
// is of any plan and any bot. So two plans that were worked out while the same jobs
// were there have one name, and Kubernetes lets one of them alone make its job.
func (r *Restore) nextName(jobs []batchv1.Job) string {
	prefix, last := "restore-"+r.label()+"-", 0
	for _, j := range jobs {
		if n, err := strconv.Atoi(strings.TrimPrefix(j.Name, prefix)); err == nil && strings.HasPrefix(j.Name, prefix) {
			last = max(last, n)
		}
	}
	return prefix + strconv.Itoa(last+1)
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
	at, ok := parsedMoment(text)
	switch {
	case !ok:
		return time.Time{}, problemf("%q is no moment: give one %s.", clipped(text), example)
	case at.After(now):
		return time.Time{}, problemf("%s is in the future (it is %s): a restore goes back in time.", moment(at), moment(now))
	}
	return at, r.tellable(at)
}

// parsedMoment reads a moment as people type it, in UTC unless a zone is given.
func parsedMoment(text string) (at time.Time, ok bool) {
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02T15:04:05"} {
		if at, err := time.Parse(layout, strings.TrimSpace(text)); err == nil {
			return at.UTC().Truncate(time.Second), true // what a job is told has no fractions
		}
	}
	return time.Time{}, false
}

// tellable is nil if what the job is told is the moment itself, and not a minute or a
// day that holds it.
func (r *Restore) tellable(at time.Time) error {
	told, written := r.parts(), r.written(at)
	if told["at"] {
		return nil
	}
	var layouts, said []string
	for _, part := range []string{"date", "time"} {
		if told[part] {
			layouts, said = append(layouts, r.layout(part)), append(said, written[part])
		}
	}
	back, err := time.Parse(strings.Join(layouts, " "), strings.Join(said, " "))
	if err == nil && back.Equal(at) {
		return nil
	}
	return problemf("The job would be told %s, which is not %s: give a moment that it can be told, or tell it {at} in the config.", strings.Join(said, " "), moment(at))
}

// parts are those of the moment that the job is told: date, time and at.
func (r *Restore) parts() map[string]bool {
	told := map[string]bool{}
	for _, one := range placeholder.FindAllString(strings.Join(r.Args, " "), -1) {
		told[strings.Trim(one, "{}")] = true
	}
	if e := r.Env; e != nil {
		for part, name := range map[string]string{"date": e.Date, "time": e.Time, "at": e.At} {
			told[part] = told[part] || name != ""
		}
	}
	return told
}
