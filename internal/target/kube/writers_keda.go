package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// kedaMade tells whether KEDA made an autoscaler for one of its ScaledObjects.
func kedaMade(h autoscalingv2.HorizontalPodAutoscaler, scaled []owner) bool {
	for _, one := range scaled {
		if h.Labels["scaledobject.keda.sh/name"] == one.name || h.Name == "keda-hpa-"+one.name {
			return true
		}
	}
	return false
}

// scaledObject is what matters of KEDA's. Source: KEDA, "ScaledObject
// specification" (keda.sh/v1alpha1).
type scaledObject struct {
	Metadata metav1.ObjectMeta `json:"metadata"`
	Spec     struct {
		ScaleTargetRef struct {
			Kind string `json:"kind"`
			Name string `json:"name"`
		} `json:"scaleTargetRef"`
		MinReplicaCount *int32 `json:"minReplicaCount"`
		MaxReplicaCount *int32 `json:"maxReplicaCount"`
	} `json:"spec"`
}

// scaledObjects are KEDA's for a deployment; none where there is no KEDA.
func (t *Target) scaledObjects(ctx context.Context, c *clients, d *appsv1.Deployment) ([]owner, []string, error) {
	const group = "keda.sh/v1alpha1"
	a := act{doing: "listing KEDA's scaled objects", verb: "list", resource: "scaledobjects.keda.sh"}
	unseen := []string{"Whether KEDA scales " + d.Name + " is not known (" + t.ungranted(a) + ")."}
	asking, cancel := t.ask(ctx)
	defer cancel()
	if _, err := c.path("/apis/" + group).DoRaw(asking); err != nil {
		switch {
		case apierrors.IsNotFound(err):
			return nil, nil, nil
		case apierrors.IsForbidden(err):
			return nil, unseen, nil
		}
		return nil, nil, t.problem(ctx, a, err)
	}
	raw, err := c.path("/apis/" + group + "/namespaces/" + d.Namespace + "/scaledobjects").DoRaw(asking)
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil, nil
	case apierrors.IsForbidden(err):
		return nil, unseen, nil
	case err != nil:
		return nil, nil, t.problem(ctx, a, err)
	}
	var list struct {
		Items []scaledObject `json:"items"`
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, nil, t.problem(ctx, a, fmt.Errorf("scaled objects: %w", err))
	}
	var out []owner
	for _, one := range list.Items {
		if ref := one.Spec.ScaleTargetRef; (ref.Kind == "" || ref.Kind == "Deployment") && ref.Name == d.Name {
			out = append(out, scaledOwner(one))
		}
	}
	return out, nil, nil
}

// scaledOwner tells what KEDA may do. Paused at a number of pods, it sets that number
// again whenever somebody else changes it. Source: KEDA, "Pause autoscaling".
func scaledOwner(s scaledObject) owner {
	o := owner{kind: keda, name: s.Metadata.Name, zeroes: true}
	if lo, hi := s.Spec.MinReplicaCount, s.Spec.MaxReplicaCount; lo != nil && hi != nil {
		o.bounds = fmt.Sprintf("%d to %d pods", *lo, *hi)
	}
	if n, err := strconv.ParseInt(s.Metadata.Annotations["autoscaling.keda.sh/paused-replicas"], 10, 32); err == nil {
		held := int32(n)
		o.holds, o.zeroes = &held, false
		return o
	}
	o.paused = s.Metadata.Annotations["autoscaling.keda.sh/paused"] == "true"
	o.zeroes = !o.paused
	return o
}
