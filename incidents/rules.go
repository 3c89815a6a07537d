package incidents

import "time"

// Rules are what the config says about incidents. They do not change while the bot
// runs.
type Rules struct {
	// Channel says how channels are named: "inc-{date}-{domain}".
	Channel string
	Private bool
	Invite  []string // user groups that are invited
	// Fallback is the channel for incidents that have none of their own: those of alerts.
	Fallback string
	Runbook  string            // its address
	Links    map[string]string // bookmarks: title to address
	// Reaction is the emoji that puts a message on the timeline, without colons.
	Reaction string
	// Severities are looked at in this order; the first that fits is proposed.
	Severities []SeverityRule
	// Updates is how often each audience is told, by severity; an audience's own comes
	// first. 0: no clock.
	Updates map[Severity]time.Duration
	// Grace is how long after a reminder the next level is called.
	Grace time.Duration
	// Snooze is by how much a clock is put off.
	Snooze    time.Duration
	Audiences []Audience // in the order of the config
	Levels    []Level    // in the order of the config
	// Soak is how long after the end a failing check opens an incident again.
	Soak time.Duration
	// Alerts maps the names of alerts.
	Alerts map[string]AlertRule
	// AlertLinks are the hosts that an alert's address may point to.
	AlertLinks []string
	// Templates are texts that take the place of the built-in ones, by template name.
	Templates map[string]string
	// Subject begins the subject of every notice: "Data Inconsistency".
	Subject string
}

// SeverityRule proposes a severity.
type SeverityRule struct {
	Severity Severity
	Domains  []string // any of them; none: any domain
	Rows     int64    // at least so many wrong; 0: any
}

// Audience is who is told.
type Audience struct {
	Name  string // executives
	Title string // Executives
	To    []Destination
	// Shows is what may be told to it: see the Show… words. What is not in it is left out
	// of what templates are given.
	Shows []string
	// Updates overrides the clock for this audience; a severity without an entry has the
	// common one.
	Updates map[Severity]time.Duration
	// Templates are those that it gets by itself when no audience is named.
	Templates []string
}

// What an audience may be shown.
const (
	ShowNumbers = "numbers" // how many rows of how many
	ShowMoney   = "money"
	ShowChecks  = "checks" // which data, by the titles of checks
	ShowPlaces  = "places" // systems: production/shop
	ShowPeople  = "people" // names of who leads and who repairs
	ShowCause   = "cause"
	ShowLinks   = "links" // to the channel and the runbook
)

// Level is a level of escalation.
type Level struct {
	Name   string // L1, L2, L3, data
	Title  string // DevOps
	Groups []string
	Users  []string
	After  time.Duration // until the next level is called
}

// AlertRule says what an alert of this name means.
type AlertRule struct {
	Domain   string
	Severity Severity // empty: by rule
	Title    string
}
