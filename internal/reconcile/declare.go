package reconcile

import (
	"maps"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/declare"
	"github.com/integritybot/integritybot/internal/target/redis"
)

// declared is what Declare needs of a kind: its own words checked without a cache.
type declared interface {
	Declaration
	declare.Words
}

// kinds is the one list of kinds of check that need two targets.
func kinds() []declare.Kind[declared] {
	return []declare.Kind[declared]{
		{Name: "cache", Make: func() declared { return &cacheWords{} }},
	}
}

// Kinds names the kinds of check that need two targets.
func Kinds() []string { return declare.KindNames(kinds()) }

// Declare reads the declaration of a check of a kind from its node in the config, a
// mapping. Unknown words are errors. The error joins all mistakes, each a
// *declare.Fault, in the order of their lines.
func Declare(name string, node *yaml.Node) (Declaration, error) {
	declaration, err := declare.CheckOf(kinds(), name, node)
	if err != nil {
		return nil, err
	}
	return declaration, nil
}

// The forms of a cached value.
const (
	valueJSON   = "json"
	valueHash   = "hash"
	valueString = "string"
)

// What may stand for NULL in a cached value, beside the null of JSON.
const (
	nullMissing = "missing" // the field is not there
	nullEmpty   = "empty"   // the field is an empty text
	nullStrict  = "strict"  // nothing else
)

// defaultMinAge is how long a row that was changed is left alone.
const defaultMinAge = 5 * time.Second

// cacheWords declares that cached values agree with the rows that they were made from,
// and expire within a policy.
type cacheWords struct {
	// Pattern is what the keys look like: * or {key} stands for the key of the row.
	Pattern string   `yaml:"pattern"`
	Value   string   `yaml:"value"` // json, hash or string
	Rows    rowWords `yaml:"rows"`
	// Fields are cached fields, or paths into JSON, and their columns.
	Fields fieldList `yaml:"fields"`
	// Nulls says what stands for NULL in a cached value; default missing.
	Nulls declare.Names `yaml:"nulls"`
	TTL   ttlWords      `yaml:"ttl"`
	// MinAge keeps rows out whose time is younger: their value may be on its way.
	MinAge *declare.Duration `yaml:"min_age"`
	// Mask says what columns hold, or the keys (key).
	Mask map[string]string `yaml:"mask"`
}

// rowWords are the rows that values are made from.
type rowWords struct {
	Target string `yaml:"target"`
	Table  string `yaml:"table"`
	Key    string `yaml:"key"`
	Where  string `yaml:"where"` // rows for which it does not hold are none
	Time   string `yaml:"time"`  // when a row was changed
}

// ttlWords are the policy for expiries.
type ttlWords struct {
	Required *bool             `yaml:"required"` // default true
	Max      *declare.Duration `yaml:"max"`
	Together int64             `yaml:"together"` // so many keys that expire in one second are a finding; 0: none
}

// fieldList is cached fields and their columns, in the order of the config.
type fieldList []fieldWord

type fieldWord struct{ Field, Column string }

// UnmarshalYAML takes a mapping of fields to columns.
func (f *fieldList) UnmarshalYAML(node *yaml.Node) error {
	var columns map[string]string
	if err := node.Load(&columns); err != nil {
		return err
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		*f = append(*f, fieldWord{node.Content[i].Value, columns[node.Content[i].Value]})
	}
	return nil
}

// Targets implements Declaration.
func (w *cacheWords) Targets() map[string]string { return map[string]string{"rows": w.Rows.Target} }

// Faults implements declare.Words.
func (w *cacheWords) Faults(bad declare.Bad) {
	switch _, err := parseShape(w.Pattern); {
	case w.Pattern == "":
		bad("pattern", "pattern is missing: what the keys look like, such as customer:* where * is the key of the row")
	case err != nil:
		bad("pattern", "pattern is %q: %v", w.Pattern, err)
	}
	if !slices.Contains([]string{valueJSON, valueHash, valueString}, w.Value) {
		bad("value", "value is %q: it must be %s, %s or %s", w.Value, valueJSON, valueHash, valueString)
	}
	for _, one := range [][2]string{{"target", w.Rows.Target}, {"table", w.Rows.Table}, {"key", w.Rows.Key}} {
		if one[1] == "" {
			bad("rows", "rows needs %s", one[0])
		}
	}
	w.fieldFaults(bad)
	w.policyFaults(bad)
	w.maskFaults(bad)
}

func (w *cacheWords) fieldFaults(bad declare.Bad) {
	if len(w.Fields) == 0 {
		bad("fields", "fields is missing: which cached field is which column, such as {name: name}")
	}
	for _, f := range w.Fields {
		if f.Column == "" {
			bad("fields", "fields.%s names no column", f.Field)
		}
		switch w.Value {
		case valueJSON:
			if _, err := parsePath(f.Field); err != nil {
				bad("fields", "fields.%s: %v", f.Field, err)
			}
		case valueString:
			if f.Field != valueField || len(w.Fields) != 1 {
				bad("fields", "value is string, so there is one field, and its name is value: {value: name}")
				return
			}
		}
	}
	for _, n := range w.Nulls {
		if !slices.Contains([]string{nullMissing, nullEmpty, nullStrict}, n) {
			bad("nulls", "nulls has %q: it may have %s and %s, or %s alone", n, nullMissing, nullEmpty, nullStrict)
		}
	}
	if slices.Contains(w.Nulls, nullStrict) && len(w.Nulls) > 1 {
		bad("nulls", "nulls is %s: then nothing else may stand for NULL", nullStrict)
	}
}

func (w *cacheWords) policyFaults(bad declare.Bad) {
	if m := w.TTL.Max; m != nil && *m <= 0 {
		bad("ttl", "ttl.max is %s: it must be above 0", m.Std())
	}
	if n := w.TTL.Together; n < 0 || n == 1 {
		bad("ttl", "ttl.together is %d: it must be at least 2, or 0 for none", n)
	}
	if a := w.MinAge; a != nil && *a < 0 {
		bad("min_age", "min_age is %s: it must not be negative", a.Std())
	}
	if w.MinAge != nil && *w.MinAge > 0 && w.Rows.Time == "" {
		bad("min_age", "min_age needs rows.time: the column that says when a row was changed")
	}
}

func (w *cacheWords) maskFaults(bad declare.Bad) {
	named := []string{maskKey}
	for _, f := range w.Fields {
		named = append(named, f.Column)
	}
	for _, name := range slices.Sorted(maps.Keys(w.Mask)) {
		if !slices.Contains(named, name) {
			bad("mask", "mask names %s, which is no column of fields%s", name, declare.DidYouMean(name, named))
		}
		if !slices.Contains(classes(), check.Class(w.Mask[name])) {
			bad("mask", "mask.%s is %q: it must be one of %s", name, w.Mask[name], strings.Join(classNames(), ", "))
		}
	}
}

func (w *cacheWords) expiryRequired() bool { return w.TTL.Required == nil || *w.TTL.Required }

func (w *cacheWords) longest() time.Duration {
	if w.TTL.Max == nil {
		return 0
	}
	return w.TTL.Max.Std()
}

func (w *cacheWords) minAge() time.Duration {
	switch {
	case w.Rows.Time == "":
		return 0
	case w.MinAge == nil:
		return defaultMinAge
	}
	return w.MinAge.Std()
}

// standsForNull tells whether something in a cached value may stand for NULL.
func (w *cacheWords) standsForNull(what string) bool {
	if len(w.Nulls) == 0 {
		return what == nullMissing
	}
	return slices.Contains(w.Nulls, what)
}

// columns are those that are looked up, without repeating any.
func (w *cacheWords) columns() []string {
	var out []string
	add := func(name string) {
		if name != "" && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	for _, f := range w.Fields {
		add(f.Column)
	}
	add(w.Rows.Time)
	add(w.where())
	return out
}

// where is the condition as a column, see [Rows].
func (w *cacheWords) where() string {
	if strings.TrimSpace(w.Rows.Where) == "" {
		return ""
	}
	return "(" + w.Rows.Where + ")"
}

// Detector implements Declaration.
func (w *cacheWords) Detector(cache *redis.Target, rows Rows) check.Detector {
	return &detector{words: w, cache: cache, rows: rows}
}
