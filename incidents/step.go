package incidents

import "time"

// StepState is where a step of the checklist stands.
type StepState string

// The states of a step.
const (
	Todo    StepState = "todo"
	Running StepState = "running" // Run carries it out
	Ticked  StepState = "done"
	Skipped StepState = "skipped"
)

// Step is one step of the checklist.
type Step struct {
	Name  string    `json:"name"`  // measure
	Title string    `json:"title"` // Measure how much is wrong
	State StepState `json:"state"`
	Owner string    `json:"owner,omitempty"`
	By    string    `json:"by,omitempty"` // who moved it last
	At    time.Time `json:"at,omitzero"`
	Run   int64     `json:"run,omitempty"`
	Note  string    `json:"note,omitempty"` // why it was left out, or what its run found instead
}
