package incidents

import (
	"strings"

	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/message"
)

// does is a sentence that begins with who did it.
func does(e audit.Entry, pieces ...any) message.Line {
	return append(append(actorOf(e.Actor), message.Span{Text: " "}), message.Join(pieces...)...)
}

// personIn mentions the Slack user id that a value holds.
func personIn(value string) any {
	if value == "" {
		return "nobody"
	}
	return message.Mention(value)
}

// fromTo is a change; before may not be known.
func fromTo(before, after string) string {
	if before == "" {
		return "to " + flat(after)
	}
	return "from " + flat(before) + " to " + flat(after)
}

// moves words what people, and the bot by what it sees, change of the incident itself.
func (t teller) moves(e audit.Entry) message.Line {
	switch e.Action {
	case "incident.declare":
		return t.declared(e)
	case "incident.bind":
		return does(e, "made this channel the one of ", t.v.Incident.Ref())
	case "incident.severity":
		line := does(e, "changed the severity ", fromTo(e.Before, e.After))
		if rule := e.Args["rule"]; rule != "" {
			line = append(line, message.Span{Text: ": " + flat(rule)})
		}
		return line
	case "incident.status":
		return does(e, "changed the status ", fromTo(e.Before, e.After))
	case "incident.lead":
		return leads(e)
	case "incident.claim":
		return does(e, "took the lead")
	case "incident.cause":
		return does(e, "named the cause: ", flat(e.After))
	case "incident.milestone":
		return does(e, "noted: ", milestoneWords(e.Args["milestone"]), " ", momentIn(e.Args["at"]))
	case "incident.followup":
		return does(e, "added a follow-up: ", flat(e.After))
	case "incident.step", "incident.skip":
		return t.step(e)
	}
	return t.ends(e)
}

// declared words that it was opened, or that somebody was second.
func (t teller) declared(e audit.Entry) message.Line {
	if e.Args["declared"] != "" {
		return does(e, "declared it as well, and was told that it is open")
	}
	line := does(e, "declared ", t.opened(e))
	if run := e.Args["run"]; run != "" {
		line = append(line, message.Span{Text: ", under " + flat(run)})
	}
	return line
}

// opened is the incident as it was when it began: "INC-12 Orders data is wrong as P0".
func (t teller) opened(e audit.Entry) string {
	text := t.v.Incident.Ref() + " " + flat(t.v.Incident.Title)
	if severity, _, _ := strings.Cut(flat(e.After), " "); severity != "" {
		text += " as " + severity
	}
	return text
}

func leads(e audit.Entry) message.Line {
	switch {
	case e.After == "":
		return does(e, "left it without a lead, before: ", personIn(e.Before))
	case e.Before == "":
		return does(e, "made ", personIn(e.After), " the lead")
	}
	return does(e, "made ", personIn(e.After), " the lead, before: ", personIn(e.Before))
}

// ends words how it ends, and that it begins anew.
func (t teller) ends(e audit.Entry) message.Line {
	switch e.Action {
	case "incident.decline":
		line := does(e, "declined it, it was none: ", flat(e.Args["why"]))
		return append(line, overridden(e)...)
	case "incident.merge":
		if into := flat(e.Args["into"]); into != t.v.Incident.Ref() {
			return does(e, "merged it: it goes on as ", into)
		}
		return does(e, "merged ", orElse(flat(e.Args["from"]), "another incident"), " into it, with its alerts and what was found")
	case "incident.resolve":
		line := does(e, "resolved it")
		if says := e.Args["says"]; says != "" {
			line = append(line, message.Span{Text: ": " + flat(says)})
		}
		return append(line, overridden(e)...)
	case "incident.reopen":
		line := does(e, "opened it again")
		if name := e.Args["check"]; name != "" {
			line = append(line, message.Span{Text: ", " + t.w.checkTitle(name) + " fails"})
		}
		if why := e.Args["why"]; why != "" {
			line = append(line, message.Span{Text: ": " + flat(why)})
		}
		return line
	case "incident.soak-check":
		return does(e, "began the checks once more, to see whether it stays resolved")
	case "incident.soak-over":
		if silent := e.Args["unanswered"]; silent != "" {
			return does(e, "watched it until now and found nothing wrong again; no answer: ", flat(silent))
		}
		return does(e, "watched it until now: it stayed resolved")
	}
	return nil
}

// overridden is why it ended although not all checks were green.
func overridden(e audit.Entry) message.Line {
	if why := flat(e.Args["override"]); why != "" {
		return message.Line{{Text: ". Not all checks were green: " + why}}
	}
	return nil
}

func milestoneWords(name string) string {
	words := map[string]string{
		"began": "the first bad data are of", "detected": "detected", "contained": "contained since",
		"identified": "the cause is known since", "fixed": "the last fix was applied", "verified": "the checks passed after the fix",
		"resolved": "resolved",
	}
	return orElse(words[name], flat(name))
}

func (t teller) step(e audit.Entry) message.Line {
	title := "“" + flat(t.v.Incident.stepTitle(e.Args["step"])) + "”"
	switch e.Args["did"] {
	case "begin":
		line := does(e, "began the step ", title)
		if e.Target != "" && e.Target != t.v.Incident.Ref() {
			line = append(line, message.Span{Text: " with " + flat(e.Target)})
		}
		return line
	case "done":
		return does(e, "ticked the step ", title)
	case "looked":
		return message.Text("%s did not do the step %s%s", flat(e.Args["run"]), title, because(flat(e.Args["why"])))
	case "skip":
		return does(e, "left out the step ", title, ": ", flat(e.Args["why"]))
	case "own":
		if owner := orElse(e.Args["owner"], e.Actor.User); owner != e.Actor.User {
			return does(e, "gave the step ", title, " to ", personIn(owner))
		}
		return does(e, "took the step ", title)
	case "reopen":
		return does(e, "opened the step ", title, " again")
	}
	if e.Action == "incident.skip" {
		return does(e, "left out the step ", title, ": ", flat(e.Args["why"]))
	}
	return nil
}
