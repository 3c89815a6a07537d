package incidents

import (
	"strings"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/message"
)

// List is the list of incidents.
func List(o []Opened, w Wording) message.Message {
	var lines []message.Line
	held := 0
	for _, one := range o {
		if !one.Incident.Status.Over() {
			held++
		}
		lines = append(lines, listLine(one, w))
	}
	m := message.Message{Headline: message.Text("No incident is open")}
	switch {
	case held == 1:
		m.Headline = message.Text("1 incident is open")
	case held > 1:
		m.Headline = message.Text("%d incidents are open", held)
	}
	if len(lines) > 0 {
		m.Parts = []message.Part{{Lines: most(mostHappened-1, lines)}}
		return m
	}
	m.Context = []message.Line{message.Join("To open one: ", message.Mono(w.Word+" incident declare"))}
	return m
}

// Named is an incident where it is named beside others: "P0 INC-12 Orders data is wrong".
// What a private one is about is known to those who are in its channel.
func Named(i Incident) string {
	if !i.Private {
		return called(i)
	}
	name := string(i.Severity) + " " + i.Ref() + ", a private incident"
	if i.Drill {
		return "DRILL " + name
	}
	return name
}

func listLine(o Opened, w Wording) message.Line {
	i, f := o.Incident, w.measure(o.Checks)
	opened := message.Join(" · opened ", message.At(i.Opened))
	if i.Private {
		return message.Join("🔒 ", message.Strong(Named(i)), " — "+strings.ToUpper(string(i.Status)), opened)
	}
	line := message.Join(listMark(i, f), " ", message.Strong(Named(i)), " — "+strings.ToUpper(string(i.Status)))
	if !i.Status.Over() {
		line = append(line, leader(i)...)
	}
	if i.Status != Declined && i.Status != Merged {
		line = append(line, message.Span{Text: " · " + f.what(w)})
	}
	if i.Room.Channel != "" {
		line = append(line, message.Span{Text: " · "}, message.Span{Kind: message.Channel, ID: i.Room.Channel})
	}
	return append(line, opened...)
}

// listMark is green only for what ended with all checks passing.
func listMark(i Incident, f measured) string {
	switch {
	case len(f.fails) > 0:
		return "🔴"
	case i.Status == Resolved && f.verdict() == check.Pass:
		return "🟢"
	}
	return "⚪"
}

// Declared is the first thing that people read where it was declared: that there is an
// incident, and where it goes on. Of a private one it says neither what it is about nor
// where.
func Declared(i Incident, w Wording) message.Message {
	hidden := i.Private && (i.Room.Channel == "" || i.Room.Channel != i.Asked.Channel)
	if hidden {
		i.Alerts = nil // nor which alert it was
	}
	line := append(message.Text("🔴 %s was declared by ", Named(i)), openedBy(i)...)
	if hidden {
		return message.Message{Headline: append(line, message.Span{Text: "; who works on it is invited"})}
	}
	switch trouble := flat(i.Room.Trouble[FurnishChannel]); {
	case i.Room.Channel != "" && i.Room.Channel != i.Asked.Channel:
		line = append(line, message.Join(": it goes on in ", message.Span{Kind: message.Channel, ID: i.Room.Channel})...)
	case trouble != "":
		line = append(line, message.Span{Text: ". " + trouble})
	case i.Room.Channel != "":
		line = append(line, message.Span{Text: ": it goes on in this channel"})
	case i.Room.Settled:
		line = append(line, message.Span{Text: ": it goes on here"})
	default:
		line = append(line, message.Span{Text: "; its channel is being made"})
	}
	m := message.Message{Headline: line, Context: smallPrint(i)[:1]}
	if w.Rules.Runbook != "" {
		m.Parts = []message.Part{{Lines: []message.Line{{message.LinkTo("Runbook", w.Rules.Runbook)}}}}
	}
	if i.Lead == "" && !i.Status.Over() {
		m.Actions = []message.Action{claimAction(i)}
	}
	return m
}
