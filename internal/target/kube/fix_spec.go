package kube

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/integritybot/integritybot/internal/fix"
)

// The tables that forms name.
const (
	deploymentsTable = "deployments"
	jobsTable        = "jobs"
)

// writeSpec is how a form of one deployment is carried out.
type writeSpec struct {
	Mode string `json:"mode"`
	// Env and Container are the variable that is set, and On its value when nothing
	// must be written; empty: none.
	Container string `json:"container,omitempty"`
	Env       string `json:"env,omitempty"`
	On        string `json:"on,omitempty"`
	// Autoscaled: the number of pods may be another one by the time it is stopped.
	Autoscaled bool          `json:"autoscaled,omitempty"`
	Watch      time.Duration `json:"watch"`  // nanoseconds
	Settle     time.Duration `json:"settle"` // nanoseconds
}

// original is a deployment as the plan saw it: one that is not so any more is left
// alone.
type original struct {
	UID      string  `json:"uid"`
	Replicas int32   `json:"replicas"`
	Env      *string `json:"env"` // nil: the variable is not there
	// Plan is the last one that had changed it; empty: none.
	Plan string `json:"plan,omitempty"`
}

// wanted is what becomes of it.
type wanted struct {
	change
	// Kept is what is kept from then on, for a way back; nil: what was found is.
	Kept *former `json:"kept,omitempty"`
}

// writing is one deployment's part of a plan, read from its content.
type writing struct {
	plan  string // as objects name it
	batch int
	name  string
	spec  writeSpec
	found original
	want  wanted
}

func (w writing) writer() Writer {
	one := Writer{Name: w.name, Container: w.spec.Container}
	if w.spec.Env != "" {
		one.ReadOnly = &ReadOnly{Env: w.spec.Env, On: w.spec.On}
	}
	return one
}

func specOf(f fix.Form) (s writeSpec, err error) {
	if err := json.Unmarshal(f.Spec, &s); err != nil {
		return s, fmt.Errorf("how deployment %s is changed: %w", f.Name, err)
	}
	return s, nil
}

// writingOf reads a batch, which is of one deployment.
func (t *Target) writingOf(plan int64, forms []fix.Form, b fix.Batch) (w writing, err error) {
	if len(b.Changes) != 1 || b.Changes[0].Form >= len(forms) {
		return w, fmt.Errorf("batch %d of %s has %d changes", b.N, fix.Ref(plan), len(b.Changes))
	}
	c := b.Changes[0]
	f := forms[c.Form]
	w = writing{plan: t.planName(plan), batch: b.N, name: f.Name}
	if w.spec, err = specOf(f); err != nil {
		return w, err
	}
	if err := json.Unmarshal([]byte(c.Before), &w.found); err != nil {
		return w, fmt.Errorf("what was found of deployment %s: %w", w.name, err)
	}
	if err := json.Unmarshal([]byte(c.After), &w.want); err != nil {
		return w, fmt.Errorf("what is wanted of deployment %s: %w", w.name, err)
	}
	return w, nil
}

// form and change write the same down.
func (w writing) form() (fix.Form, error) {
	spec, err := json.Marshal(w.spec)
	if err != nil {
		return fix.Form{}, fmt.Errorf("how deployment %s is changed: %w", w.name, err)
	}
	return fix.Form{Op: fix.Patch, Table: deploymentsTable, Key: []string{"deployment"}, Name: w.name, Spec: spec}, nil
}

func (w writing) change(form int) (fix.Change, error) {
	before, err := json.Marshal(w.found)
	if err != nil {
		return fix.Change{}, fmt.Errorf("what was found of deployment %s: %w", w.name, err)
	}
	after, err := json.Marshal(w.want)
	if err != nil {
		return fix.Change{}, fmt.Errorf("what is wanted of deployment %s: %w", w.name, err)
	}
	return fix.Change{Form: form, Key: []string{w.name}, Repairs: true, Before: string(before), After: string(after)}, nil
}
