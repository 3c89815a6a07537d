package kube

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/integritybot/integritybot/internal/message/phrase"
)

// stillWrites says which pods are not yet as a stop wants them: any where there should
// be none, or those that do not have a variable as it should be (nil: none). What counts
// are the pods, not what the deployment says of them: it does not count those that end,
// and they can write until they are gone.
func (s seen) stillWrites(pods []corev1.Pod, want *envChange) string {
	if s.replicas() == 0 {
		return s.waits(pods)
	}
	if want == nil {
		return ""
	}
	var old []corev1.Pod
	for _, p := range pods {
		if !hasEnv(p, *want) {
			old = append(old, p)
		}
	}
	if len(old) == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %s without %s", len(old), phrase.Plural(int64(len(pods)), "pod"), valued(want.Name, want.Value)) + podNames(old)
}

// waits says what is still to happen until the pods are as the deployment says. Until
// its controller has seen it, one without pods may still get some.
func (s seen) waits(pods []corev1.Pod) string {
	switch want := int64(s.replicas()); {
	case want == 0 && len(pods) > 0:
		return phrase.Plural(int64(len(pods)), "pod") + " still there" + podNames(pods)
	case want == 0 && s.Status.ObservedGeneration < s.Generation:
		return "its controller has not seen it yet"
	case want > 0 && !s.rolledOut():
		return fmt.Sprintf("%s of %s ready", phrase.Count(int64(s.Status.AvailableReplicas)), phrase.Plural(want, "pod"))
	}
	return ""
}

// podNames are a few pods by name.
func podNames(pods []corev1.Pod) string {
	const most = 3
	var names []string
	for _, p := range pods[:min(len(pods), most)] {
		names = append(names, clipped(p.Name))
	}
	return " (" + strings.Join(names, ", ") + ")"
}
