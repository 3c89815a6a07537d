package kube

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// written is what one client wrote last into an object: an entry of managedFields.
// It names the program, never the person; and the fields that it has, those of
// earlier writes with them.
type written struct {
	manager, operation, subresource string
	at                              time.Time // zero: not kept
	fields                          map[string]json.RawMessage
}

// writersOf are all who wrote into an object, the latest first.
func writersOf(meta *metav1.ObjectMeta) []written {
	var out []written
	for _, e := range meta.ManagedFields {
		w := written{manager: e.Manager, operation: string(e.Operation), subresource: e.Subresource}
		if e.Time != nil {
			w.at = e.Time.UTC()
		}
		if e.FieldsV1 != nil {
			w.fields = below(e.FieldsV1.GetRawBytes())
		}
		out = append(out, w)
	}
	slices.SortStableFunc(out, func(a, b written) int { return b.at.Compare(a.at) })
	return out
}

// below are the members of a set of fields; none if it does not parse.
func below(raw []byte) map[string]json.RawMessage {
	var m map[string]json.RawMessage
	if json.Unmarshal(raw, &m) != nil {
		return nil
	}
	return m
}

// has tells that a client has a field, or one beneath it: spec, template.
func (w written) has(path ...string) bool {
	m := w.fields
	for _, name := range path {
		raw, ok := m["f:"+name]
		if !ok {
			return false
		}
		m = below(raw)
	}
	return true
}

// keys are the names of the fields beneath one: the keys of data.
func (w written) keys(path string) []string {
	var out []string
	for name := range below(w.fields["f:"+path]) {
		if key, ok := strings.CutPrefix(name, "f:"); ok {
			out = append(out, key)
		}
	}
	slices.Sort(out)
	return out
}

// who is the client in words. The manager is what a client calls itself: foreign
// text.
func (w written) who() string {
	if w.manager == "" {
		return ""
	}
	return "client " + short(w.manager, 80)
}
