package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// Alerts takes what a monitoring system tells. An alert that the config maps opens an
// incident, or is noted in the one that is open for its domain; any other one is only
// recorded. It is for several callers at once.
type Alerts struct {
	Ledger    Ledger
	Archive   IncidentArchive
	Incidents incidents.Wording
	Domains   []string // that checks are declared for: an alert may name one itself
	Now       func() time.Time
	NewID     func() string // request ids
	Version   string
	Log       *slog.Logger

	turnedAway refusals
	// unmapped counts, by name, alerts that mean nothing here: they may not fill the
	// records. What was told twice is among them, so what is left is recorded nowhere.
	unmapped refusals
}

// Take records alerts, each of them once however often it is told, and says in a
// sentence what came of it. An error means that they are to be told again: what was
// recorded then is not recorded twice. One that cannot be taken holds up no other.
func (a *Alerts) Take(ctx context.Context, fired []incidents.Fired) (string, error) {
	var opened, noted []string
	var failed error
	known := 0
	for _, f := range fired {
		what, ref, err := a.one(ctx, f)
		switch {
		case err != nil:
			failed = cmp.Or(failed, fmt.Errorf("alert %s: %w", clip(f.Name), err))
		case what == alertOpened:
			opened = append(opened, ref)
		case ref != "":
			noted = append(noted, ref)
		default:
			known++
		}
	}
	return tookSentence(opened, noted, known), failed
}

func tookSentence(opened, noted []string, others int) string {
	var parts []string
	if len(opened) > 0 {
		parts = append(parts, "opened "+strings.Join(opened, ", "))
	}
	if len(noted) > 0 {
		slices.Sort(noted)
		parts = append(parts, "noted in "+strings.Join(slices.Compact(noted), ", "))
	}
	if others > 0 {
		parts = append(parts, phrase.Plural(int64(others), "alert")+" changed nothing")
	}
	if len(parts) == 0 {
		return "There was no alert in it."
	}
	return strings.ToUpper(parts[0][:1]) + strings.Join(parts, "; ")[1:] + "."
}

// What came of an alert, as the audit names it.
const (
	alertOpened = "alert.declare"
	alertFired  = "alert.fired"
	alertEnded  = "alert.ended"
)

// one takes one alert: from what is true now, and again if that changed in between.
func (a *Alerts) one(ctx context.Context, f incidents.Fired) (what, ref string, err error) {
	err = incidents.ErrMoved
	for n := 0; moved(err) && n < againAtMost && ctx.Err() == nil; n++ {
		what, ref, err = a.once(ctx, f)
	}
	return what, ref, err
}

func (a *Alerts) once(ctx context.Context, f incidents.Fired) (what, ref string, err error) {
	rule, mapped := a.rule(f)
	if !mapped {
		return a.unknown(ctx, f)
	}
	open, err := a.Archive.IncidentOf(ctx, rule.Domain)
	if errors.Is(err, incidents.ErrNotFound) {
		open, err = a.goesOn(ctx, rule.Domain)
	}
	switch {
	case errors.Is(err, incidents.ErrNotFound) && f.Firing:
		return a.open(ctx, f, rule)
	case errors.Is(err, incidents.ErrNotFound):
		return a.record(ctx, f, taken{event: a.event(f, "no incident is open for it"), domain: rule.Domain})
	case err != nil:
		return "", "", err
	}
	return a.note(ctx, f, rule.Domain, open)
}

// unknown records an alert that the config does not map: at most one in 10 s and by its
// name, with how many there were.
func (a *Alerts) unknown(ctx context.Context, f incidents.Fired) (what, ref string, err error) {
	n := a.unmapped.due(clip(f.Name), a.Now())
	if n == 0 {
		return "", "", nil
	}
	e := a.event(f, "the config maps no such alert")
	if n > 1 {
		e.Args["count"] = strconv.Itoa(n)
	}
	return a.record(ctx, f, taken{event: e})
}

// goesOn is the incident as which the last one of a key goes on that was merged.
func (a *Alerts) goesOn(ctx context.Context, key string) (incidents.Incident, error) {
	all, err := a.Archive.Incidents(ctx, true, rememberedIncidents)
	if err != nil {
		return incidents.Incident{}, err
	}
	n := slices.IndexFunc(all, func(o incidents.Opened) bool { return o.Incident.Key == key })
	if n < 0 {
		return incidents.Incident{}, incidents.ErrNotFound
	}
	i := all[n].Incident
	for range rememberedIncidents { // merged into one that was merged
		if i.Status != incidents.Merged {
			break
		}
		if i, err = a.Archive.Incident(ctx, i.Into); err != nil {
			return i, err
		}
	}
	if !i.Held() {
		return i, incidents.ErrNotFound
	}
	return i, nil
}

// rule is what the config says about an alert. The domain that the alert itself names
// comes before the config's, if checks are declared for it.
func (a *Alerts) rule(f incidents.Fired) (incidents.AlertRule, bool) {
	rule, mapped := a.Incidents.Rules.Alerts[f.Name]
	if own := strings.ToLower(f.Domain); slices.Contains(a.Domains, own) {
		rule.Domain = own
	}
	return rule, mapped && rule.Domain != ""
}

// open declares an incident. People read of it where the config says, until it has a
// channel.
func (a *Alerts) open(ctx context.Context, f incidents.Fired, rule incidents.AlertRule) (what, ref string, err error) {
	id := a.NewID()
	return a.record(ctx, f, taken{event: a.event(f, ""), domain: rule.Domain, request: id, opens: func(run int64) incidents.Incident {
		return incidents.Declare(incidents.Declaration{
			ID: run, Key: rule.Domain, Domain: rule.Domain, Title: rule.Title, Severity: rule.Severity, Source: audit.FromAlert, Request: id,
			Asked: incidents.Place{Channel: a.Incidents.Rules.Fallback}, At: a.Now(), Alert: &f,
		}, a.Incidents)
	}})
}

// note notes an alert in the incident that holds its domain. One that fires while that is
// resolved and still watched opens it again.
func (a *Alerts) note(ctx context.Context, f incidents.Fired, domain string, open incidents.Incident) (what, ref string, err error) {
	to, changed := open.Alerted(f, a.Incidents)
	if !changed {
		return "", "", nil
	}
	move := incidents.Move{At: a.Now()}
	t := taken{event: a.event(f, ""), domain: domain, incident: &to}
	t.event.Incident, t.event.Target, t.event.Channel = open.Ref(), open.Ref(), open.Where()
	if f.Firing && open.Status == incidents.Resolved && open.End != nil && f.Since.After(open.End.At) {
		if err := a.reopen(&t, f, move); err != nil {
			return "", "", err
		}
	}
	return a.record(ctx, f, t)
}

// reopen opens the incident again that an alert is noted in, and says so in its channel.
func (a *Alerts) reopen(t *taken, f incidents.Fired, move incidents.Move) error {
	was, why := *t.incident, "the alert "+clip(f.Name)+" fires again"
	again, err := was.Reopen(move, why, a.Incidents.Rules)
	if err != nil {
		return err
	}
	e := was.Log("incident.reopen", map[string]string{"why": why})
	e.Before, e.After, e.Version = string(was.Status), string(again.Status), a.Version
	t.incident, t.beside = &again, []audit.Event{e}
	if again.Where() != "" {
		t.posts = []message.Post{{
			Key: "incident/" + again.Ref() + "/reopened/" + strconv.Itoa(again.Reopened), Channel: again.Where(), Final: true,
			Message: message.Message{Headline: message.Join("🔴 ", again.Ref(), " is open again: "+why+", since ", message.At(f.Since), ".")},
		}}
	}
	return nil
}
