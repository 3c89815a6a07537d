package cluster

import (
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// What the real server defaults: kubernetes pkg/apis/*/defaults.go, version 1.36.

// usually sets what is not set.
func usually[T comparable](to *T, value T) {
	var none T
	if *to == none {
		*to = value
	}
}

func usuallyNew[T any](to **T, value T) {
	if *to == nil {
		*to = &value
	}
}

func completeDeployment(d *appsv1.Deployment) {
	s := &d.Spec
	usuallyNew(&s.Replicas, 1)
	usually(&s.Strategy.Type, appsv1.RollingUpdateDeploymentStrategyType)
	if s.Strategy.Type == appsv1.RollingUpdateDeploymentStrategyType {
		usuallyNew(&s.Strategy.RollingUpdate, appsv1.RollingUpdateDeployment{})
		usuallyNew(&s.Strategy.RollingUpdate.MaxUnavailable, intstr.FromString("25%"))
		usuallyNew(&s.Strategy.RollingUpdate.MaxSurge, intstr.FromString("25%"))
	}
	usuallyNew(&s.RevisionHistoryLimit, 10)
	usuallyNew(&s.ProgressDeadlineSeconds, 600)
	completePodSpec(&s.Template.Spec)
}

func completeReplicaSet(r *appsv1.ReplicaSet) {
	usuallyNew(&r.Spec.Replicas, 1)
	completePodSpec(&r.Spec.Template.Spec)
}

func completeJob(j *batchv1.Job) {
	s := &j.Spec
	if s.Completions == nil && s.Parallelism == nil {
		usuallyNew(&s.Completions, 1)
	}
	usuallyNew(&s.Parallelism, 1)
	usuallyNew(&s.BackoffLimit, 6)
	usuallyNew(&s.CompletionMode, batchv1.NonIndexedCompletion)
	usuallyNew(&s.Suspend, false)
	usuallyNew(&s.PodReplacementPolicy, batchv1.TerminatingOrFailed)
	usuallyNew(&s.ManualSelector, false)
	completePodSpec(&s.Template.Spec)
	if !*s.ManualSelector && s.Selector == nil {
		selectJobPods(j)
	}
}

// selectJobPods generates the selector and the labels of a job's pods, as the job strategy does.
func selectJobPods(j *batchv1.Job) {
	id := string(j.UID)
	if id == "" {
		return // it gets its uid first
	}
	if j.Spec.Template.Labels == nil {
		j.Spec.Template.Labels = map[string]string{}
	}
	for key, value := range map[string]string{
		"controller-uid": id, batchv1.ControllerUidLabel: id, "job-name": j.Name, batchv1.JobNameLabel: j.Name,
	} {
		j.Spec.Template.Labels[key] = value
	}
	j.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{batchv1.ControllerUidLabel: id}}
}

func completeCronJob(j *batchv1.CronJob) {
	usually(&j.Spec.ConcurrencyPolicy, batchv1.AllowConcurrent)
	usuallyNew(&j.Spec.Suspend, false)
	usuallyNew(&j.Spec.SuccessfulJobsHistoryLimit, 3)
	usuallyNew(&j.Spec.FailedJobsHistoryLimit, 1)
	completePodSpec(&j.Spec.JobTemplate.Spec.Template.Spec)
}

func completeAutoscaler(h *autoscalingv2.HorizontalPodAutoscaler) {
	usuallyNew(&h.Spec.MinReplicas, 1)
	if len(h.Spec.Metrics) == 0 {
		percent := int32(80)
		h.Spec.Metrics = []autoscalingv2.MetricSpec{{
			Type: autoscalingv2.ResourceMetricSourceType,
			Resource: &autoscalingv2.ResourceMetricSource{
				Name:   corev1.ResourceCPU,
				Target: autoscalingv2.MetricTarget{Type: autoscalingv2.UtilizationMetricType, AverageUtilization: &percent},
			},
		}}
	}
}

func completeSecret(s *corev1.Secret) {
	usually(&s.Type, corev1.SecretTypeOpaque)
	for key, value := range s.StringData {
		if s.Data == nil {
			s.Data = map[string][]byte{}
		}
		s.Data[key] = []byte(value)
	}
	s.StringData = nil
}

func completePodSpec(s *corev1.PodSpec) {
	usually(&s.DNSPolicy, corev1.DNSClusterFirst)
	usually(&s.RestartPolicy, corev1.RestartPolicyAlways)
	usuallyNew(&s.SecurityContext, corev1.PodSecurityContext{})
	usuallyNew(&s.TerminationGracePeriodSeconds, corev1.DefaultTerminationGracePeriodSeconds)
	usually(&s.SchedulerName, corev1.DefaultSchedulerName)
	for i := range s.InitContainers {
		completeContainer(&s.InitContainers[i])
	}
	for i := range s.Containers {
		completeContainer(&s.Containers[i])
	}
}

func completeContainer(c *corev1.Container) {
	last := c.Image[strings.LastIndex(c.Image, "/")+1:]
	if _, tag, tagged := strings.Cut(last, ":"); !tagged || tag == "latest" {
		usually(&c.ImagePullPolicy, corev1.PullAlways)
	}
	usually(&c.ImagePullPolicy, corev1.PullIfNotPresent)
	usually(&c.TerminationMessagePath, corev1.TerminationMessagePathDefault)
	usually(&c.TerminationMessagePolicy, corev1.TerminationMessageReadFile)
	for i := range c.Ports {
		usually(&c.Ports[i].Protocol, corev1.ProtocolTCP)
	}
	for i := range c.Env {
		if from := c.Env[i].ValueFrom; from != nil && from.FieldRef != nil {
			usually(&from.FieldRef.APIVersion, "v1")
		}
	}
	for _, p := range []*corev1.Probe{c.LivenessProbe, c.ReadinessProbe, c.StartupProbe} {
		if p != nil {
			usually(&p.TimeoutSeconds, 1)
			usually(&p.PeriodSeconds, 10)
			usually(&p.SuccessThreshold, 1)
			usually(&p.FailureThreshold, 3)
		}
	}
}

func podField(o object, name string) string {
	p, ok := o.(*corev1.Pod)
	if !ok {
		return ""
	}
	switch name {
	case "spec.nodeName":
		return p.Spec.NodeName
	case "spec.restartPolicy":
		return string(p.Spec.RestartPolicy)
	case "spec.schedulerName":
		return p.Spec.SchedulerName
	case "spec.serviceAccountName":
		return p.Spec.ServiceAccountName
	case "spec.hostNetwork":
		return strconv.FormatBool(p.Spec.HostNetwork)
	case "status.phase":
		return string(p.Status.Phase)
	case "status.podIP":
		return p.Status.PodIP
	default:
		return p.Status.NominatedNodeName
	}
}

func decimal(n int32) string { return strconv.FormatInt(int64(n), 10) }
