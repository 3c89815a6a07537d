package incidents

import (
	"slices"
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/message"
)

// teller words the audit events of one incident.
type teller struct {
	v       View
	w       Wording
	repairs map[string]Repair
	// findings are those of a run, by its ref; each is told with its run.
	findings map[string][]audit.Entry
	runs     map[string]bool // whose end is told
	stepped  map[string]bool // requests that are told as a step of the checklist
	// ended are the requests whose outcome was recorded, by request and target; begun the
	// plans whose apply ended; placed is the last event that tells what became of a channel.
	ended  map[string]bool
	begun  map[string]bool
	placed int64
}

func tell(v View, w Wording) teller {
	t := teller{
		v: v, w: w, repairs: map[string]Repair{}, findings: map[string][]audit.Entry{},
		runs: map[string]bool{}, stepped: map[string]bool{}, ended: map[string]bool{}, begun: map[string]bool{},
	}
	for _, r := range v.Repairs {
		t.repairs[r.Ref] = r
	}
	for _, e := range v.Events {
		if e.Action == "incident.step" && e.Outcome != audit.Refused {
			t.stepped[e.Request] = true
		}
		if e.Outcome == audit.Intended {
			continue
		}
		t.ended[outcomeOf(e)] = true
		switch {
		case e.Action == "check.run":
			t.runs[e.Target] = true
		case e.Action == "check.finding":
			t.findings[e.Args["run"]] = append(t.findings[e.Args["run"]], e)
		case strings.HasPrefix(e.Action, "fix.") && e.Plan != "":
			t.begun[e.Plan] = true
		case e.Action == "incident.create-channel" || e.Action == "incident.furnish" && e.Args["what"] == FurnishChannel:
			t.placed = e.Seq
		}
	}
	return t
}

func outcomeOf(e audit.Entry) string { return e.Request + "\x00" + e.Target }

// untold tells whether an event has no line of its own: its outcome or something else
// says the same, or somebody only looked.
func (t teller) untold(e audit.Entry) bool {
	switch {
	case e.Outcome == audit.Refused:
		return false
	case t.stepped[e.Request] && e.Action != "incident.step" && e.Decision != "":
		return true // the step was begun, and this is the command that carries it out
	case e.Outcome == audit.Intended:
		return t.overtaken(e)
	}
	switch e.Action {
	case "check.finding":
		return t.runs[e.Args["run"]]
	case "incident.note", "incident.message":
		return e.Outcome == audit.Done // its entry shows it
	}
	return e.Outcome == audit.Done && onlyLooked(e)
}

// overtaken tells whether the outcome of what was intended is told by itself. That a
// plan was let through is a decision, and always told.
func (t teller) overtaken(e audit.Entry) bool {
	switch e.Action {
	case "confirm", "incident.step":
		return false
	case "incident.create-channel":
		return e.Seq < t.placed
	case "fix.apply":
		return t.begun[e.Plan]
	}
	return e.Target != "" && t.ended[outcomeOf(e)]
}

// onlyLooked tells whether somebody only read what the bot knows. It is left out, or one
// export would change the next.
func onlyLooked(e audit.Entry) bool {
	switch e.Action {
	case "help", "whoami", "audit", "details", "incident", "incident.list", "incident.summary",
		"incident.timeline", "incident.checklist", "incident.export":
		return true
	case "incident.status", "incident.severity", "incident.lead":
		return e.After == "" && e.Before == ""
	case "plan":
		return e.Plan == "" && e.Actor.Kind == audit.Person
	}
	return false
}

// words says what happened, and of which kind it is. An action that is not known here has
// a neutral sentence.
func (t teller) words(e audit.Entry) (message.Line, string) {
	kind := kindOf(e.Action)
	switch {
	case e.Action == "alert.refused":
		return message.Text("An alert was not taken: %s", flat(e.Error)), kind
	case e.Outcome == audit.Refused:
		return sentenceCase(append(t.wanted(e), message.Span{Text: masks(flat(orElse(e.Error, "it was not allowed")))})), kind
	case e.Action == "check.finding":
		return append(message.Text("%s: ", e.Args["run"]), t.finding(e)...), kind
	}
	line := t.known(e)
	if line == nil {
		line = t.neutral(e)
	}
	if e.Outcome == audit.Failed && e.Error != "" {
		line = append(line, message.Span{Text: failure(e.Action) + masks(flat(e.Error))})
	}
	return sentenceCase(line), kind
}

// failure leads to the reason of what failed, where its words have not said that it did.
func failure(action string) string {
	switch action {
	case "incident.furnish", "incident.create-channel", "notice.delivery", "post":
		return ": "
	}
	return ". It failed: "
}

// sentenceCase begins a line with a capital letter, where it begins with a word of ours.
func sentenceCase(l message.Line) message.Line {
	if len(l) > 0 && l[0].Kind == message.Plain && l[0].Text != "" && l[0].Text[0] >= 'a' && l[0].Text[0] <= 'z' {
		l[0].Text = strings.ToUpper(l[0].Text[:1]) + l[0].Text[1:]
	}
	return l
}

func (t teller) known(e audit.Entry) message.Line {
	for _, words := range []func(audit.Entry) message.Line{t.moves, t.alerts, t.keeps, t.notices, t.calls, t.fixes, t.checks} {
		if line := words(e); line != nil {
			return line
		}
	}
	return nil
}

// wanted is what somebody asked for and did not get.
func (t teller) wanted(e audit.Entry) message.Line {
	line := append(actorOf(e.Actor), message.Span{Text: " asked for "})
	return append(line, message.Mono(wished(e)), message.Span{Text: " and was refused: "})
}

// wished is a command that was refused, with what it was about and without free text: what
// somebody who may not do a thing wrote beside it does not stand in the incident.
func wished(e audit.Entry) string {
	words := strings.ReplaceAll(e.Action, ".", " ")
	if first, _, _ := strings.Cut(flat(e.Args["words"]), " "); plain(first) && !sealed(first) {
		words += " " + first
	}
	return shorten(strings.TrimSpace(words), mostTitle)
}

// plain tells whether a word is a name or a reference, and no text.
func plain(word string) bool {
	return strings.Trim(strings.ToLower(word), "abcdefghijklmnopqrstuvwxyz0123456789-_./<@>") == ""
}

// sealed tells whether a word is the seal of a preview, which says nothing to people.
func sealed(word string) bool {
	return len(word) == 32 && strings.Trim(word, "0123456789abcdef") == ""
}

// neutral tells of an action without knowing what it does.
func (t teller) neutral(e audit.Entry) message.Line {
	line := append(actorOf(e.Actor), message.Span{Text: ": "})
	line = append(line, message.Mono(asked(e)))
	if e.Target != "" && e.Target != t.v.Incident.Ref() {
		line = append(line, message.Span{Text: " (" + flat(e.Target) + ")"})
	}
	if e.Before != "" || e.After != "" {
		line = append(line, message.Span{Text: ": " + flat(orElse(e.Before, "–")) + " → " + flat(orElse(e.After, "–"))})
	}
	return append(line, message.Span{Text: ", " + string(e.Outcome)})
}

// asked is a command as it was typed, or the name of an action.
func asked(e audit.Entry) string {
	words := strings.ReplaceAll(e.Action, ".", " ")
	if typed := flat(e.Args["words"]); typed != "" {
		words += " " + typed
	}
	return shorten(words, mostTitle)
}

// kindOf groups the actions.
func kindOf(action string) string {
	group, _, _ := strings.Cut(action, ".")
	switch {
	case slices.Contains([]string{"incident.remind", "incident.page", "incident.page-empty", "incident.page-over", "incident.untold", "incident.ack", "incident.snooze", "escalate"}, action):
		return HappenedPage
	case slices.Contains([]string{"notify", "send", "discard", "resend", "notice", "incident.update", "incident.nochange"}, orElse(alone(action), group)):
		return HappenedNotice
	case slices.Contains([]string{"fix", "plan", "confirm", "cancel", "undo", "writes", "restore"}, group) && action != "writes.status":
		return HappenedFix
	case slices.Contains([]string{"incident", "alert"}, group):
		return HappenedMove
	}
	return HappenedCheck
}

// alone gives back the actions of a group that are of another kind than their group.
func alone(action string) string {
	if action == "incident.update" || action == "incident.nochange" {
		return action
	}
	return ""
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// momentIn reads a time of an event's arguments; what is none stays as it is.
func momentIn(s string) any {
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return message.At(t)
	}
	return flat(s)
}
