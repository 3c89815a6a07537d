package incidents

import (
	"strings"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// severity raises one that no person set, if a rule says so of what the checks have
// found since. It never lowers it: that is for people.
func (t *ticking) severity() {
	if t.i.Rule == byPerson {
		return
	}
	domains, rows, fails := []string{t.i.Domain}, int64(0), []string{}
	for _, c := range t.v.Checks {
		if c.Last.Verdict == check.Fail {
			domains, fails = append(domains, t.w.Checks[c.Name].Domain), append(fails, t.w.checkTitle(c.Name))
			if t.w.counts(c.Name) {
				rows += c.Last.Rows
			}
		}
	}
	to, rule := t.w.Rules.Propose(domains, rows)
	if len(fails) == 0 || to >= t.i.Severity || rule == noRule {
		return
	}
	event := t.i.Log("incident.severity", map[string]string{"rule": rule})
	event.Before, event.After = string(t.i.Severity), string(to)
	t.e.Events, t.moved = append(t.e.Events, event), true
	before := t.i.Severity
	t.i.reclock(t.w.Rules, to, t.v.Now)
	t.i.Severity, t.i.Rule = to, rule
	t.e.post(t.i.raised(t.w, before, fails, rows))
}

// raised says that the severity is another one, why, and how it is changed.
func (i Incident) raised(w Wording, before Severity, fails []string, rows int64) message.Post {
	now := "Failing now: " + listed(fails)
	if rows > 0 {
		now += "; " + phrase.Plural(rows, "row") + " wrong"
	}
	m := message.Message{
		Headline: message.Text("🔴 %s: it was %s, but %s", i.short(), before, i.Rule),
		Parts: []message.Part{{Lines: []message.Line{
			message.Text("%s.", now),
			message.Join("I raised it by the rule of the config; if that is not right: ", message.Mono(strings.TrimSpace(w.Word+" incident severity "+i.Ref()+" "+string(before)))),
		}}},
	}
	return i.say(m, "severity", string(i.Severity))
}
