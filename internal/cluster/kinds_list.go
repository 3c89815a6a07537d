package cluster

import (
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
)

// What is particular about each kind.

func namespaceKind() *kind {
	k := plain("Namespace", "namespaces", func() object { return &corev1.Namespace{} }, "ns")
	k.global = true
	k.fields = []string{"status.phase"}
	k.field = func(o object, _ string) string {
		return read(func(n *corev1.Namespace) string { return string(n.Status.Phase) })(o)
	}
	k.complete = on(func(n *corev1.Namespace) {
		n.Spec.Finalizers, n.Status.Phase = []corev1.FinalizerName{corev1.FinalizerKubernetes}, corev1.NamespaceActive
		if n.Labels == nil {
			n.Labels = map[string]string{}
		}
		n.Labels[corev1.LabelMetadataName] = n.Name
	})
	return k
}

func nodeKind() *kind {
	k := plain("Node", "nodes", func() object { return &corev1.Node{} }, "no")
	k.global = true
	return k
}

func configMapKind() *kind {
	k := plain("ConfigMap", "configmaps", func() object { return &corev1.ConfigMap{} }, "cm")
	k.validate = judge(validateConfigMap)
	return k
}

func secretKind() *kind {
	k := plain("Secret", "secrets", func() object { return &corev1.Secret{} })
	k.fields = []string{"type"}
	k.field = func(o object, _ string) string {
		return read(func(s *corev1.Secret) string { return string(s.Type) })(o)
	}
	k.complete = on(completeSecret)
	k.validate = judge(validateSecret)
	return k
}

func podKind() *kind {
	k := plain("Pod", "pods", func() object { return &corev1.Pod{} }, "po")
	k.fields = []string{
		"spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "spec.hostNetwork",
		"status.phase", "status.podIP", "status.nominatedNodeName",
	}
	k.field = podField
	k.complete = on(func(p *corev1.Pod) { completePodSpec(&p.Spec) })
	k.validate = judge(validatePod)
	k.spec = read(func(p *corev1.Pod) any { return p.Spec })
	k.keepStatus = between(func(next, old *corev1.Pod) { next.Status = old.Status })
	k.keepSpec = between(func(next, old *corev1.Pod) { next.Spec = old.Spec })
	return k
}

func deploymentKind() *kind {
	return &kind{
		GroupVersionKind: appsv1.SchemeGroupVersion.WithKind("Deployment"), resource: "deployments", short: []string{"deploy"},
		fresh:      func() object { return &appsv1.Deployment{} },
		complete:   on(completeDeployment),
		validate:   judge(validateDeployment),
		spec:       read(func(d *appsv1.Deployment) any { return d.Spec }),
		keepStatus: between(func(next, old *appsv1.Deployment) { next.Status = old.Status }),
		keepSpec:   between(func(next, old *appsv1.Deployment) { next.Spec = old.Spec }),
		annotated:  true,
	}
}

func replicaSetKind() *kind {
	return &kind{
		GroupVersionKind: appsv1.SchemeGroupVersion.WithKind("ReplicaSet"), resource: "replicasets", short: []string{"rs"},
		fields: []string{"status.replicas"},
		field: func(o object, _ string) string {
			return read(func(r *appsv1.ReplicaSet) string { return decimal(r.Status.Replicas) })(o)
		},
		fresh:      func() object { return &appsv1.ReplicaSet{} },
		complete:   on(completeReplicaSet),
		validate:   judge(validateReplicaSet),
		spec:       read(func(r *appsv1.ReplicaSet) any { return r.Spec }),
		keepStatus: between(func(next, old *appsv1.ReplicaSet) { next.Status = old.Status }),
		keepSpec:   between(func(next, old *appsv1.ReplicaSet) { next.Spec = old.Spec }),
	}
}

func jobKind() *kind {
	return &kind{
		GroupVersionKind: batchv1.SchemeGroupVersion.WithKind("Job"), resource: "jobs",
		fields: []string{"status.successful"},
		field: func(o object, _ string) string {
			return read(func(j *batchv1.Job) string { return decimal(j.Status.Succeeded) })(o)
		},
		fresh:      func() object { return &batchv1.Job{} },
		complete:   on(completeJob),
		validate:   judge(validateJob),
		spec:       read(func(j *batchv1.Job) any { return j.Spec }),
		keepStatus: between(func(next, old *batchv1.Job) { next.Status = old.Status }),
		keepSpec:   between(func(next, old *batchv1.Job) { next.Spec = old.Spec }),
		orphans:    true,
	}
}

func cronJobKind() *kind {
	return &kind{
		GroupVersionKind: batchv1.SchemeGroupVersion.WithKind("CronJob"), resource: "cronjobs", short: []string{"cj"},
		fresh:      func() object { return &batchv1.CronJob{} },
		complete:   on(completeCronJob),
		spec:       read(func(j *batchv1.CronJob) any { return j.Spec }),
		keepStatus: between(func(next, old *batchv1.CronJob) { next.Status = old.Status }),
		keepSpec:   between(func(next, old *batchv1.CronJob) { next.Spec = old.Spec }),
	}
}

func autoscalerKind() *kind {
	return &kind{
		GroupVersionKind: autoscalingv2.SchemeGroupVersion.WithKind("HorizontalPodAutoscaler"),
		resource:         "horizontalpodautoscalers", short: []string{"hpa"},
		fresh:    func() object { return &autoscalingv2.HorizontalPodAutoscaler{} },
		complete: on(completeAutoscaler),
		spec:     read(func(h *autoscalingv2.HorizontalPodAutoscaler) any { return h.Spec }),
		keepStatus: between(func(next, old *autoscalingv2.HorizontalPodAutoscaler) {
			next.Status = old.Status
		}),
		keepSpec: between(func(next, old *autoscalingv2.HorizontalPodAutoscaler) { next.Spec = old.Spec }),
	}
}
