package kubetest

import (
	"fmt"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func restoreJob(name string, labels map[string]string) *batchv1.Job {
	once := int32(0)
	return &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: batchv1.JobSpec{
		BackoffLimit: &once,
		Template: corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: labels},
			Spec:       corev1.PodSpec{RestartPolicy: corev1.RestartPolicyNever, Containers: []corev1.Container{{Name: "restore", Image: "backup:1"}}},
		},
	}}
}

// ended waits for the end of a job, which it returns with the reason of its last condition.
func (w *world) ended(name string) (job *batchv1.Job, how string) {
	w.t.Helper()
	w.await(name+" ends", func() error {
		j, err := w.admin.BatchV1().Jobs(w.namespace).Get(w.ctx, name, metav1.GetOptions{})
		w.must(err)
		job = j
		for _, c := range j.Status.Conditions {
			if (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed) && c.Status == corev1.ConditionTrue {
				how = string(c.Type) + " " + c.Reason
				return nil
			}
		}
		return fmt.Errorf("status %+v", j.Status)
	})
	return job, how
}

func TestAJobRunsToItsEnd(t *testing.T) {
	onEveryPeer(t, func(t *testing.T, w *world) {
		jobs := w.admin.BatchV1().Jobs(w.namespace)
		_, err := jobs.Create(w.ctx, restoreJob("good", nil), metav1.CreateOptions{})
		w.must(err)
		_, err = jobs.Create(w.ctx, restoreJob("bad", map[string]string{FailingPod: "true"}), metav1.CreateOptions{})
		w.must(err)

		good, how := w.ended("good")
		w.equal("the good one", "Complete CompletionsReached", how)
		if good.Status.Succeeded != 1 || good.Status.Active != 0 || good.Status.CompletionTime == nil || good.Status.StartTime == nil {
			t.Errorf("status %+v", good.Status)
		}
		bad, how := w.ended("bad")
		w.equal("the bad one", "Failed BackoffLimitExceeded", how)
		if bad.Status.Failed != 1 || bad.Status.CompletionTime != nil {
			t.Errorf("status %+v", bad.Status)
		}
		pods, err := w.admin.CoreV1().Pods(w.namespace).List(w.ctx, metav1.ListOptions{LabelSelector: batchv1.JobNameLabel + "=good"})
		w.must(err)
		if len(pods.Items) != 1 || pods.Items[0].Status.Phase != corev1.PodSucceeded || pods.Items[0].Labels[batchv1.ControllerUidLabel] != string(good.UID) {
			t.Errorf("its pods: %+v", pods.Items)
		}
		w.told("Job", "SuccessfulCreate", "Created pod: "+pods.Items[0].Name)
		w.told("Job", "Completed", "Job completed")
		w.told("Job", "BackoffLimitExceeded", "Job has reached the specified backoff limit")

		background := metav1.DeletePropagationBackground
		w.must(jobs.Delete(w.ctx, "good", metav1.DeleteOptions{PropagationPolicy: &background}))
		w.await("its pod is gone", func() error {
			l, err := w.admin.CoreV1().Pods(w.namespace).List(w.ctx, metav1.ListOptions{LabelSelector: batchv1.JobNameLabel + "=good"})
			w.must(err)
			if len(l.Items) > 0 {
				return errNotYet
			}
			return nil
		})
	})
}

func TestASuspendedJobWaits(t *testing.T) {
	onEveryPeer(t, func(_ *testing.T, w *world) {
		jobs := w.admin.BatchV1().Jobs(w.namespace)
		yes := true
		job := restoreJob("later", nil)
		job.Spec.Suspend = &yes
		_, err := jobs.Create(w.ctx, job, metav1.CreateOptions{})
		w.must(err)
		w.await("it is suspended", func() error {
			j, err := jobs.Get(w.ctx, "later", metav1.GetOptions{})
			w.must(err)
			for _, c := range j.Status.Conditions {
				if c.Type == batchv1.JobSuspended && c.Status == corev1.ConditionTrue {
					return nil
				}
			}
			return errNotYet
		})
		pods, err := w.admin.CoreV1().Pods(w.namespace).List(w.ctx, metav1.ListOptions{})
		w.must(err)
		w.equal("pods meanwhile", 0, len(pods.Items))
		_, err = jobs.Patch(w.ctx, "later", "application/merge-patch+json", []byte(`{"spec":{"suspend":false}}`), metav1.PatchOptions{})
		w.must(err)
		_, how := w.ended("later")
		w.equal("then", "Complete CompletionsReached", how)
	})
}

// A suspended CronJob is a template from which somebody makes jobs.
func TestACronJobIsATemplate(t *testing.T) {
	onEveryPeer(t, func(t *testing.T, w *world) {
		yes := true
		made, err := w.admin.BatchV1().CronJobs(w.namespace).Create(w.ctx, &batchv1.CronJob{
			ObjectMeta: metav1.ObjectMeta{Name: "restore"},
			Spec: batchv1.CronJobSpec{
				Schedule: "0 0 31 2 *", Suspend: &yes, JobTemplate: batchv1.JobTemplateSpec{Spec: restoreJob("", nil).Spec},
			},
		}, metav1.CreateOptions{})
		w.must(err)
		job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "restore-1", Annotations: map[string]string{"cronjob.kubernetes.io/instantiate": "manual"}}, Spec: made.Spec.JobTemplate.Spec}
		dryRun, err := w.admin.BatchV1().Jobs(w.namespace).Create(w.ctx, job.DeepCopy(), metav1.CreateOptions{DryRun: dry()})
		if err != nil || dryRun.Spec.Selector == nil || *dryRun.Spec.Completions != 1 {
			t.Errorf("a dry run answers %+v, %v", dryRun, err)
		}
		_, err = w.admin.BatchV1().Jobs(w.namespace).Create(w.ctx, job, metav1.CreateOptions{})
		w.must(err)
		_, err = w.admin.BatchV1().Jobs(w.namespace).Create(w.ctx, job, metav1.CreateOptions{})
		w.refused(err, 409, metav1.StatusReasonAlreadyExists, `jobs.batch "restore-1" already exists`)
		_, how := w.ended("restore-1")
		w.equal("the job", "Complete CompletionsReached", how)
		bad := restoreJob("bad", nil)
		bad.Spec.Template.Spec.RestartPolicy = ""
		_, err = w.admin.BatchV1().Jobs(w.namespace).Create(w.ctx, bad, metav1.CreateOptions{})
		w.refused(err, 422, metav1.StatusReasonInvalid, "")
	})
}
