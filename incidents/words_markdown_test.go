package incidents_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
)

// hostile is text that would be something in Markdown, or in what shows it.
func hostile() *rapid.Generator[string] {
	piece := rapid.OneOf(rapid.SampledFrom([]string{
		"# heading", "\n# heading\n", "\n\n## heading\n\n", "text\n---\n", "text\n===\n", "[link](https://evil.example)", "![](https://evil.example/a.png)", "<b>html</b>", "<!-- -->",
		"@everyone", "<!channel>", "<@U1>", "https://evil.example", "www.evil.example", "a@b.example", "`", "``", "```", "\n```\n", "~~~", "\n~~~\n", "*", "**", "__", "|", "\n| a |\n|---|\n",
		"- ", "1. ", "1) ", "> ", "\n> quote", "    code", "\t", "\\", "\\`", "&lt;", "&#60;", "#12", ":boom:", "$x$", "[^1]", "[x]: https://evil.example", "\r", "\u2028", "\u202e", "\u200b", "\x00", "\x1b[31m", "\xff",
	}), rapid.StringN(0, 6, -1))
	return rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(piece, 1, 6).Draw(t, "pieces"), rapid.SampledFrom([]string{"", " "}).Draw(t, "between"))
	})
}

// hostileView puts such text into everything that is foreign, and into everything else as
// well.
func hostileView(t *rapid.T, v incidents.View) incidents.View {
	texts, next := rapid.SliceOfN(hostile(), 1, 16).Draw(t, "texts"), 0
	bad := func() string { next++; return texts[next%len(texts)] }
	i := &v.Incident
	i.Title, i.Cause, i.Rule, i.Domain, i.Lead, i.Room.Name = bad(), bad(), bad(), bad(), bad(), bad()
	i.Alerts = map[string]incidents.Alert{bad(): {Name: bad(), Since: minute(1)}}
	i.FollowUps, i.Room.Trouble = []string{bad(), bad()}, map[string]string{bad(): bad()}
	i.End = &incidents.End{At: minute(200), Says: bad(), Override: bad(), By: bad()}
	i.Steps = []incidents.Step{{Name: bad(), Title: bad(), Note: bad(), By: bad()}}
	v.Checks[4].Last.Reason, v.Checks[4].Name = bad(), bad()
	v.Repairs[0].Does, v.Repairs[0].State, v.Repairs[0].Target, v.Repairs[0].AskedBy = bad(), bad(), bad(), bad()
	letter := v.Notices[1].Letters[1]
	letter.Subject, letter.Body, letter.Audience, letter.Not = bad(), bad(), bad(), []string{bad()}
	v.Notices[1].Letters = []incidents.Letter{letter}
	v.Notices[1].Deliveries = []incidents.Delivery{{Audience: bad(), To: incidents.Destination{Kind: incidents.ToWebhook, To: bad()}, Reason: bad(), State: incidents.DeliveryState(bad())}}
	v.Entries = []incidents.Entry{{Key: "b", Revision: 1, Text: bad(), Author: bad(), Files: []string{bad()}}, {Key: "b", Revision: 2, Text: bad(), Author: bad(), Link: bad()}}
	for n := range v.Events {
		e := &v.Events[n]
		e.Args = map[string]string{}
		for _, name := range []string{"words", "what", "why", "level", "people", "audience", "kind", "to", "state", "notice", "step", "did", "check", "rows", "run", "verdict"} {
			e.Args[name] = bad()
		}
		e.Before, e.After, e.Target, e.Error, e.Actor.User = bad(), bad(), bad(), bad(), bad()
	}
	v.Events = append(v.Events, audit.Entry{Event: audit.Event{Action: bad(), Outcome: audit.Outcome(bad())}})
	return v
}

// TestNoForeignTextIsMarkdown: whatever stands in an incident, its export has the headings
// that we gave it, and no link, picture, HTML or mention.
func TestNoForeignTextIsMarkdown(t *testing.T) {
	want := len(parsed(t, string(incidents.Markdown(fullView(t), ourWords()))))
	rapid.Check(t, func(rt *rapid.T) {
		v := hostileView(rt, fullView(t))
		text := string(incidents.Markdown(v, ourWords()))
		if got := parsed(rt, text); len(got) != want {
			rt.Errorf("%d headings, want %d: %q", len(got), want, got)
		}
		data, err := incidents.JSON(v, ourWords())
		if err != nil || !json.Valid(data) {
			rt.Errorf("JSON: %v", err)
		}
	})
}

var (
	headingForm = regexp.MustCompile(`^#{1,6} `)
	fenceForm   = regexp.MustCompile("^(`{3,})text$")
	// ownForm is what a line of ours may begin with, outside of code.
	ownForm  = regexp.MustCompile(`^(#{1,2} |- |  - |[A-Z]|$)`)
	boldForm = regexp.MustCompile(`^( *- )\*\*([A-Za-z0-9 -]+):\*\*`)
	markForm = regexp.MustCompile("[<>\\[\\]!*_|~&$`]")
	liveForm = regexp.MustCompile(`(?i)@|#|://|www\.|:[a-z]+:|[\x00-\x09\x0b-\x1f\x{202e}\x{200b}]`)
)

// parsed reads a document as CommonMark does, as far as it can hold what it may, and gives
// its headings. Anything else is an error.
func parsed(t failing, text string) (headings []string) {
	t.Helper()
	fence := ""
	for _, line := range strings.Split(text, "\n") {
		switch open := fenceForm.FindStringSubmatch(line); {
		case fence != "":
			if strings.TrimRight(line, " ") == fence {
				fence = ""
			}
			continue
		case open != nil:
			fence = open[1]
			continue
		case !ownForm.MatchString(line):
			t.Errorf("a line that is not ours: %q", line)
		case headingForm.MatchString(line):
			headings = append(headings, line)
		}
		body := headingForm.ReplaceAllString(boldForm.ReplaceAllString(line, "$1$2"), "")
		rest := uncoded(t, body)
		for _, form := range []*regexp.Regexp{markForm, liveForm} {
			if found := form.FindString(rest); found != "" {
				t.Errorf("%q is live in %q", found, line)
			}
		}
	}
	if fence != "" {
		t.Errorf("a block of code does not end")
	}
	return headings
}

// uncoded is a line without its code and without what is escaped; every row of backticks
// has to have its end.
func uncoded(t failing, line string) string {
	t.Helper()
	var out strings.Builder
	for n := 0; n < len(line); {
		switch {
		case line[n] == '\\' && n+1 < len(line):
			if strings.ContainsRune("@#", rune(line[n+1])) {
				out.WriteByte(line[n+1]) // programs make mentions of it all the same
			}
			out.WriteByte(' ')
			n += 2
		case line[n] == '`':
			row := len(line[n:]) - len(strings.TrimLeft(line[n:], "`"))
			end := closing(line[n+row:], row)
			if end < 0 {
				t.Errorf("code without an end in %q", line)
				return out.String()
			}
			n += row + end + row
		default:
			out.WriteByte(line[n])
			n++
		}
	}
	return out.String()
}

// closing is where a row of just so many backticks begins; -1: nowhere.
func closing(s string, row int) int {
	for n := 0; n < len(s); {
		if s[n] != '`' {
			n++
			continue
		}
		length := len(s[n:]) - len(strings.TrimLeft(s[n:], "`"))
		if length == row {
			return n
		}
		n += length
	}
	return -1
}
