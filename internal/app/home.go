package app

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/message"
)

// shelf is what the Home tab shows of what is stored.
type shelf interface {
	Incidents(ctx context.Context, all bool, limit int) ([]incidents.Opened, error)
	Incident(ctx context.Context, id int64) (incidents.Incident, error)
	WaitingPlans(ctx context.Context, limit int) ([]fix.Plan, error)
	LatestRuns(ctx context.Context, limit int) ([]check.Run, error)
}

// home is the Home tab: what is going on, what waits for this person, and what they
// may do. It shows nobody what they may not ask for.
type home struct {
	word      string
	words     incidents.Wording
	catalog   check.Catalog
	fixes     fix.Catalog
	policy    authz.Policy
	directory commands.Directory
	shelf     shelf
	now       func() time.Time
	log       *slog.Logger
}

const (
	homeIncidents = 5
	homePlans     = 5
	homeRuns      = 5
	// homeLooks is how many plans and runs are looked through for those.
	homeLooks = 50
)

// Home implements bot.Home.
func (h home) Home(ctx context.Context, actor audit.Actor) (message.Message, error) {
	subject, err := h.directory.Subject(ctx, actor, false)
	if err != nil {
		return message.Message{}, err
	}
	m := message.Message{Headline: message.Text("Integrity Bot: is the data right?")}
	if d, barred := h.policy.Barred(subject); barred {
		m.Parts = []message.Part{{Lines: []message.Line{message.Text("%s", d.Reason)}}}
		return m, nil
	}
	for _, section := range []struct {
		what string
		make func(context.Context, authz.Subject) ([]message.Part, error)
	}{
		{"the open incidents", h.incidents}, {"the plans that wait", h.plans}, {"the last runs", h.runs},
	} {
		parts, err := section.make(ctx, subject)
		if err != nil {
			h.log.Warn("a part of the Home tab is missing", "part", section.what, "error", err)
			parts = []message.Part{{Lines: []message.Line{message.Text("I could not look up %s just now; open this tab again in a minute.", section.what)}}}
		}
		m.Parts = append(m.Parts, parts...)
	}
	m.Parts = append(m.Parts, h.rights(subject)...)
	return m, nil
}

func (h home) may(s authz.Subject, need authz.Permission) bool {
	return h.policy.Decide(s, need).Allowed
}

// incidents are those that are not over, with who leads them.
func (h home) incidents(ctx context.Context, s authz.Subject) ([]message.Part, error) {
	if !h.may(s, "incident:read") {
		return nil, nil
	}
	open, err := h.shelf.Incidents(ctx, false, homeIncidents+1)
	if err != nil {
		return nil, err
	}
	head := message.Part{Lines: []message.Line{message.Join(message.Strong("Open incidents"))}}
	if len(open) == 0 {
		head.Lines = append(head.Lines, message.Text("No incident is open."))
	}
	parts := []message.Part{head}
	for n, one := range open {
		if n == homeIncidents {
			parts = append(parts, message.Part{Lines: []message.Line{message.Join("There are more: ", message.Mono(h.word+" incident list"))}})
			break
		}
		part := message.Part{Lines: []message.Line{openLine(one.Incident)}}
		if one.Incident.Lead == "" && !one.Incident.Private && h.may(s, "incident:manage") {
			part.Actions = append(part.Actions, message.Action{Verb: "incident", Ref: "claim " + one.Incident.Ref(), Label: "I lead " + one.Incident.Ref()})
		}
		parts = append(parts, split(part)...)
	}
	if h.may(s, "incident:declare") {
		parts = append(parts, message.Part{Actions: []message.Action{{Verb: "incident", Ref: "declare", Label: "Declare an incident", Form: true}}})
	}
	return parts, nil
}

// split makes two parts of one that has lines and buttons: a part is one thing.
func split(p message.Part) []message.Part {
	if len(p.Actions) == 0 {
		return []message.Part{p}
	}
	return []message.Part{{Lines: p.Lines}, {Actions: p.Actions}}
}

// openLine says of a private incident no more than that there is one: who is in its
// channel finds it there.
func openLine(i incidents.Incident) message.Line {
	line := message.Join(message.Strong(incidents.Named(i)), ", "+string(i.Status))
	if i.Private {
		return message.Join(line, ".")
	}
	if where := i.Where(); where != "" {
		line = message.Join(line, " in ", message.Span{Kind: message.Channel, ID: where})
	}
	if i.Lead == "" {
		return message.Join(line, ". Nobody leads it yet.")
	}
	return message.Join(line, ", led by ", message.Mention(i.Lead), ".")
}

// plans are those that this person may let pass.
func (h home) plans(ctx context.Context, s authz.Subject) ([]message.Part, error) {
	waiting, err := h.shelf.WaitingPlans(ctx, homeLooks)
	if err != nil {
		return nil, err
	}
	now := h.now()
	waiting = slices.DeleteFunc(waiting, func(p fix.Plan) bool {
		clicker := fix.Clicker{Subject: s, Typed: p.Draft.Typed}
		return !fix.Decide(p, fix.Confirm, clicker, h.policy, h.fixes[p.Check].Digest, now).Allowed
	})
	if len(waiting) == 0 {
		return nil, nil
	}
	parts := []message.Part{{Lines: []message.Line{message.Join(message.Strong("Waiting for you"))}}}
	for _, p := range waiting[:min(len(waiting), homePlans)] {
		parts = append(parts,
			message.Part{Lines: []message.Line{message.Join(message.Strong(p.Ref()), ": "+p.Draft.Button+" in "+p.Draft.Place+", asked for by ", message.Mention(p.AskedBy), "; it expires ", message.At(p.Expires), ".")}},
			message.Part{Actions: []message.Action{{Verb: "plan", Ref: p.Ref(), Label: "Show " + p.Ref()}}})
	}
	if more := len(waiting) - homePlans; more > 0 {
		parts = append(parts, message.Part{Lines: []message.Line{message.Text("and %d more.", more)}})
	}
	return parts, nil
}
