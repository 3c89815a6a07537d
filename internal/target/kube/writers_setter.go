package kube

import (
	"encoding/json"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// setter is the client that gave a field its value, as managedFields tell. It is
// a program and not a person: who used it, the API's audit log tells. Who scales
// through the subresource is often not known: a scale to zero is nobody's, what
// nobody has set is not followed, and a manager that is new has no time (Kubernetes,
// pkg/registry/apps/deployment/storage and managedfields.ScaleHandler).
type setter struct {
	manager, subresource string
	at                   time.Time // by the clock of the API server, in whole seconds
}

func (s setter) known() bool { return s.manager != "" }

// said is the setter for people.
func (s setter) said() string {
	switch {
	case !s.known():
		return "a client that the API does not name"
	case s.autoscaler():
		return "an autoscaler (kube-controller-manager)"
	case s.subresource != "":
		return fmt.Sprintf("client %s (%s)", clipped(s.manager), clipped(s.subresource))
	}
	return "client " + clipped(s.manager)
}

// autoscaler: of the controllers of kube-controller-manager only that of
// HorizontalPodAutoscaler writes to a scale.
func (s setter) autoscaler() bool {
	return s.manager == "kube-controller-manager" && s.subresource == "scale"
}

// Paths of fields, as managedFields write them.
func replicasPath() []string { return []string{"f:spec", "f:replicas"} }

func envPath(container, name string) []string {
	return []string{
		"f:spec", "f:template", "f:spec", "f:containers", keyed(container), "f:env", keyed(name), "f:value",
	}
}

// keyed is an element of a list whose elements are told apart by their name.
func keyed(name string) string {
	key, err := json.Marshal(map[string]string{"name": name})
	if err != nil {
		return ""
	}
	return "k:" + string(key)
}

// setterOf tells who set a field, and of several who manage it the last one. It
// is unknown for a field that was taken away: that leaves no trace.
func setterOf(fields []metav1.ManagedFieldsEntry, path []string) setter {
	var last setter
	for _, one := range fields {
		if one.FieldsV1 == nil || !manages(one.FieldsV1.GetRawBytes(), path) {
			continue
		}
		s := setter{manager: one.Manager, subresource: one.Subresource}
		if one.Time != nil {
			s.at = one.Time.UTC()
		}
		if !last.known() || s.at.After(last.at) {
			last = s
		}
	}
	return last
}

// manages tells whether a set of fields has one.
func manages(raw []byte, path []string) bool {
	for _, step := range path {
		var inside map[string]json.RawMessage
		if json.Unmarshal(raw, &inside) != nil {
			return false
		}
		next, ok := inside[step]
		if !ok {
			return false
		}
		raw = next
	}
	return true
}

// setterOfReplicas tells who set the number of replicas.
func setterOfReplicas(d *appsv1.Deployment) setter { return setterOf(d.ManagedFields, replicasPath()) }
