package kube

import (
	"context"
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/integritybot/integritybot/internal/message/phrase"
)

// owner is a controller outside of a deployment that may set its fields again.
type owner struct {
	kind ownerKind
	name string // with its namespace where it may be another one
	// zeroes: it may bring pods back that were scaled to zero.
	zeroes bool
	// paused: it is told to leave the deployment alone.
	paused bool
	// holds is the number of pods that it keeps the deployment at, whoever changes it;
	// nil: it holds none.
	holds *int32
	// bounds are what an autoscaler keeps to: "2 to 10 pods".
	bounds string
}

// ownerKind is what an owner is, as people call it.
type ownerKind string

const (
	hpa    ownerKind = "autoscaler"
	keda   ownerKind = "KEDA ScaledObject"
	argocd ownerKind = "Argo CD application"
	flux   ownerKind = "Flux kustomization"
	helm   ownerKind = "Flux Helm release"
)

// scales: it decides how many pods there are.
func (o owner) scales() bool { return o.kind == hpa || o.kind == keda }

// stands: it holds the deployment at zero pods.
func (o owner) stands() bool { return o.holds != nil && *o.holds == 0 }

// may tells whether a change of the number of pods, or of something else, can be
// this owner's. Where the API names no client, it can be anybody's who may.
func (o owner) may(by setter, pods bool) bool {
	switch {
	case o.paused:
		return false
	case !by.known():
		return !o.scales() || pods && (o.zeroes || o.holds != nil)
	}
	hands := map[ownerKind]string{hpa: "kube-controller-manager", keda: "keda", argocd: "argocd", flux: "kustomize-controller", helm: "helm-controller"}
	return strings.HasPrefix(by.manager, hands[o.kind]) || o.kind == keda && by.autoscaler()
}

// said is the owner for people.
func (o owner) said() string {
	text := string(o.kind) + " " + o.name
	switch {
	case o.paused:
		return text + " (paused)"
	case o.holds != nil:
		return text + " (holds " + phrase.Plural(int64(*o.holds), "pod") + ")"
	case o.bounds != "":
		return text + " (" + o.bounds + ")"
	}
	return text
}

// rest says what to do so that it leaves the deployment alone.
func (o owner) rest(d *appsv1.Deployment) string {
	switch o.kind {
	case keda:
		to := "=0 --overwrite"
		if o.stands() {
			to = "-"
		}
		return fmt.Sprintf("kubectl annotate scaledobject %s -n %s autoscaling.keda.sh/paused-replicas%s", o.name, d.Namespace, to)
	case argocd:
		return "argocd app set " + o.name + " --sync-policy none, or a pull request"
	case flux:
		namespace, name, _ := strings.Cut(o.name, "/")
		return fmt.Sprintf("flux suspend kustomization %s -n %s, or a pull request", name, namespace)
	case helm:
		namespace, name, _ := strings.Cut(o.name, "/")
		return fmt.Sprintf("flux suspend helmrelease %s -n %s, or a pull request", name, namespace)
	case hpa:
	}
	return "a change of the autoscaler itself"
}

// owners are all that may set fields of a deployment again. unseen says what
// could not be looked at, one sentence each.
func (t *Target) owners(ctx context.Context, d *appsv1.Deployment) (owners []owner, unseen []string, err error) {
	c, err := t.reading()
	if err != nil {
		return nil, nil, err
	}
	scaled, note, err := t.scaledObjects(ctx, c, d)
	if err != nil {
		return nil, nil, err
	}
	owners, unseen = append(owners, scaled...), append(unseen, note...)
	scalers, note, err := t.autoscalers(ctx, c, d)
	if err != nil {
		return nil, nil, err
	}
	for _, one := range scalers {
		if !kedaMade(one, scaled) {
			owners = append(owners, autoscalerOf(one))
		}
	}
	return append(owners, delivery(d)...), append(unseen, note...), nil
}

// autoscalers are the HorizontalPodAutoscalers of a deployment.
func (t *Target) autoscalers(ctx context.Context, c *clients, d *appsv1.Deployment) ([]autoscalingv2.HorizontalPodAutoscaler, []string, error) {
	asking, cancel := t.ask(ctx)
	defer cancel()
	a := act{doing: "listing autoscalers", verb: "list", resource: "horizontalpodautoscalers.autoscaling"}
	list, err := c.autoscalers().List(asking, metav1.ListOptions{})
	switch {
	case apierrors.IsForbidden(err):
		return nil, []string{"Whether an autoscaler owns " + d.Name + " is not known (" + t.ungranted(a) + ")."}, nil
	case err != nil:
		return nil, nil, t.problem(ctx, a, err)
	}
	var out []autoscalingv2.HorizontalPodAutoscaler
	for _, one := range list.Items {
		if ref := one.Spec.ScaleTargetRef; ref.Kind == "Deployment" && ref.Name == d.Name {
			out = append(out, one)
		}
	}
	return out, nil, nil
}

// autoscalerOf tells what an autoscaler may do. One that follows an object or an
// external metric can bring pods back from zero: Kubernetes 1.37, feature gate
// HPAScaleToZero (beta); without the gate minReplicas is at least 1, and 0 pods
// make it rest.
func autoscalerOf(h autoscalingv2.HorizontalPodAutoscaler) owner {
	o := owner{kind: hpa, name: h.Name}
	least := int32(1)
	if h.Spec.MinReplicas != nil {
		least = *h.Spec.MinReplicas
	}
	o.bounds = fmt.Sprintf("%d to %d pods", least, h.Spec.MaxReplicas)
	for _, m := range h.Spec.Metrics {
		o.zeroes = o.zeroes || m.Type == autoscalingv2.ObjectMetricSourceType || m.Type == autoscalingv2.ExternalMetricSourceType
	}
	return o
}

// delivery are the tools that keep a deployment as it stands in a repository, by
// the marks that they leave. Argo CD's must name the object itself, because a copy
// of it has the mark, too. Sources: Argo CD, "Resource Tracking"; Flux,
// "Kustomization" and "HelmRelease".
func delivery(d *appsv1.Deployment) []owner {
	var out []owner
	app, tracked, _ := strings.Cut(d.Annotations["argocd.argoproj.io/tracking-id"], ":")
	switch {
	case app != "" && tracked == "apps/Deployment:"+d.Namespace+"/"+d.Name:
		out = append(out, owner{kind: argocd, name: app})
	case d.Labels["argocd.argoproj.io/instance"] != "":
		out = append(out, owner{kind: argocd, name: d.Labels["argocd.argoproj.io/instance"]})
	case d.Labels["app.kubernetes.io/instance"] != "" && managedByArgo(d):
		out = append(out, owner{kind: argocd, name: d.Labels["app.kubernetes.io/instance"]})
	}
	off := d.Annotations["kustomize.toolkit.fluxcd.io/reconcile"] == "disabled"
	if name := d.Labels["kustomize.toolkit.fluxcd.io/name"]; name != "" {
		out = append(out, owner{kind: flux, name: d.Labels["kustomize.toolkit.fluxcd.io/namespace"] + "/" + name, paused: off})
	}
	if name := d.Labels["helm.toolkit.fluxcd.io/name"]; name != "" {
		out = append(out, owner{kind: helm, name: d.Labels["helm.toolkit.fluxcd.io/namespace"] + "/" + name})
	}
	return out
}

// managedByArgo: Helm sets the instance label, too, so that it takes Argo CD's own
// hand to tell.
func managedByArgo(d *appsv1.Deployment) bool {
	for _, one := range d.ManagedFields {
		if strings.HasPrefix(one.Manager, "argocd") {
			return true
		}
	}
	return false
}

// autoscaled: something else decides how many pods there are.
func autoscaled(owners []owner) bool {
	for _, o := range owners {
		if o.scales() && !o.paused && o.holds == nil {
			return true
		}
	}
	return false
}

// saidOwners are all of them for people; empty if there are none.
func saidOwners(owners []owner) string {
	var out []string
	for _, o := range owners {
		out = append(out, clipped(o.said()))
	}
	return strings.Join(out, ", ")
}
