package cluster

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
)

const kubeletName = "kubelet"

// syncPod is what the scheduler and the kubelet do: a pod gets a node, runs and is ready.
func (c *Cluster) syncPod(at place) error {
	p, ok := load[*corev1.Pod](c, c.kinds.pods, at)
	if !ok || p.DeletionTimestamp != nil {
		return nil
	}
	if len(p.Spec.SchedulingGates) > 0 {
		return c.setPod(at, func(p *corev1.Pod) {
			p.Status.Phase = corev1.PodPending
			p.Status.Conditions = []corev1.PodCondition{{
				Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonSchedulingGated,
				Message: "Scheduling is blocked due to non-empty scheduling gates",
			}}
		})
	}
	if p.Spec.NodeName == "" {
		var err error
		p, err = modify(c, c.kinds.pods, at, write{manager: "kube-scheduler"}, func(p *corev1.Pod) {
			p.Spec.NodeName = fmt.Sprintf("node-%d", 1+c.ids%3)
		})
		if err != nil {
			return fmt.Errorf("pod %s: %w", at.name, err)
		}
	}
	if p.Status.Phase != "" && p.Status.Phase != corev1.PodPending {
		return c.runPod(p)
	}
	if p.Status.Phase == "" {
		if err := c.setPod(at, func(p *corev1.Pod) { c.pending(p, "ContainerCreating", "") }); err != nil {
			return err
		}
	}
	c.later(c.options.Delays.PodStart-c.now().Sub(p.CreationTimestamp.Time), func() { c.startPod(p) })
	return nil
}

// setPod writes a pod's status as the kubelet does.
func (c *Cluster) setPod(at place, f func(*corev1.Pod)) error {
	_, err := modify(c, c.kinds.pods, at, write{manager: kubeletName, subresource: "status"}, f)
	if err != nil {
		return fmt.Errorf("status of the pod %s: %w", at.name, err)
	}
	return nil
}

// startPod makes a pod run, unless it is gone or its image is broken.
func (c *Cluster) startPod(waiting *corev1.Pod) {
	at := placeOf(waiting)
	p, ok := load[*corev1.Pod](c, c.kinds.pods, at)
	if !ok || p.UID != waiting.UID || p.Status.Phase != corev1.PodPending || p.DeletionTimestamp != nil {
		return
	}
	err := c.setPod(at, func(p *corev1.Pod) {
		for _, container := range p.Spec.Containers {
			if reason := c.broken[container.Image]; reason != "" {
				c.pending(p, reason, fmt.Sprintf("Back-off pulling image %q", container.Image))
				return
			}
		}
		c.running(p)
	})
	if err != nil {
		c.options.Log.Error("a pod could not be started", "error", err)
	}
}

func (c *Cluster) pending(p *corev1.Pod, reason, message string) {
	p.Status.Phase = corev1.PodPending
	c.podConditions(p, corev1.ConditionFalse)
	p.Status.ContainerStatuses = nil
	for _, container := range p.Spec.Containers {
		stopped := false
		p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, corev1.ContainerStatus{
			Name: container.Name, Image: container.Image, Started: &stopped,
			State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}},
		})
	}
}

func (c *Cluster) running(p *corev1.Pod) {
	now := c.stamp()
	p.Status.Phase, p.Status.StartTime = corev1.PodRunning, &now
	p.Status.HostIP = "10.0.0." + p.Spec.NodeName[len(p.Spec.NodeName)-1:]
	p.Status.PodIP = fmt.Sprintf("10.1.%d.%d", c.ids/250%250, 1+c.ids%250)
	p.Status.PodIPs = []corev1.PodIP{{IP: p.Status.PodIP}}
	p.Status.QOSClass = corev1.PodQOSBestEffort
	c.podConditions(p, corev1.ConditionTrue)
	p.Status.ContainerStatuses = nil
	for _, container := range p.Spec.Containers {
		started := true
		p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, corev1.ContainerStatus{
			Name: container.Name, Image: container.Image, ImageID: "docker.io/" + container.Image,
			ContainerID: "containerd://" + c.uid(), Ready: true, Started: &started,
			State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: now}},
		})
	}
}

func (c *Cluster) podConditions(p *corev1.Pod, ready corev1.ConditionStatus) {
	now := c.stamp()
	status := map[corev1.PodConditionType]corev1.ConditionStatus{
		corev1.PodScheduled: corev1.ConditionTrue, corev1.PodInitialized: corev1.ConditionTrue,
		corev1.ContainersReady: ready, corev1.PodReady: ready,
	}
	before := p.Status.Conditions
	p.Status.Conditions = nil
	for _, which := range []corev1.PodConditionType{corev1.PodScheduled, corev1.PodInitialized, corev1.ContainersReady, corev1.PodReady} {
		next := corev1.PodCondition{Type: which, Status: status[which], LastTransitionTime: now}
		for _, old := range before {
			if old.Type == which && old.Status == next.Status {
				next.LastTransitionTime = old.LastTransitionTime
			}
		}
		p.Status.Conditions = append(p.Status.Conditions, next)
	}
}

// stopPod ends a pod, at once or after the delay that is configured.
func (c *Cluster) stopPod(at place) (object, error) {
	o, err := c.get(c.kinds.pods, at)
	if err != nil {
		return nil, err
	}
	if c.options.Delays.PodStop <= 0 || !c.asOf.IsZero() {
		c.remove(c.kinds.pods, o, false)
		return o, nil
	}
	if o.GetDeletionTimestamp() != nil {
		return o, nil
	}
	ending := copyOf(o)
	now, grace := c.stamp(), int64(c.options.Delays.PodStop/time.Second)
	ending.SetDeletionTimestamp(&now)
	ending.SetDeletionGracePeriodSeconds(&grace)
	c.commit(c.kinds.pods, o, ending)
	c.later(c.options.Delays.PodStop, func() {
		if now, err := c.get(c.kinds.pods, at); err == nil && now.GetUID() == o.GetUID() {
			c.remove(c.kinds.pods, now, false)
		}
	})
	return ending, nil
}

// Crash ends a container with a reason (OOMKilled, Error) and an exit code. It is started again: its log becomes that
// of the previous container, its restart count goes up.
func (c *Cluster) Crash(namespace, pod, container, reason string, exitCode int32) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := place{namespace, pod}
	found := false
	now := c.stamp()
	err := c.setPod(at, func(p *corev1.Pod) {
		for i := range p.Status.ContainerStatuses {
			s := &p.Status.ContainerStatuses[i]
			if s.Name != container || s.State.Running == nil {
				continue
			}
			found = true
			s.LastTerminationState = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
				ExitCode: exitCode, Reason: reason, StartedAt: s.State.Running.StartedAt, FinishedAt: now, ContainerID: s.ContainerID,
			}}
			s.RestartCount++
			s.ContainerID = "containerd://" + c.uid()
			s.State.Running = &corev1.ContainerStateRunning{StartedAt: now}
		}
	})
	if err != nil {
		return err
	}
	if !found {
		return fmt.Errorf("cluster: no container %q runs in the pod %s", container, pod)
	}
	c.logs.restart(at, container)
	return nil
}

// BreakImage keeps containers of an image from starting, with a reason such as ImagePullBackOff; an empty reason
// repairs it for pods made from then on.
func (c *Cluster) BreakImage(image, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.broken[image] = reason
}
