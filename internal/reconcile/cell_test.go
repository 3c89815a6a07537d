package reconcile

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzEachField: the fields of an object are those that the standard library sees.
func FuzzEachField(f *testing.F) {
	for _, seed := range []string{
		`{}`, ` { } `, `{"a":1}`, `{"a" : "b,}]" , "c":[1,{"d":"]"}],"e":null}`, `{"a":1,"a":2}`, `{"\u0061":true,"\"":{"x":{}}}`,
		`{"a":-1.5e+7,"b":false}`, "{\"\xff\":\"\xff\"}", `{"a":{"b":[]},"c":""}`, `{"a":"\\"}`, `{"":0}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var want map[string]json.RawMessage
		if json.Unmarshal([]byte(text), &want) != nil || want == nil {
			return
		}
		got := map[string]string{}
		var paths []path
		var names []string
		for name := range want {
			paths, names = append(paths, path{{name: name, place: -1}}), append(names, name)
		}
		cells := make([]cell, len(paths))
		why := cut(text, []byte(text), paths, cells)
		if why != "" {
			t.Fatalf("%q is %s", text, why)
		}
		for i, name := range names {
			got[name] = cells[i].shown()
		}
		for name, raw := range want {
			if diff := cmp.Diff(cellOf(string(raw)).shown(), got[name]); diff != "" {
				t.Errorf("%q, %q: -want +got:\n%s", text, name, diff)
			}
		}
	})
}

func TestValuesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	paths := []path{{{name: "a", place: -1}}}
	for text, want := range map[string]string{
		``: notJSON, `{`: notJSON, `{"a":1} x`: notJSON, `nul`: notJSON, "{\"a\":\"\x01\"}": notJSON, `[1]`: notObject, `null`: notObject, `"a"`: notObject, `7`: notObject, `{"b":1}`: "", " {} \n": "",
	} {
		if why := cut(text, []byte(text), paths, make([]cell, 1)); why != want {
			t.Errorf("%q is %q, want %q", text, why, want)
		}
	}
}
