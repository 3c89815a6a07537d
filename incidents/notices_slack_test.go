package incidents_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/integritybot/integritybot/bot"
	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/check"
)

// longest is the view with the longest letter that the built-in templates make.
func longest(w incidents.Wording) incidents.View {
	v := orders()
	v.Incident.Cause = strings.Repeat("a cause that takes many words ", 40)
	for n := range 30 {
		name := fmt.Sprintf("check-%d", n)
		w.Checks[name] = check.Check{
			Name: name, Title: fmt.Sprintf("Check number %d with a long title", n), Domain: fmt.Sprintf("domain-%d", n%6), Noun: "order items",
			Means: "belong to an order that does not exist, or to one that was not paid as it should have been", Place: "production/shop",
		}
		v.Checks = append(v.Checks, incidents.Checked{Name: name, First: failed(1, 5, 9, "1", noticeNow), Last: failed(3, 1_000_000_000_000, 9_000_000_000_000, "123456789012.34", noticeNow)})
		v.Repairs = append(v.Repairs, incidents.Repair{ID: int64(100 + n), Check: name, State: "applied", Rows: 1_000_000, Finished: noticeNow, Verdict: check.Fail, Before: 1_000_000_000, After: 999_999_999})
	}
	return v
}

// What does not fit into one message of Slack would be cut there, and nobody would have
// seen that in the preview.
func TestALetterStandsInSlackAsAWhole(t *testing.T) {
	for _, template := range []string{"opened", "update", "fix-applied", "postponed"} {
		t.Run(template, func(t *testing.T) {
			w := noticeWords()
			n, err := incidents.Compose(longest(w), w, incidents.Draft{
				Template: template, Audiences: everybody(), At: noticeNow,
				Fields: map[string]string{"says": "First <!channel> line & *bold*.\n" + strings.Repeat("Words of the poster. ", 93), "repair": strings.Repeat("r", 200), "confidence": "low"},
			}, inGroup)
			if err != nil {
				t.Fatal(err)
			}
			for _, l := range n.Letters {
				blocks, err := json.Marshal(bot.Render(incidents.LetterMessage(l), bot.Look{}).Blocks)
				if err != nil {
					t.Fatal(err)
				}
				for _, line := range strings.Split(l.Text(), "\n") {
					if address, is := strings.CutPrefix(line, "Runbook: "); is { // whose text is broken up, and whose link is not
						line = `"url":"` + address + `"`
						if !strings.Contains(string(blocks), line) {
							t.Errorf("%s: in Slack the runbook is no link", l.Audience)
						}
						continue
					}
					quoted, _ := json.Marshal(strings.TrimPrefix(line, "Subject: "))
					if !strings.Contains(string(blocks), strings.Trim(string(quoted), `"`)) {
						t.Errorf("%s: in Slack the line is missing: %s", l.Audience, line)
					}
				}
				if strings.Contains(string(blocks), "more line") {
					t.Errorf("%s: the letter was cut in Slack", l.Audience)
				}
			}
		})
	}
}

// Whatever the poster writes, Slack shows as it was composed and as email carries it.
func TestThePostersWordsAreTheSameInSlack(t *testing.T) {
	w := noticeWords()
	words := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
		"<!channel> & <@U1|x>", "*bold* `code` :fire:", "a\tb\r\nc\rd\u2028e", "\u202eevil\u200b\ufeff", "z\u0301\u0302\u0303\u0304\u0305\u0306\u0307algo", "👩\u200d💻 ☁\ufe0f \ufe01", "\u3164\u2800\ue000\ufffe", "\x00\x1b[31m", "\xff\xfe", "   spaces   ", "\n\n\n\n",
	}))
	rapid.Check(t, func(t *rapid.T) {
		says := strings.Join(rapid.SliceOfN(words, 1, 8).Draw(t, "says"), "")
		n, err := incidents.Compose(orders(), w, incidents.Draft{Template: "update", Audiences: []string{"support"}, At: noticeNow, Fields: map[string]string{"says": says}}, inGroup)
		if err != nil {
			t.Fatal(err)
		}
		var blocks []struct {
			Elements []struct {
				Elements []struct{ Text string } `json:"elements"`
			} `json:"elements"`
		}
		raw, err := json.Marshal(bot.Render(incidents.LetterMessage(n.Letters[0]), bot.Look{}).Blocks)
		if err == nil {
			err = json.Unmarshal(raw, &blocks)
		}
		if err != nil {
			t.Fatal(err)
		}
		var shown []string
		for _, b := range blocks {
			var text strings.Builder
			for _, section := range b.Elements {
				for _, e := range section.Elements {
					text.WriteString(e.Text)
				}
			}
			shown = append(shown, strings.ReplaceAll(text.String(), "\u2060", "")) // which keeps Slack from making links, and is not seen
		}
		if want := n.Letters[0].Subject + "\n" + n.Letters[0].Body; strings.Join(shown, "\n") != want {
			t.Fatalf("in Slack it is %q,\nwant          %q", strings.Join(shown, "\n"), want)
		}
	})
}
