package kube

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// seen is a deployment as it was at one look.
type seen struct {
	*appsv1.Deployment
	writer Writer
	env    env
	record record
	unsure string // a sentence, where the record is not known for sure; empty: it is
}

// env is a variable of a container.
type env struct {
	container string
	value     *string // nil: it is not there
	// problem says in a clause why it cannot be set: its value comes from somewhere
	// else, there is no such container.
	problem string
}

// see looks at a deployment. A problem says that there is none, or that it may
// not be read.
func (t *Target) see(ctx context.Context, w Writer) (seen, error) {
	c, err := t.reading()
	if err != nil {
		return seen{}, err
	}
	d, err := t.getDeployment(ctx, c, w.Name)
	if apierrors.IsNotFound(err) {
		return seen{}, t.noDeployment(ctx, c, w.Name)
	}
	if err != nil {
		return seen{}, t.problem(ctx, act{doing: "getting deployment " + w.Name, verb: "get", resource: "deployments.apps", name: w.Name}, err)
	}
	return t.remember(ctx, c, seenAs(w, d))
}

// getDeployment gets one. The error is the API's own.
func (t *Target) getDeployment(ctx context.Context, c *clients, name string) (*appsv1.Deployment, error) {
	asking, cancel := t.ask(ctx)
	defer cancel()
	return c.deployments().Get(asking, name, metav1.GetOptions{})
}

func seenAs(w Writer, d *appsv1.Deployment) seen {
	s := seen{Deployment: d, writer: w, record: recordOf(d.Annotations)}
	if w.ReadOnly != nil {
		s.env = envOf(d, w.Container, w.ReadOnly.Env)
	}
	return s
}

// envOf finds a variable of a deployment's container; without a name, of its only
// one. Of several of one name pods see the last, and a patch changes the first.
func envOf(d *appsv1.Deployment, container, name string) env {
	c, problem := containerOf(d.Spec.Template.Spec, container)
	if c == nil {
		return env{container: container, problem: "deployment " + d.Name + " " + problem}
	}
	e, times := env{container: c.Name}, 0
	for _, one := range c.Env {
		if one.Name != name {
			continue
		}
		switch times++; {
		case times > 1:
			e.problem = fmt.Sprintf("%s is there twice in container %s of deployment %s: remove one", name, c.Name, d.Name)
		case one.ValueFrom != nil:
			e.problem = fmt.Sprintf("%s of deployment %s comes from %s: it has to be changed there", name, d.Name, comesFrom(one.ValueFrom))
		default:
			value := one.Value
			e.value = &value
		}
	}
	return e
}

// containerOf finds a container of pods; without a name, the only one. problem
// says why there is none.
func containerOf(p corev1.PodSpec, name string) (c *corev1.Container, problem string) {
	var names []string
	for i := range p.Containers {
		if p.Containers[i].Name == name || name == "" && len(p.Containers) == 1 {
			return &p.Containers[i], ""
		}
		names = append(names, p.Containers[i].Name)
	}
	if name == "" {
		return nil, fmt.Sprintf("has %d containers (%s): container in the config says which one is meant", len(names), strings.Join(names, ", "))
	}
	return nil, fmt.Sprintf("has no container %s; it has %s", name, strings.Join(names, ", "))
}

// comesFrom is where the value of a variable comes from.
func comesFrom(from *corev1.EnvVarSource) string {
	switch {
	case from.ConfigMapKeyRef != nil:
		return fmt.Sprintf("config map %s (key %s)", from.ConfigMapKeyRef.Name, from.ConfigMapKeyRef.Key)
	case from.SecretKeyRef != nil:
		return fmt.Sprintf("secret %s (key %s)", from.SecretKeyRef.Name, from.SecretKeyRef.Key)
	}
	return "somewhere else (valueFrom)"
}

// replicas is how many pods are wanted. Source: DeploymentSpec, 1 if not set.
func (s seen) replicas() int32 {
	if s.Spec.Replicas == nil {
		return 1
	}
	return *s.Spec.Replicas
}

// readOnly: the variable says that nothing must be written.
func (s seen) readOnly() bool {
	return s.writer.ReadOnly != nil && s.env.value != nil && *s.env.value == s.writer.ReadOnly.On
}

// meant is what the last plan wants it to be.
func (s seen) meant() string { return s.record.kept.meant() }

// rolledOut tells whether the controller has done all that the deployment says.
func (s seen) rolledOut() bool {
	st := s.Status
	return st.ObservedGeneration >= s.Generation && st.UpdatedReplicas == s.replicas() &&
		st.Replicas == st.UpdatedReplicas && st.AvailableReplicas >= s.replicas()
}

// condition is one of the deployment's; nil if it has none of this type.
func (s seen) condition(kind appsv1.DeploymentConditionType) *appsv1.DeploymentCondition {
	for i := range s.Status.Conditions {
		if s.Status.Conditions[i].Type == kind {
			return &s.Status.Conditions[i]
		}
	}
	return nil
}

// stuck says why the rollout does not go on; empty if it does.
func (s seen) stuck() string {
	if c := s.condition(appsv1.DeploymentProgressing); c != nil && c.Status == corev1.ConditionFalse {
		return clipped(c.Reason + ": " + c.Message)
	}
	if c := s.condition(appsv1.DeploymentReplicaFailure); c != nil && c.Status == corev1.ConditionTrue {
		return clipped(c.Reason + ": " + c.Message)
	}
	return ""
}

// unavailable is since when too few pods are there; zero: not known.
func (s seen) unavailable() time.Time {
	var since time.Time
	if c := s.condition(appsv1.DeploymentAvailable); c != nil && c.Status == corev1.ConditionFalse {
		since = c.LastTransitionTime.UTC()
	}
	if c := s.condition(appsv1.DeploymentProgressing); c != nil && c.LastUpdateTime.After(since) {
		since = c.LastUpdateTime.UTC()
	}
	return since
}

// livePods are those of a deployment that still run or are about to: a pod that is
// being deleted can write until it is gone.
func (t *Target) livePods(ctx context.Context, d *appsv1.Deployment) ([]corev1.Pod, error) {
	c, err := t.reading()
	if err != nil {
		return nil, err
	}
	selector, err := metav1.LabelSelectorAsSelector(d.Spec.Selector)
	if err != nil {
		return nil, problemf("The selector of deployment %s in Kubernetes %s is not understood.", d.Name, t.opts.Place)
	}
	all, err := t.pods(ctx, c, selector.String())
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(p corev1.Pod) bool {
		return p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed
	}), nil
}

// hasEnv tells whether a pod's container has a variable with a value; nil:
// whether it does not have the variable.
func hasEnv(p corev1.Pod, e envChange) bool {
	c, _ := containerOf(p.Spec, e.Container)
	if c == nil {
		return false
	}
	var value *string
	for _, one := range c.Env {
		if one.Name == e.Name {
			value = &one.Value
		}
	}
	if value == nil || e.Value == nil {
		return value == nil && e.Value == nil
	}
	return *value == *e.Value
}

// pause waits unless the context ends first.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
