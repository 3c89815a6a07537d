package incidents_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/message"
)

// wordsViews are incidents as people meet them.
func wordsViews(t testing.TB) map[string]incidents.View {
	overdue := fullView(t)
	overdue.Now, overdue.Incident.Lead, overdue.Incident.Drill = minute(170), "", true
	return map[string]incidents.View{
		"full": fullView(t), "empty": freshView(), "overdue": overdue, "resolved": resolvedView(t), "override": overriddenView(t), "merged": mergedView(),
	}
}

// resolvedView is one whose checks all pass.
func resolvedView(t testing.TB) incidents.View {
	v := fullView(t)
	v.Runs, v.Incident.Clocks, v.Incident.Escalation.Acked, v.Incident.Escalation.When = nil, nil, "UCAROL", minute(133)
	for n := range v.Checks {
		c := &v.Checks[n]
		c.Last = v.Checks[0].Last
		c.Last.Run, c.Last.At = 1060, minute(200)
		c.Passed = c.Last
		if !c.First.Known() {
			c.First = c.Last
		}
	}
	v.Repairs[1].State, v.Repairs[1].DecidedBy, v.Repairs[1].Decided, v.Repairs[1].Finished = "applied", "UBOB", minute(190), minute(192)
	v.Repairs[1].Verdict, v.Repairs[1].Before = v.Repairs[0].Verdict, 60
	i := &v.Incident
	i.Status, i.Milestones.Fixed, i.Milestones.Verified, i.Milestones.Resolved = incidents.Resolved, minute(192), minute(200), minute(205)
	i.End = &incidents.End{By: "UALICE", At: minute(205), Says: "All 133 rows are repaired.", Soak: minute(445)}
	return v
}

// overriddenView was resolved although checks were not green.
func overriddenView(t testing.TB) incidents.View {
	v := fullView(t)
	v.Incident.Status, v.Incident.Milestones.Resolved = incidents.Resolved, minute(205)
	v.Incident.End = &incidents.End{By: "UALICE", At: minute(205), Override: "the totals are recomputed by tonight's batch", Reopened: 1}
	return v
}

func mergedView() incidents.View {
	v := freshView()
	v.Incident.Status, v.Incident.Into = incidents.Merged, 9
	v.Incident.End = &incidents.End{By: "UALICE", At: minute(130)}
	return v
}

func TestWhatPeopleRead(t *testing.T) {
	texts := map[string]func(incidents.View, incidents.Wording) message.Message{
		"summary": incidents.Summary, "recap": incidents.Recap, "final": incidents.Final,
		"checklist": incidents.ChecklistOf, "timeline": incidents.TimelineMessage,
		"declared": func(v incidents.View, w incidents.Wording) message.Message { return incidents.Declared(v.Incident, w) },
	}
	untouched := wordsViews(t)
	for state, v := range wordsViews(t) {
		for name, text := range texts {
			t.Run(name+" "+state, func(t *testing.T) {
				m := text(v, ourWords())
				golden(t, fmt.Sprintf("words/%s-%s.txt", name, state), m.PlainText()+buttons(m))
				if diff := cmp.Diff(m, text(v, ourWords())); diff != "" {
					t.Errorf("the same facts give another text: %s", diff)
				}
				if diff := cmp.Diff(untouched[state], v); diff != "" {
					t.Errorf("the facts were changed: %s", diff)
				}
			})
		}
	}
}

// buttons are what the buttons of a message ask for.
func buttons(m message.Message) string {
	var out strings.Builder
	all := m.Actions
	for _, p := range m.Parts {
		all = append(all, p.Actions...)
	}
	for _, a := range all {
		fmt.Fprintf(&out, "%s = %s %s", a.Label, a.Verb, a.Ref)
		if a.Form {
			out.WriteString(" (form)")
		}
		out.WriteString("\n")
	}
	return out.String()
}

func TestTheListSaysWhichAreOpen(t *testing.T) {
	failing := incidents.Opened{Incident: fullView(t).Incident, Checks: fullChecks()}
	quiet := incidents.Opened{Incident: wordsViews(t)["overdue"].Incident}
	quiet.Incident.ID = 13
	for name, o := range map[string][]incidents.Opened{
		"none": nil, "one": {failing}, "all": {failing, quiet, {Incident: resolvedView(t).Incident, Checks: resolvedView(t).Checks}, {Incident: mergedView().Incident}},
	} {
		t.Run(name, func(t *testing.T) { golden(t, "words/list-"+name+".txt", incidents.List(o, ourWords()).PlainText()) })
	}
}

func TestALongListIsCutAndSaysSo(t *testing.T) {
	var o []incidents.Opened
	for range 200 {
		o = append(o, incidents.Opened{Incident: freshView().Incident})
	}
	text := incidents.List(o, ourWords()).PlainText()
	if lines := strings.Count(text, "\n"); lines > 45 || !strings.Contains(text, "and 161 more") || !strings.HasPrefix(text, "200 incidents are open") {
		t.Errorf("%d lines:\n%s", lines, text)
	}
}

func TestTheExport(t *testing.T) {
	for state, v := range wordsViews(t) {
		t.Run(state, func(t *testing.T) {
			text := incidents.Markdown(v, ourWords())
			golden(t, "words/export-"+state+".md", string(text))
			data, err := incidents.JSON(v, ourWords())
			if err != nil {
				t.Fatal(err)
			}
			golden(t, "words/export-"+state+".json", string(data))
			var d incidents.Document
			if err := json.Unmarshal(data, &d); err != nil || d.Version != 1 {
				t.Fatalf("version %d: %v", d.Version, err)
			}
		})
	}
}

// TestAnExportIsTheSameAgain: neither the time nor the export itself changes it.
func TestAnExportIsTheSameAgain(t *testing.T) {
	v := fullView(t)
	first, firstJSON := exported(t, v)
	v.Now = v.Now.AddDate(1, 0, 0)
	looked := by("UALICE", "r-99", "incident.export", "INC-12", nil)
	looked.Outcome, looked.Incident = audit.Done, "INC-12"
	last := v.Events[len(v.Events)-1]
	entry, _, err := audit.Head{Size: last.Seq, Hash: last.Hash}.Append(v.Now, looked)
	if err != nil {
		t.Fatal(err)
	}
	v.Events = append(v.Events, entry)
	again, againJSON := exported(t, v)
	if diff := cmp.Diff(first+firstJSON, again+againJSON); diff != "" {
		t.Error(diff)
	}
	looked.Outcome, looked.Error = audit.Refused, "You may not."
	if entry, _, err = (audit.Head{Size: entry.Seq, Hash: entry.Hash}).Append(v.Now, looked); err != nil {
		t.Fatal(err)
	}
	v.Events = append(v.Events, entry)
	if refused, _ := exported(t, v); !strings.Contains(refused, "refused: You may not") || !strings.Contains(refused, fmt.Sprintf("%x", entry.Hash)) {
		t.Error("a refused export is not told, or not the head")
	}
}

func exported(t testing.TB, v incidents.View) (markdown, data string) {
	t.Helper()
	b, err := incidents.JSON(v, ourWords())
	if err != nil {
		t.Fatal(err)
	}
	return string(incidents.Markdown(v, ourWords())), string(b)
}
