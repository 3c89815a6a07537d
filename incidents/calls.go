package incidents

import "time"

// Escalation is who is being called. Its levels are frozen when it begins.
type Escalation struct {
	N      int       `json:"n"` // which escalation of the incident
	Levels []Called  `json:"levels"`
	At     int       `json:"at"` // index of the level that is called now
	By     string    `json:"by,omitempty"`
	Reason string    `json:"reason,omitempty"`
	Since  time.Time `json:"since"`           // this level was called
	Due    time.Time `json:"due,omitzero"`    // the next level is called then; zero: there is none
	Acked  string    `json:"acked,omitempty"` // who came
	When   time.Time `json:"when,omitzero"`
	// Ended: every level was called and nobody came.
	Ended bool `json:"ended,omitempty"`
	// Needless: nobody came, and nobody has to: the incident ended before that, or others
	// were called instead.
	Needless bool `json:"needless,omitempty"`
}

// Called is one level of an escalation.
type Called struct {
	Level  string        `json:"level"`  // L1, L2, L3, data
	Title  string        `json:"title"`  // DevOps
	People []string      `json:"people"` // Slack user ids: the members of its groups when it began
	After  time.Duration `json:"after"`  // until the next level is called
	// Empty says why there is nobody: "the user group S0DBA has no members".
	Empty string `json:"empty,omitempty"`
	// Lacks says which of its groups are not among People, and why, where there is somebody.
	Lacks  string    `json:"lacks,omitempty"`
	Called time.Time `json:"called,omitzero"`
}
