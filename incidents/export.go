package incidents

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/integritybot/integritybot/internal/audit"
)

// exportVersion is that of Document. It changes when a field gets another meaning or
// goes.
const exportVersion = 1

// Document is an incident as it is exported: a function of what is stored. Times are RFC
// 3339 in UTC, lengths of time are in seconds, money is exact and by currency, people are
// Slack user ids, email addresses are masked.
type Document struct {
	Version   int              `json:"version"`
	Incident  DocIncident      `json:"incident"`
	Impact    DocImpact        `json:"impact"`
	Times     []DocTime        `json:"times"`
	Points    Milestones       `json:"milestones"`
	Checks    []DocCheck       `json:"checks"`
	Fixes     []DocFix         `json:"fixes"`
	Notices   []DocNotice      `json:"notices"`
	Decisions []DocLine        `json:"decisions"`
	FollowUps []string         `json:"follow_ups"`
	Checklist []Step           `json:"checklist"`
	Alerts    map[string]Alert `json:"alerts"` // by fingerprint
	Timeline  []DocLine        `json:"timeline"`
	Audit     DocHead          `json:"audit"`
}

// DocIncident is what it is, and how it ended.
type DocIncident struct {
	Ref      string       `json:"ref"`
	Title    string       `json:"title"`
	Key      string       `json:"key"`
	Domain   string       `json:"domain"`
	Severity Severity     `json:"severity"`
	Rule     string       `json:"rule"` // that gave the severity
	Status   Status       `json:"status"`
	Drill    bool         `json:"drill"`
	Lead     string       `json:"lead"`
	Cause    string       `json:"cause"`
	Source   audit.Source `json:"source"`
	OpenedBy string       `json:"opened_by"`
	Opened   time.Time    `json:"opened"`
	Channel  string       `json:"channel"`
	Name     string       `json:"channel_name"`
	// Trouble is what could not be done for the channel, and why.
	Trouble  map[string]string `json:"channel_trouble"`
	EndedBy  string            `json:"ended_by"`
	Ended    time.Time         `json:"ended,omitzero"`
	Says     string            `json:"ended_says"`
	Override string            `json:"override"` // why it was resolved although not all checks were green
	Reopened int               `json:"reopened"`
	Into     string            `json:"merged_into"`
}

// DocImpact is the damage: of each check the highest number that any run of it gave,
// together, and what is left.
type DocImpact struct {
	Data     []string                   `json:"data"`                // affected domains
	Rows     *int64                     `json:"rows_wrong_at_worst"` // of the checks that are added up; null: none ever answered
	Money    map[string]decimal.Decimal `json:"money_at_worst"`
	Worst    string                     `json:"at_worst"` // in words; empty: nothing was found wrong
	FirstBad time.Time                  `json:"first_bad,omitzero"`
	LastBad  time.Time                  `json:"last_bad,omitzero"`
	Now      *int64                     `json:"rows_wrong_now"`     // in the checks that fail; null: not known
	Verdict  string                     `json:"verdict_now"`        // of all checks together
	Unknown  int                        `json:"checks_unknown_now"` // that did not answer
	What     string                     `json:"now"`
	Safe     string                     `json:"safe_to_read"`
	Growth   string                     `json:"growth"`
}

// DocTime is how long something took; Seconds is null where a milestone is missing.
type DocTime struct {
	Name    string `json:"name"`
	Seconds *int64 `json:"seconds"`
	Means   string `json:"means"`
}

// DocCheck is what one check said in the course of the incident.
type DocCheck struct {
	Name   string      `json:"name"`
	Title  string      `json:"title"`
	Worst  *int64      `json:"rows_wrong_at_worst"` // null: it never answered
	First  *DocMeasure `json:"first"`
	Failed *DocMeasure `json:"last_failed"`
	Passed *DocMeasure `json:"last_passed"`
	Last   *DocMeasure `json:"last"`
	Grew   time.Time   `json:"last_grew,omitzero"`
}

// DocMeasure is one finding in numbers.
type DocMeasure struct {
	Run      string                     `json:"run"`
	Verdict  string                     `json:"verdict"`
	Reason   string                     `json:"reason,omitempty"` // for UNKNOWN
	Rows     int64                      `json:"rows_wrong"`
	Of       int64                      `json:"of"`
	Money    map[string]decimal.Decimal `json:"money,omitempty"`
	FirstBad time.Time                  `json:"first_bad,omitzero"`
	LastBad  time.Time                  `json:"last_bad,omitzero"`
	At       time.Time                  `json:"at"`
}

// DocFix is a plan: who asked, who decided, what it did, what the check said after it.
type DocFix struct {
	Ref       string    `json:"ref"`
	Check     string    `json:"check"`
	Mode      string    `json:"mode"`
	Target    string    `json:"target"`
	State     string    `json:"state"`
	Does      string    `json:"does"`
	Rows      int64     `json:"rows"`
	AskedBy   string    `json:"asked_by"`
	Asked     time.Time `json:"asked,omitzero"`
	DecidedBy string    `json:"decided_by"`
	Decided   time.Time `json:"decided,omitzero"`
	Finished  time.Time `json:"finished,omitzero"`
	Verdict   string    `json:"verdict_after"` // empty: it was not checked after it
	Before    int64     `json:"rows_wrong_before"`
	After     int64     `json:"rows_wrong_after"`
	Undoes    string    `json:"undoes,omitempty"`
	UndoneBy  string    `json:"undone_by,omitempty"`
}

// DocNotice is a notice, with the full text of each letter.
type DocNotice struct {
	Ref        string        `json:"ref"`
	Template   string        `json:"template"`
	Number     int           `json:"number"`
	By         string        `json:"by"`
	At         time.Time     `json:"at"` // it was composed, and previewed
	Sent       time.Time     `json:"sent"`
	Letters    []DocLetter   `json:"letters"`
	Deliveries []DocDelivery `json:"deliveries"`
}

// DocLetter is what one audience was told.
type DocLetter struct {
	Audience string   `json:"audience"`
	Subject  string   `json:"subject"`
	Body     string   `json:"body"`
	Not      []string `json:"not_told"`
}

// DocDelivery is what became of a letter.
type DocDelivery struct {
	Audience string        `json:"audience"`
	To       string        `json:"to"`
	State    DeliveryState `json:"state"`
	Attempts int           `json:"attempts"`
	Reason   string        `json:"reason"`
	At       time.Time     `json:"at"`
}

// DocLine is one line of the timeline.
type DocLine struct {
	At        time.Time     `json:"at"`
	Kind      string        `json:"kind"`
	Key       string        `json:"key"`
	Text      string        `json:"text"`
	Link      string        `json:"link,omitempty"` // to the message in Slack
	Withdrawn bool          `json:"withdrawn,omitempty"`
	Minor     bool          `json:"minor,omitempty"` // it moved nothing: not shown in Slack
	Revisions []DocRevision `json:"earlier,omitempty"`

	happened Happened
}

// DocRevision is what a message said before.
type DocRevision struct {
	Noted time.Time `json:"noted"`
	Text  string    `json:"text"`
}

// DocHead is the incident's last audit event that is told here, by which the export can
// be compared with the chain. Seq 0: there is none.
type DocHead struct {
	Seq  int64  `json:"seq"`
	Hash string `json:"hash"` // SHA-256, hexadecimal
}

// Markdown is the incident as a document, and JSON the same for programs. Both are
// functions of the view alone, less its time: the same stored facts give the same
// bytes. They end with the place and the hash of the incident's last audit event.
func Markdown(v View, w Wording) []byte { return page(document(v, w), w) }

// JSON is the same for programs: a Document.
func JSON(v View, w Wording) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(document(v, w)); err != nil {
		return nil, fmt.Errorf("export %s: %w", v.Incident.Ref(), err)
	}
	return b.Bytes(), nil
}

// headOf is the last event that the timeline tells, or whose entry it does. What only
// looks leaves no trace, so that the export of an export is the same.
func headOf(v View) DocHead {
	var head DocHead
	for _, e := range v.Events {
		if (e.Outcome == audit.Refused || !onlyLooked(e)) && e.Seq > head.Seq {
			head = DocHead{Seq: e.Seq, Hash: hex.EncodeToString(e.Hash[:])}
		}
	}
	return head
}
