package kube

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/integritybot/integritybot/internal/look"
)

// configKind is a kind of object that holds settings.
type configKind struct{ noun, resource, what string }

func configMap() configKind { return configKind{"config map", "configmaps", "configmap/"} }
func secret() configKind    { return configKind{"secret", "secrets", "secret/"} }

// onlyMetadata has the server send the metadata of an object and nothing else.
// There is no second choice in it: a server that cannot do that refuses, and values
// of secrets never come here.
const (
	onlyMetadata = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
	partial      = "PartialObjectMetadata"
)

// edits tells who wrote into a config map or secret.
func (k *chronicle) edits(ctx context.Context, kind configKind, name string) {
	what := fmt.Sprintf("Edits of %s %s", kind.noun, name)
	a := act{doing: "getting the metadata of a " + kind.noun, verb: "get", resource: kind.resource, name: name}
	meta, err := k.metadata(ctx, a)
	if err != nil {
		k.miss(what, a, err)
		return
	}
	writers := writersOf(meta)
	if len(writers) == 0 {
		k.note(what + ": the cluster keeps no record of them (managedFields is empty).")
	}
	var changes []look.Change
	made := false
	for _, w := range writers {
		if w.subresource != "" || w.at.IsZero() {
			continue
		}
		c := edit(w, kind, meta)
		made = made || strings.HasPrefix(c.Says, "created")
		changes = append(changes, c)
	}
	if !made {
		changes = append(changes, look.Change{At: meta.CreationTimestamp.Time, Kind: look.ConfigEdit, What: kind.what + name, Says: "created"})
	}
	k.saw(changes...)
}

// metadata gets that of one object.
func (k *chronicle) metadata(ctx context.Context, a act) (*metav1.ObjectMeta, error) {
	asking, cancel := k.t.ask(ctx)
	defer cancel()
	raw, err := k.c.core.Get().Namespace(k.t.opts.Namespace).Resource(a.resource).Name(a.name).
		SetHeader("Accept", onlyMetadata).Do(asking).Raw()
	if apierrors.IsNotAcceptable(err) {
		return nil, problemf("Kubernetes %s cannot give metadata alone, so the bot did not ask for the %s.", k.t.opts.Place, a.noun())
	}
	if err != nil {
		return nil, k.t.problem(ctx, a, err)
	}
	var got metav1.PartialObjectMetadata
	if err := json.Unmarshal(raw, &got); err != nil || got.Kind != partial {
		return nil, problemf("What Kubernetes %s answered about %s %s is not its metadata.", k.t.opts.Place, a.noun(), a.name)
	}
	return &got.ObjectMeta, nil
}

// edit is what one client wrote last. The keys are those that it has: from this
// edit, or from one before.
func edit(w written, kind configKind, meta *metav1.ObjectMeta) look.Change {
	keys := append(w.keys("data"), w.keys("binaryData")...)
	c := look.Change{At: w.at, Kind: look.ConfigEdit, What: kind.what + meta.Name, Who: w.who(), Says: "edited: " + keyList(keys)}
	switch {
	case w.at.Sub(meta.CreationTimestamp.Time).Abs() < 2*time.Second:
		c.Says = "created: " + keyList(keys)
	case len(keys) == 0:
		c.Says = "edited: labels, annotations, or keys that are gone"
	}
	if len(keys) > mostKeys {
		c.Differences = append(c.Differences, "keys: "+strings.Join(clip(keys, 50), ", "))
	}
	if len(keys) > 1 {
		c.Differences = append(c.Differences, fmt.Sprintf("%s has these keys from this edit or an earlier one", cmp.Or(c.Who, "the client")))
	}
	c.Differences = append(c.Differences, "which person used the client, only the cluster's audit log tells")
	return c
}

// mostKeys is how many keys a clause names.
const mostKeys = 5

func keyList(keys []string) string {
	switch {
	case len(keys) == 0:
		return "no keys"
	case len(keys) == 1:
		return "key " + keys[0]
	}
	return "keys " + strings.Join(clip(keys, mostKeys), ", ")
}

// clip leaves the first few and says how many more there are.
func clip(all []string, most int) []string {
	if len(all) <= most {
		return all
	}
	return append(all[:most:most], fmt.Sprintf("%d more", len(all)-most))
}
