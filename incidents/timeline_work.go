package incidents

import (
	"slices"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// fixes words what was done to the data, and who let it happen.
func (t teller) fixes(e audit.Entry) message.Line {
	plan := flat(orElse(e.Plan, e.Target))
	switch e.Action {
	case "plan":
		return t.planned(e, plan)
	case "confirm":
		return does(e, "let "+plan+" be carried out", t.purpose(plan))
	case "cancel":
		return does(e, "cancelled "+plan+": nothing was changed")
	case "plan.expired":
		return message.Text("%s expired: nobody decided, and nothing was changed", plan)
	case "fix.apply":
		return t.apply(e, plan)
	case "fix.applied", "fix.settled":
		return applied(e, plan)
	case "fix.verified":
		line := message.Text("Checked after %s: %s %s %s", plan, icon(check.Verdict(e.Args["verdict"])), word(check.Verdict(e.Args["verdict"])), t.w.checkTitle(e.Args["check"]))
		if e.After != "" {
			line = append(line, message.Text(", %s → %s", count(e.Before), count(e.After))...)
		}
		return line
	}
	if e.Outcome == audit.Intended && e.Plan != "" {
		return does(e, "asked for "+plan+": ", message.Mono(asked(e)))
	}
	return nil
}

// planned is a plan that was worked out, or could not be.
func (t teller) planned(e audit.Entry, plan string) message.Line {
	if e.Plan == "" {
		return nil
	}
	if by := e.Args["stopped_by"]; by != "" {
		return message.Join(plan+" was stopped by ", personIn(by), " while it was worked out")
	}
	if e.Outcome != audit.Done {
		return message.Text("%s could not be worked out", plan)
	}
	line := does(e, "asked for "+plan)
	if does := flat(t.repairs[plan].Does); does != "" {
		line = append(line, message.Span{Text: ": " + does})
	}
	if undoes := e.Args["undoes"]; undoes != "" {
		line = append(line, message.Span{Text: ", to take back " + flat(undoes)})
	}
	if rows := e.Args["rows"]; rows != "" {
		line = append(line, message.Text(" (%s rows, %s)", count(rows), t.w.checkTitle(e.Args["check"]))...)
	}
	return append(line, message.Span{Text: "; it waits for a decision"})
}

// purpose is what a plan does, if that is known.
func (t teller) purpose(plan string) string {
	if does := flat(t.repairs[plan].Does); does != "" {
		return " (" + does + ")"
	}
	return ""
}

func (t teller) apply(e audit.Entry, plan string) message.Line {
	switch {
	case e.Outcome == audit.Intended:
		return message.Text("%s is being applied", plan)
	case e.Args["stopped_by"] != "":
		return message.Join(plan+" was stopped by ", personIn(e.Args["stopped_by"]), " before its first change")
	}
	return message.Text("%s was not applied, nothing was changed", plan)
}

// applied tells what a plan has changed, once that is known.
func applied(e audit.Entry, plan string) message.Line {
	line := message.Text("%s %s: %s rows changed", plan, orElse(flat(e.Args["state"]), "ended"), count(e.Args["rows"]))
	for _, what := range []struct{ arg, words string }{{"skipped", "left alone"}, {"left", "not reached"}} {
		if n := e.Args[what.arg]; n != "" && n != "0" {
			line = append(line, message.Text(", %s %s", count(n), what.words)...)
		}
	}
	if by := e.Args["stopped_by"]; by != "" {
		line = append(line, message.Join(", stopped by ", personIn(by))...)
	}
	if e.Outcome != audit.Failed && e.Error != "" {
		line = append(line, message.Span{Text: ". " + flat(e.Error)})
	}
	return line
}

// count writes a number of an event's arguments as people read it.
func count(s string) string {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return orElse(flat(s), "0")
	}
	return phrase.Count(n)
}

// checks words runs, with all that each of them found.
func (t teller) checks(e audit.Entry) message.Line {
	switch {
	case e.Action == "check.run":
		return t.run(e)
	case e.Action == "stop":
		return does(e, "asked for "+flat(e.Target)+" to be stopped")
	case e.Outcome == audit.Intended && strings.HasPrefix(e.Target, "R-"):
		return does(e, "asked for "+e.Target+": ", message.Mono(asked(e)))
	case strings.HasPrefix(e.Target, "R-"):
		return does(e, "looked, "+e.Target+": ", message.Mono(asked(e)))
	}
	return nil
}

func (t teller) run(e audit.Entry) message.Line {
	line := message.Text("%s, begun by the bot", flat(e.Target))
	if e.Actor.Kind == audit.Person || e.Actor.Kind == audit.CLI {
		line = append(message.Text("%s for ", flat(e.Target)), actorOf(e.Actor)...)
	}
	if state := e.Args["state"]; state != "" && state != "done" {
		line = append(line, message.Span{Text: " (" + flat(state)})
		if by := e.Args["stopped_by"]; by != "" {
			line = append(line, message.Join(" by ", personIn(by))...)
		}
		line = append(line, message.Span{Text: ")"})
	}
	found := slices.Clone(t.findings[e.Target])
	if len(found) == 0 {
		return append(line, message.Span{Text: " ended, " + phrase.Duration(e.Duration)})
	}
	slices.SortStableFunc(found, func(a, b audit.Entry) int { return rank(a) - rank(b) })
	var lines []message.Line
	var all []Checked
	for _, f := range found {
		m, _ := foundIn(f)
		lines, all = append(lines, t.finding(f)), append(all, Checked{Name: f.Target, Last: m})
	}
	line = append(line, message.Span{Text: ": "})
	if sum := t.w.measure(all); len(all) > 1 { // the worst number first: the line may be cut
		line = append(line, message.Text("%s %s: ", icon(sum.verdict()), sum.what(t.w))...)
	}
	return append(line, joined(" · ", 0, lines)...)
}

// rank puts what fails first, and what passes last.
func rank(e audit.Entry) int {
	return slices.Index([]check.Verdict{check.Fail, check.Unknown, check.Pass}, check.Verdict(e.Args["verdict"]))
}

func (t teller) finding(e audit.Entry) message.Line {
	verdict := check.Verdict(e.Args["verdict"])
	line := message.Text("%s %s %s", icon(verdict), word(verdict), t.w.checkTitle(e.Target))
	m, ok := foundIn(e)
	switch {
	case !ok:
		return append(line, message.Span{Text: " " + shorten(flat(e.Error), mostTitle)})
	case m.Verdict == check.Pass:
		return append(line, message.Span{Text: " " + phrase.Count(m.Rows)})
	}
	return append(line, message.Span{Text: " " + m.wrong()})
}

// foundIn reads the numbers of a finding from its event. ok is false where it is none, or
// gave no answer.
func foundIn(e audit.Entry) (m Measure, ok bool) {
	m.Verdict = check.Verdict(e.Args["verdict"])
	if e.Action != "check.finding" || m.Verdict != check.Pass && m.Verdict != check.Fail {
		return Measure{}, false
	}
	var bad [3]error
	m.Rows, bad[0] = strconv.ParseInt(e.Args["rows"], 10, 64)
	m.Of, bad[1] = strconv.ParseInt(e.Args["scanned"], 10, 64)
	m.Run, bad[2] = strconv.ParseInt(strings.TrimPrefix(e.Args["run"], "R-"), 10, 64)
	m.At = e.At
	for name, value := range e.Args {
		currency, is := strings.CutPrefix(name, "money_")
		if amount, err := decimal.NewFromString(value); is && err == nil {
			if m.Money == nil {
				m.Money = map[string]decimal.Decimal{}
			}
			m.Money[currency] = amount
		}
	}
	return m, bad == [3]error{}
}
