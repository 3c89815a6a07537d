package bot

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/integritybot/integritybot/commands"
)

// TestNonsenseIsNoForm: what does not say which command it composes asks nothing.
func TestNonsenseIsNoForm(t *testing.T) {
	for name, metadata := range map[string]string{
		"nothing":          "",
		"no JSON":          "incident declare",
		"no verb":          `{"ref":"INC-1"}`,
		"three words":      `{"verb":"incident declare orders"}`,
		"a line end":       "{\"verb\":\"incident\\ndeclare\"}",
		"a flag as a verb": `{"verb":"--help"}`,
		"another type":     `{"verb":["x"]}`,
	} {
		t.Run(name, func(t *testing.T) {
			i := interaction{View: &view{ID: "V1", Hash: "1", CallbackID: formCallback, PrivateMetadata: metadata}}
			if a := readSubmission(envelope{}, i); len(a.requests) > 0 || a.why == "" {
				t.Errorf("it asks %+v", a.requests)
			}
		})
	}
}

// TestWhatSomebodyWroteIsNoFlag: neither as an argument nor as the value of a flag.
func TestWhatSomebodyWroteIsNoFlag(t *testing.T) {
	text := func(value string) map[string]field { return map[string]field{"text-": {Value: value}} }
	c := composed{Verb: "incident note", Ref: "INC-12"}
	got := c.words(map[string]map[string]field{"argument-1": text("-5 orders are wrong"), "flag-at": text("--decision")})
	if want := "incident note INC-12 --at '--decision' -- '-5 orders are wrong'"; got != want {
		t.Errorf("the words are %s, want %s", got, want)
	}
}

// FuzzAFormsWords: whatever a form holds, its words are read back as one command of this
// verb, in which every value is one word.
func FuzzAFormsWords(f *testing.F) {
	f.Add(`{"flag-says":{"lines-says":{"type":"plain_text_input","value":"it's \"late\" --because"}}}`)
	f.Add(`{"argument-10":{"text-":{"value":"b"}},"argument-9":{"text-":{"value":"a"}}}`)
	f.Add(`{"flag-x":{"choices-x":{"selected_options":[{"value":"a"},{"value":"b,c"}]}},"flag-d":{"flag-d":{"selected_options":[{"value":"on"}]}}}`)
	f.Add(`{"":{"":{}},"flag-":{"person-":{"selected_user":"U1> <!channel"}},"x":null}`)
	f.Fuzz(func(t *testing.T, raw string) {
		var state map[string]map[string]field
		if json.Unmarshal([]byte(raw), &state) != nil {
			return
		}
		c := composed{Verb: "incident declare", Ref: "INC-1", Carried: map[string]string{"run": "R-1", "again": ""}}
		text := c.words(state)
		if text != c.words(state) {
			t.Fatal("the same form gives other words")
		}
		if len(text) > 2000 || strings.ContainsAny(text, "\x00") {
			return // longer than a command may be
		}
		words, err := commands.Split(text)
		if err != nil || len(words) < 3 || words[0] != "incident" || words[1] != "declare" || words[2] != "INC-1" {
			t.Fatalf("%q is read as %q, %v", text, words, err)
		}
		most := 7 // with the carried ones and "--"
		for range state {
			most += 2
		}
		if len(words) > most {
			t.Errorf("%q is %d words, want at most %d: a value became several", text, len(words), most)
		}
	})
}
