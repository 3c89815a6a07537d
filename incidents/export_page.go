package incidents

import (
	"fmt"
	"strings"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// sheet is a Markdown document being written. Whatever goes into it is made inert.
type sheet struct{ strings.Builder }

func (s *sheet) heading(text string) { s.WriteString("\n## " + inline(text) + "\n\n") }

// item is a line of a list: a head of ours, and text made inert.
func (s *sheet) item(head, text string) {
	if text = inline(text); text == "" {
		text = "–"
	}
	if head != "" {
		text = "**" + head + ":** " + text
	}
	s.WriteString("- " + text + "\n")
}

func (s *sheet) none(text string) { s.WriteString(text + "\n") }

// page is a document as Markdown.
func page(d Document, w Wording) []byte {
	s := &sheet{}
	i := d.Incident
	drill := ""
	if i.Drill {
		drill = "DRILL "
	}
	s.WriteString("# " + inline(fmt.Sprintf("%s%s %s: %s", drill, i.Ref, i.Severity, i.Title)) + "\n\n")
	s.about(i)
	s.alerts(d.Alerts)
	s.impact(d.Impact)
	s.times(d)
	s.checks(d.Checks)
	s.fixes(d.Fixes, w)
	s.notices(d.Notices, w)
	s.heading("Decisions")
	s.lines(d.Decisions, false)
	s.heading("Checklist")
	s.steps(d.Checklist)
	s.heading("To be done afterwards")
	s.texts(d.FollowUps, "Nothing was noted.")
	s.heading("Timeline")
	s.lines(d.Timeline, true)
	s.heading("Audit")
	if d.Audit.Seq == 0 {
		s.none("No event of it is recorded.")
	} else {
		fmt.Fprintf(s, "The last recorded event of this incident is no. %d, with the hash `%s`.\n", d.Audit.Seq, d.Audit.Hash)
	}
	return []byte(s.String())
}

func (s *sheet) about(i DocIncident) {
	s.item("Status", string(i.Status))
	s.item("Severity", ruleText(Incident{Severity: i.Severity, Rule: i.Rule}))
	s.item("Data", i.Domain)
	s.item("Lead", person(i.Lead))
	s.item("Cause", orElse(i.Cause, "not recorded"))
	s.item("Opened", clock(i.Opened)+" by "+orElse(person(i.OpenedBy), "an alert"))
	if i.Channel != "" {
		s.item("Channel", strings.TrimSpace("#"+i.Channel+" "+i.Name))
	}
	for _, what := range sortedKeys(i.Trouble) {
		s.item("Channel", furnishing(what)+": "+i.Trouble[what])
	}
	if !i.Ended.IsZero() {
		s.item("Ended", clock(i.Ended)+" by "+orElse(person(i.EndedBy), "itself")+because(i.Says))
	}
	if i.Override != "" {
		s.item("Resolved although not all checks were green", i.Override)
	}
	if i.Reopened > 0 {
		s.item("Opened again", times(i.Reopened))
	}
	if i.Into != "" {
		s.item("Goes on as", i.Into)
	}
}

func (s *sheet) alerts(alerts map[string]Alert) {
	for _, fingerprint := range sortedKeys(alerts) {
		a := alerts[fingerprint]
		state := "has ended"
		if a.Firing {
			state = "firing since"
		}
		s.item("Alert", fmt.Sprintf("%s, %s %s, fired %s", a.Name, state, clock(a.Since), times(max(a.Times, 1))))
	}
}

func (s *sheet) impact(d DocImpact) {
	s.heading("Impact")
	worst := amount(d.Rows, nil)
	if d.Worst != "" {
		worst = d.Worst + ", each check by its worst run"
	}
	s.item("At worst", worst)
	s.item("Now", d.Verdict+", "+d.What)
	s.item("First bad", orElse(clock(d.FirstBad), "not known"))
	s.item("Last bad", orElse(clock(d.LastBad), "not known"))
	s.item("Growing", d.growing())
	s.item("Safe to read", d.Safe)
}

// growing says whether it does, as far as that is known.
func (d DocImpact) growing() string {
	switch {
	case d.Growth != "":
		return d.Growth
	case d.Verdict == string(check.Pass):
		return "no check fails"
	}
	return "not known"
}

func (s *sheet) times(d Document) {
	s.heading("Times")
	for n, t := range d.Points.times() {
		s.item("Time to "+d.Times[n].Name, t.text()+" ("+t.words+")")
	}
}

func (s *sheet) checks(checks []DocCheck) {
	s.heading("Checks")
	if len(checks) == 0 {
		s.none("No check was run for it.")
	}
	for _, c := range checks {
		text, told := "", map[string]bool{}
		for _, m := range []struct {
			name string
			of   *DocMeasure
		}{{"first", c.First}, {"last failed", c.Failed}, {"last passed", c.Passed}, {"last", c.Last}} {
			if m.of != nil && !told[m.of.Run] {
				told[m.of.Run] = true
				text += "; " + m.name + " " + measureText(*m.of)
			}
		}
		s.item("", c.Title+": "+amount(c.Worst, nil)+" wrong at worst"+text)
	}
}

func measureText(m DocMeasure) string {
	text := fmt.Sprintf("%s %s at %s: ", m.Run, m.Verdict, clock(m.At))
	if m.Verdict == string(check.Unknown) {
		return text + m.Reason
	}
	text += phrase.Count(m.Rows) + " of " + phrase.Count(m.Of)
	if money := phrase.Amounts(m.Money); money != "" {
		text += ", " + money
	}
	return text
}

func (s *sheet) steps(steps []Step) {
	for _, step := range steps {
		text := stepText(step.State) + at(" by ", step.By, step.At) + because(step.Note)
		if step.Run > 0 {
			text += fmt.Sprintf(", R-%d", step.Run)
		}
		s.item("", step.Title+": "+text)
	}
	if len(steps) == 0 {
		s.none("There is none.")
	}
}

// lines are those of the timeline, with what their messages said before.
func (s *sheet) lines(lines []DocLine, revisions bool) {
	if len(lines) == 0 {
		s.none("Nothing was recorded.")
	}
	for _, l := range lines {
		s.WriteString("- " + clock(l.At) + " " + markdownLine(l.happened.What) + "\n")
		for _, r := range l.Revisions {
			if revisions {
				s.WriteString("  - " + inline("as of "+clock(r.Noted)+": "+r.Text) + "\n")
			}
		}
	}
}

func (s *sheet) texts(texts []string, none string) {
	for _, t := range texts {
		s.item("", t)
	}
	if len(texts) == 0 {
		s.none(none)
	}
}
