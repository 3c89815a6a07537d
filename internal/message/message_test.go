package message_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/message"
)

func sample() message.Message {
	return message.Message{
		Headline: message.Join("Asked by ", message.Mention("U1"), " at ", message.At(time.Date(2026, 11, 21, 10, 2, 0, 0, time.UTC)), ": 100 %"),
		Parts: []message.Part{
			{Lines: []message.Line{message.Join(message.Strong("bold"), " ", message.Mono("code"), " ", 7)}},
			{Table: &message.Table{
				Columns: []message.Column{{Name: "id"}, {Name: "total", Numeric: true}},
				Rows:    [][]string{{"o1", "5.00"}, {"o100000", "1,234.50"}, {"short"}},
			}},
			{Code: "one\ntwo"},
		},
		Context: []message.Line{message.Text("R-1")},
		Files:   []message.File{{Name: "a.csv"}},
		Actions: []message.Action{{Label: "Stop"}, {Label: "Details"}},
	}
}

func TestPlainText(t *testing.T) {
	want := `Asked by @U1 at 2026-11-21 10:02 UTC: 100 %
  bold code 7
    id          total 
    o1           5.00 
    o100000  1,234.50 
    short             
    one
    two
  R-1
  file: a.csv
  [Stop] [Details]
`
	if diff := cmp.Diff(want, sample().PlainText()); diff != "" {
		t.Error(diff)
	}
}

// TestForeignTextCannotDriveATerminal: escape sequences and hidden characters
// become visible.
func TestForeignTextCannotDriveATerminal(t *testing.T) {
	m := message.Message{Headline: message.Text("%s", "a\x1b[31mb\r\nc\u202ed\u200be")}
	if got, want := m.PlainText(), "a·[31mb··c·d·e\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestAMessageSurvivesTheStore: another replica sends what this one meant.
func TestAMessageSurvivesTheStore(t *testing.T) {
	text, err := json.Marshal(sample())
	if err != nil {
		t.Fatal(err)
	}
	var back message.Message
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sample(), back); diff != "" {
		t.Error(diff)
	}
}
