package cluster

import (
	"fmt"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
)

// JobStart is the start of a job's pod.
type JobStart struct {
	Job     *batchv1.Job // must not be changed
	Attempt int          // 0 for the first pod
}

// JobRun is what a job's pod does once it runs.
type JobRun struct {
	Duration time.Duration
	Lines    []string // of its log, spread evenly over the duration
	// ExitCode other than 0 fails the pod; the job then tries again up to its backoff limit.
	ExitCode int32
	Reason   string // of the end: OOMKilled; empty: Completed or Error
}

// Jobs decides what the pods of jobs do. Without it, or with a zero JobRun, they end well at once.
func (c *Cluster) Jobs(decide func(JobStart) JobRun) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.jobs = decide
}

// jobRun is a pod's run under way.
type jobRun struct {
	JobRun
	began   time.Time
	written int // lines
}

func (c *Cluster) syncJob(at place) error {
	j, ok := load[*batchv1.Job](c, c.kinds.jobs, at)
	if !ok || finished(j) {
		return nil
	}
	if j.Spec.Suspend != nil && *j.Spec.Suspend {
		return c.suspendJob(j)
	}
	pods := owned[*corev1.Pod](c, c.kinds.pods, j)
	var active, good, bad int32
	for _, p := range pods {
		switch p.Status.Phase {
		case corev1.PodSucceeded:
			good++
		case corev1.PodFailed:
			bad++
		default:
			active++
		}
	}
	wanted := replicas(j.Spec.Completions)
	over := bad > replicas(j.Spec.BackoffLimit)
	if !over {
		for active < replicas(j.Spec.Parallelism) && good+active < wanted {
			p, err := c.makePod(j, c.kinds.jobs, j.Spec.Template, nil)
			if err != nil {
				return fmt.Errorf("a pod of the job %s: %w", j.Name, err)
			}
			c.record(j, c.kinds.jobs, corev1.EventTypeNormal, "SuccessfulCreate", "job-controller", "Created pod: "+p.Name)
			active++
		}
	}
	return c.reportJob(at, active, good, bad)
}

func (c *Cluster) reportJob(at place, active, good, bad int32) error {
	j, err := modify(c, c.kinds.jobs, at, write{manager: controllerManager, subresource: "status"}, func(j *batchv1.Job) {
		s := &j.Status
		now, none := c.stamp(), int32(0)
		usuallyNew(&s.StartTime, now)
		s.Active, s.Succeeded, s.Failed, s.Ready, s.Terminating = active, good, bad, &none, &none
		s.UncountedTerminatedPods = &batchv1.UncountedTerminatedPods{}
		for _, p := range owned[*corev1.Pod](c, c.kinds.pods, j) {
			if ready(p) {
				none++
			}
		}
		switch {
		case good >= replicas(j.Spec.Completions):
			s.CompletionTime = &now
			c.endJob(j, batchv1.JobSuccessCriteriaMet, batchv1.JobComplete, batchv1.JobReasonCompletionsReached, "Reached expected number of succeeded pods")
		case bad > replicas(j.Spec.BackoffLimit):
			c.endJob(j, batchv1.JobFailureTarget, batchv1.JobFailed, batchv1.JobReasonBackoffLimitExceeded, "Job has reached the specified backoff limit")
		}
	})
	if err != nil {
		return fmt.Errorf("status of the job %s: %w", at.name, err)
	}
	for _, condition := range j.Status.Conditions {
		switch condition.Type {
		case batchv1.JobComplete:
			c.record(j, c.kinds.jobs, corev1.EventTypeNormal, "Completed", "job-controller", "Job completed")
		case batchv1.JobFailed:
			c.record(j, c.kinds.jobs, corev1.EventTypeWarning, condition.Reason, "job-controller", condition.Message)
		default:
		}
	}
	return nil
}

func (c *Cluster) endJob(j *batchv1.Job, first, last batchv1.JobConditionType, reason, message string) {
	for _, which := range []batchv1.JobConditionType{first, last} {
		j.Status.Conditions = append(j.Status.Conditions, batchv1.JobCondition{
			Type: which, Status: corev1.ConditionTrue, LastProbeTime: c.stamp(), LastTransitionTime: c.stamp(), Reason: reason, Message: message,
		})
	}
}

func (c *Cluster) suspendJob(j *batchv1.Job) error {
	for _, p := range c.livePods(j) {
		if _, err := c.stopPod(placeOf(p)); err != nil {
			return err
		}
	}
	for _, condition := range j.Status.Conditions {
		if condition.Type == batchv1.JobSuspended && condition.Status == corev1.ConditionTrue {
			return nil
		}
	}
	_, err := modify(c, c.kinds.jobs, placeOf(j), write{manager: controllerManager, subresource: "status"}, func(j *batchv1.Job) {
		j.Status.Active = 0
		j.Status.StartTime = nil
		j.Status.Conditions = append(j.Status.Conditions, batchv1.JobCondition{
			Type: batchv1.JobSuspended, Status: corev1.ConditionTrue, LastProbeTime: c.stamp(), LastTransitionTime: c.stamp(),
			Reason: "JobSuspended", Message: "Job suspended",
		})
	})
	if err != nil {
		return fmt.Errorf("suspending the job %s: %w", j.Name, err)
	}
	c.record(j, c.kinds.jobs, corev1.EventTypeNormal, "Suspended", "job-controller", "Job suspended")
	return nil
}

func finished(j *batchv1.Job) bool {
	for _, condition := range j.Status.Conditions {
		if (condition.Type == batchv1.JobComplete || condition.Type == batchv1.JobFailed) && condition.Status == corev1.ConditionTrue {
			return true
		}
	}
	return false
}

// runPod goes on with what a job's pod does: lines that are due, the next wait, the end.
func (c *Cluster) runPod(p *corev1.Pod) error {
	if p.Status.Phase != corev1.PodRunning {
		return nil
	}
	at := placeOf(p)
	run := c.runs[at]
	if run == nil {
		j := c.jobOf(p)
		if j == nil {
			return nil // it runs on
		}
		run = &jobRun{JobRun: c.jobs(JobStart{Job: j, Attempt: int(j.Status.Failed)}), began: c.now()}
		c.runs[at] = run
	}
	elapsed := c.now().Sub(run.began)
	if !c.asOf.IsZero() {
		elapsed = run.Duration
	}
	for ; run.written < len(run.Lines) && run.due(run.written) <= elapsed; run.written++ {
		c.logs.add(at, p.Spec.Containers[0].Name, run.began.Add(run.due(run.written)), run.Lines[run.written])
	}
	if elapsed >= run.Duration {
		delete(c.runs, at)
		return c.endPod(at, run.JobRun)
	}
	next := run.Duration
	if run.written < len(run.Lines) {
		next = run.due(run.written)
	}
	c.later(max(next-elapsed, time.Millisecond), func() { c.enqueue(kubelet, at) })
	return nil
}

func (r *jobRun) due(line int) time.Duration {
	return time.Duration(int64(r.Duration) / int64(len(r.Lines)+1) * int64(line+1))
}

func (c *Cluster) jobOf(p *corev1.Pod) *batchv1.Job {
	for _, ref := range p.OwnerReferences {
		if ref.Kind == "Job" {
			j, _ := load[*batchv1.Job](c, c.kinds.jobs, place{p.Namespace, ref.Name})
			return j
		}
	}
	return nil
}

// endPod ends a pod for good.
func (c *Cluster) endPod(at place, run JobRun) error {
	return c.setPod(at, func(p *corev1.Pod) {
		p.Status.Phase = corev1.PodSucceeded
		if run.ExitCode != 0 {
			p.Status.Phase = corev1.PodFailed
		}
		reason := run.Reason
		if reason == "" {
			reason = map[bool]string{true: "Completed", false: "Error"}[run.ExitCode == 0]
		}
		c.podConditions(p, corev1.ConditionFalse)
		for i := range p.Status.ContainerStatuses {
			s := &p.Status.ContainerStatuses[i]
			ended := &corev1.ContainerStateTerminated{ExitCode: run.ExitCode, Reason: reason, FinishedAt: c.stamp(), ContainerID: s.ContainerID}
			if s.State.Running != nil {
				ended.StartedAt = s.State.Running.StartedAt
			}
			s.State, s.Ready = corev1.ContainerState{Terminated: ended}, false
		}
	})
}
