package cluster

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Answers are always JSON, which every client-go takes, also one that prefers protobuf.
const jsonType = "application/json"

var emptyKind = schema.GroupVersionKind{} //nolint:gochecknoglobals // a constant

// refuse answers with an error: a Status, or plain text where the real one says it so.
func (c *Cluster) refuse(w *seen, a *ask, err error) {
	if errors.Is(err, errNoPath) {
		http.Error(w, errNoPath.Error(), http.StatusNotFound)
		return
	}
	if errors.Is(err, errStreamEnded) {
		return // the answer had begun
	}
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		c.options.Log.Error("the cluster could not answer", "path", a.path, "error", err)
		err = apierrors.NewInternalError(err)
	}
	refuse(w, err)
}

func refuse(w http.ResponseWriter, err error) {
	var as apierrors.APIStatus
	if !errors.As(err, &as) {
		as = apierrors.NewInternalError(err)
	}
	status := as.Status()
	status.Kind, status.APIVersion = "Status", "v1"
	if d := status.Details; d != nil && d.RetryAfterSeconds > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(d.RetryAfterSeconds)))
	}
	_ = write1(w, int(status.Code), status) // whoever asked has gone
}

func write1(w http.ResponseWriter, code int, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encoding an answer: %w", err)
	}
	return writeBytes(w, code, append(b, '\n'))
}

func writeBytes(w http.ResponseWriter, code int, b []byte) error {
	w.Header().Set("Content-Type", jsonType)
	w.Header().Set("Cache-Control", "no-cache, private")
	w.WriteHeader(code)
	_, err := w.Write(b)
	if err != nil {
		return errStreamEnded
	}
	return nil
}

// errStreamEnded is that nobody listens any more.
var errStreamEnded = errors.New("the client has gone")

// writeObject answers with one object.
func writeObject(w http.ResponseWriter, code int, a *ask, k *kind, o object) error {
	b, err := encode(a, k, o, true)
	if err != nil {
		return err
	}
	return writeBytes(w, code, append(b, '\n'))
}

// encode is an object as JSON: all of it, or its metadata if that is what was asked for. In a list its kind is left
// out.
func encode(a *ask, k *kind, o object, alone bool) ([]byte, error) {
	if a.partial() {
		part := meta.AsPartialObjectMetadata(o)
		part.SetGroupVersionKind(emptyKind)
		return encodeAs(metav1.SchemeGroupVersion.WithKind("PartialObjectMetadata"), part, alone)
	}
	return encodeAs(k.GroupVersionKind, o, alone)
}

func encodeAs(kind schema.GroupVersionKind, v any, alone bool) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encoding a %s: %w", kind.Kind, err)
	}
	if !alone {
		return b, nil
	}
	head := fmt.Sprintf(`{"kind":%q,"apiVersion":%q`, kind.Kind, kind.GroupVersion())
	if !bytes.Equal(b, []byte("{}")) {
		head += ","
	}
	return append([]byte(head), b[1:]...), nil
}

// listed is a list whose items are encoded already.
type listed struct {
	Kind       string            `json:"kind"`
	APIVersion string            `json:"apiVersion"`
	Metadata   metav1.ListMeta   `json:"metadata"`
	Items      []json.RawMessage `json:"items"`
}

func writeList(w http.ResponseWriter, a *ask, k *kind, m metav1.ListMeta, items []object) error {
	l := listed{Kind: k.Kind + "List", APIVersion: k.apiVersion(), Metadata: m, Items: make([]json.RawMessage, 0, len(items))}
	if a.partial() {
		l.Kind, l.APIVersion = "PartialObjectMetadataList", metav1.SchemeGroupVersion.String()
	}
	for _, o := range items {
		b, err := encode(a, k, o, false)
		if err != nil {
			return err
		}
		l.Items = append(l.Items, b)
	}
	return write1(w, http.StatusOK, l)
}
