package incidents

import (
	"fmt"
	"strings"

	"github.com/integritybot/integritybot/internal/message"
)

// handled counts the steps of the checklist that are done, and those left out.
func handled(i Incident) (done, skipped int) {
	for _, s := range i.Steps {
		switch s.State {
		case Ticked:
			done++
		case Skipped:
			skipped++
		case Todo, Running:
		}
	}
	return done, skipped
}

// progressLine is how far the checklist is, and where to read on.
func progressLine(i Incident, w Wording) []message.Line {
	var pieces []message.Line
	if len(i.Steps) > 0 {
		done, skipped := handled(i)
		line := message.Text("Checklist %d/%d", done, len(i.Steps))
		if skipped > 0 {
			line = append(line, message.Text(", %d left out", skipped)...)
		}
		pieces = append(pieces, line)
	}
	if i.Room.Channel != "" {
		pieces = append(pieces, message.Line{{Kind: message.Channel, ID: i.Room.Channel}})
	}
	for _, l := range links(i, w) {
		pieces = append(pieces, message.Line{message.LinkTo(shorten(l.title, mostTitle), l.url)})
	}
	return present(joined(" · ", 2+mostNamed, pieces))
}

type link struct{ title, url string }

// links are those of the incident: the runbook first, then by title.
func links(i Incident, w Wording) []link {
	var out []link
	if w.Rules.Runbook != "" {
		out = append(out, link{"Runbook", w.Rules.Runbook})
	}
	for _, from := range []map[string]string{w.Rules.Links, i.Links} {
		for _, title := range sortedKeys(from) {
			out = append(out, link{title, from[title]})
		}
	}
	return out
}

// smallPrint is where it comes from, and what is wrong with its channel.
func smallPrint(i Incident) []message.Line {
	line := append(message.Text("%s · opened by ", i.Ref()), openedBy(i)...)
	line = append(line, message.Join(" ", message.At(i.Opened))...)
	if i.Run > 0 {
		line = append(line, message.Text(" under R-%d", i.Run)...)
	}
	if i.Rule != "" {
		line = append(line, message.Span{Text: " · " + ruleText(i)})
	}
	if i.End != nil && i.End.Reopened > 0 {
		line = append(line, message.Text(" · opened again %s", times(i.End.Reopened))...)
	}
	lines := []message.Line{line}
	var troubles []message.Line
	for _, what := range sortedKeys(i.Room.Trouble) {
		troubles = append(troubles, message.Text("%s: %s", furnishing(what), shorten(flat(i.Room.Trouble[what]), mostSaid+mostSaid/2)))
	}
	return append(lines, most(3, troubles)...)
}

// ruleText is why it is as bad as it is called: "P0 when orders or payments are affected".
func ruleText(i Incident) string {
	rule := shorten(flat(i.Rule), 2*mostTitle)
	if rule == "" {
		return string(i.Severity)
	}
	if strings.HasPrefix(rule, string(i.Severity)) {
		return rule
	}
	return string(i.Severity) + ": " + rule
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

func openedBy(i Incident) message.Line {
	if i.OpenedBy != "" {
		return message.Line{message.Mention(i.OpenedBy)}
	}
	by := "an alert"
	for _, a := range i.Alerts {
		if len(i.Alerts) == 1 {
			by = "the alert " + shorten(flat(a.Name), mostTitle)
		}
	}
	return message.Line{{Text: by}}
}

// furnishing is what was to be done for a channel, when it could not be.
func furnishing(what string) string {
	switch what {
	case FurnishChannel:
		return "no channel"
	case FurnishInvite:
		return "not everybody was invited"
	case FurnishTopic:
		return "no topic"
	case FurnishBookmarks:
		return "no bookmarks"
	case FurnishLink:
		return "no link where it was declared"
	case FurnishChecks:
		return "no checks were begun"
	}
	switch group, _, _ := strings.Cut(what, "/"); group {
	case "call":
		return "not everybody could be called"
	case "lead":
		return "who leads it was not invited"
	case "pin":
		return "the summary is not pinned"
	case "timeline":
		return "not every message was looked through"
	}
	return shorten(flat(what), mostTitle)
}

// summaryActions are the decisions that it leaves somebody with.
func summaryActions(v View, w Wording) []message.Action {
	i := v.Incident
	timeline := message.Action{Verb: "incident", Ref: "timeline " + i.Ref(), Label: "Timeline"}
	if i.Status.Over() {
		return []message.Action{timeline, {Verb: "incident", Ref: "export " + i.Ref(), Label: "Export"}}
	}
	var actions []message.Action
	if i.Lead == "" {
		actions = append(actions, claimAction(i))
	}
	actions = append(actions,
		message.Action{Verb: "notify", Ref: "update " + i.Ref(), Label: "Write an update", Form: true},
		message.Action{Verb: "incident", Ref: "checklist " + i.Ref(), Label: "Checklist"}, timeline)
	if w.hasChecks(i.Domain) {
		actions = append(actions, message.Action{Verb: "check", Ref: i.Domain + " --incident " + i.Ref(), Label: "Run the checks"})
	}
	return append(actions, message.Action{Verb: "incident", Ref: "resolve " + i.Ref(), Label: "Resolve", Form: true})
}

func claimAction(i Incident) message.Action {
	return message.Action{Verb: "incident", Ref: "claim " + i.Ref(), Label: "I lead", Style: message.Primary}
}

// hasChecks tells whether there is something to check in a domain.
func (w Wording) hasChecks(domain string) bool {
	for _, c := range w.Checks {
		if c.Domain == domain && domain != "" {
			return true
		}
	}
	return false
}
