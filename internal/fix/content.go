package fix

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// MaxBatch is how many changes one transaction makes at most.
const MaxBatch = 1_000

// Op is what a change does to one row.
type Op string

// The operations. A quarantine is a delete that keeps the row where people can
// query it; a validate proves a constraint and changes no row.
const (
	Update     Op = "update"
	Delete     Op = "delete"
	Quarantine Op = "quarantine"
	Insert     Op = "insert"
	Validate   Op = "validate"
	// Send produces a copy of a record to another topic. It cannot be taken back.
	Send Op = "send"
	// Unlink removes a cached value that is as it was; Flush removes all of them.
	Unlink Op = "unlink"
	Flush  Op = "flush"
	// Interrupt ends what a session is doing, Terminate the session.
	Interrupt Op = "interrupt"
	Terminate Op = "terminate"
	// Patch changes some fields of an object that is as it was; Create makes one.
	Patch  Op = "patch"
	Create Op = "create"
	// Keep changes nothing: the row must still be there, and is kept from being
	// deleted until the transaction's end. For the row that others of its group
	// are about to refer to.
	Keep Op = "keep"
)

// Form is what many changes of a plan have in common. It is made by the target
// that carries it out and means nothing to anybody else.
type Form struct {
	Op    Op       `json:"op"`
	Table string   `json:"table"` // schema.table, quoted as the target needs it
	Key   []string `json:"key"`   // columns that tell rows apart
	// Columns are those that an update writes, in the order of Old and New.
	Columns []string `json:"columns,omitempty"`
	// Unless is a condition, in the target's language over the row called t, under
	// which the row is left alone although nothing else changed: its parent
	// came back, another row refers to it. Made by the target, never from text
	// that people wrote outside the config. Empty: none.
	Unless string `json:"unless,omitempty"`
	// Why says for people what Unless means: "its customer exists by now".
	Why string `json:"why,omitempty"`
	// Held is another such condition, under which a row still refers to this one:
	// it is left alone as WhyDependant. It is judged after the changes before this
	// one, so that rows that the plan removes first do not count. Empty: none.
	Held string `json:"held,omitempty"`
	// Refers is what Held is to be when this form is taken back by a removal: what
	// no foreign key tells. The apply does not judge it.
	Refers string `json:"refers,omitempty"`
	// Shape is the table's columns when the form was made, in the target's words:
	// rows as text mean something only with the same ones. Empty: not known.
	Shape string `json:"shape,omitempty"`
	// Path is where the names in Unless and Held were looked up. Under another one
	// they could mean other tables. Empty: they are whole.
	Path string `json:"path,omitempty"`
	// Name is the constraint of a validate, or the topic of a send.
	Name string `json:"name,omitempty"`
	// Once: each change may be made by one plan only, ever, whoever makes another
	// one: see Claim. Key is then a part and a place in it, both numbers, and Shape
	// tells the source apart from a later one of the same name.
	Once bool `json:"once,omitempty"`
	// Spec is how the target is to do it, in JSON of its own.
	Spec json.RawMessage `json:"spec,omitempty"`
}

// Change is one row's change. Values are in the target's text form; nil is NULL.
type Change struct {
	Form int      `json:"f"` // index into the plan's forms
	Key  []string `json:"k"`
	// Group ties changes together: those of one group are made all or none, in
	// one transaction. A row goes with those that refer to it or not at all: what
	// changed since the preview must not lose its dependants. 0: on its own.
	Group int `json:"g,omitempty"`
	// Repairs: this change is what repairs one of the failing rows, and not one that
	// goes with it. A plan in which none says so is counted by its forms.
	Repairs bool `json:"r,omitempty"`
	// Before is the whole row for a delete or quarantine, and what an insert puts
	// back is in After. A row that is not exactly so any more is left alone.
	Before string `json:"b,omitempty"`
	After  string `json:"a,omitempty"`
	// Old and New are the written columns of an update.
	Old []*string `json:"o,omitempty"`
	New []*string `json:"n,omitempty"`
}

// Batch is the changes of one transaction, in order. Its number is its place in
// the plan, from 0.
type Batch struct {
	N       int      `json:"n"`
	Changes []Change `json:"changes"`
}

// Content is exactly what a plan changes.
type Content struct {
	Forms   []Form
	Changes []Change
	// PerBatch is how many changes one transaction makes at most, and First how
	// many the first one makes, to see how they are taken. 0: MaxBatch.
	PerBatch, First int
}

// Batches cuts the content into transactions, never inside a group. A planner
// keeps the changes of a group together and groups small, so that there is
// always a place to cut; if not, a batch is larger.
func (c Content) Batches() []Batch {
	last := map[int]int{}
	for i, change := range c.Changes {
		last[change.Group] = i
	}
	var out []Batch
	size := cmp.Or(c.First, c.PerBatch, MaxBatch)
	from, cut, open := 0, 0, -1
	for i, change := range c.Changes {
		if open < i {
			cut = i // no group is open here
		}
		if i-from >= size && cut > from {
			out = append(out, Batch{N: len(out), Changes: c.Changes[from:cut]})
			from, size = cut, cmp.Or(c.PerBatch, MaxBatch)
		}
		if change.Group != 0 {
			open = max(open, last[change.Group])
		}
	}
	if from < len(c.Changes) {
		out = append(out, Batch{N: len(out), Changes: c.Changes[from:]})
	}
	return out
}

// Hash is over everything that is carried out: what it is for and each change,
// in order. Two plans with one hash do the same.
func (c Content) Hash(o Order, target string) (string, error) {
	h := sha256.New()
	write := json.NewEncoder(h)
	for _, part := range []any{o.Check, o.Mode, o.Argument, o.Undoes, target, c.Forms} {
		if err := write.Encode(part); err != nil {
			return "", fmt.Errorf("hash of plan %s: %w", o.Ref(), err)
		}
	}
	for _, change := range c.Changes {
		if err := write.Encode(change); err != nil {
			return "", fmt.Errorf("hash of plan %s: %w", o.Ref(), err)
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
