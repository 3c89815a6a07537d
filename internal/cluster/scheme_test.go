package cluster

import (
	"bytes"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"
	"k8s.io/client-go/applyconfigurations"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/structured-merge-diff/v6/schema"
)

var update = flag.Bool("update", false, "write schema.yaml anew")

// TestTheSchemaIsClientGos: what schema.yaml says of the kinds that are served is what client-go says of them.
func TestTheSchemaIsClientGos(t *testing.T) {
	t.Parallel()
	types := map[string]schema.TypeDef{}
	all := applyconfigurations.NewTypeConverter(scheme.Scheme)
	for _, k := range newKinds().all() {
		o := k.fresh()
		o.GetObjectKind().SetGroupVersionKind(k.GroupVersionKind)
		v, err := all.ObjectToTyped(o)
		if err != nil {
			t.Fatal(err)
		}
		reach(t, v.Schema(), v.TypeRef(), types)
	}
	var found schema.Schema
	for _, def := range types {
		found.Types = append(found.Types, def)
	}
	slices.SortFunc(found.Types, func(a, b schema.TypeDef) int { return strings.Compare(a.Name, b.Name) })
	var want bytes.Buffer
	e := yaml.NewEncoder(&want)
	e.SetIndent(2)
	if err := e.Encode(&found); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("schema.yaml", want.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("schema.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.String(), string(got)); diff != "" {
		t.Errorf("schema.yaml (-client-go +ours), go test -update writes it anew:\n%s", diff)
	}
}

// reach puts a type and what it is made of into types.
func reach(t *testing.T, s *schema.Schema, ref schema.TypeRef, types map[string]schema.TypeDef) {
	t.Helper()
	atom := ref.Inlined
	if ref.NamedType != nil {
		if _, seen := types[*ref.NamedType]; seen {
			return
		}
		def, ok := s.FindNamedType(*ref.NamedType)
		if !ok {
			t.Fatalf("no type %s", *ref.NamedType)
		}
		types[def.Name], atom = def, def.Atom
	}
	if atom.List != nil {
		reach(t, s, atom.List.ElementType, types)
	}
	if atom.Map == nil {
		return
	}
	reach(t, s, atom.Map.ElementType, types)
	for _, f := range atom.Map.Fields {
		reach(t, s, f.Type, types)
	}
}
