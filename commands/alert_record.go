package commands

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/message"
)

// taken is what is recorded of an alert.
type taken struct {
	event    audit.Event
	domain   string // that it is mapped to; empty: to none
	request  string
	incident *incidents.Incident                // moves on
	opens    func(run int64) incidents.Incident // a new one
	beside   []audit.Event
	posts    []message.Post
}

func (a *Alerts) record(ctx context.Context, f incidents.Fired, t taken) (what, ref string, err error) {
	e := t.event
	duplicate, err := a.Ledger.Record(ctx, alertKey(f, t.domain), t.opens != nil, func(run int64) Intent {
		var in Intent
		switch {
		case t.opens != nil:
			i := t.opens(run)
			in = opening(a.Incidents, i)
			e.Request, e.Action, e.Incident, e.Target, e.After = t.request, alertOpened, i.Ref(), i.Ref(), string(i.Severity)
		case t.incident != nil:
			in.Incidents, in.Posts = []incidents.Change{{Incident: *t.incident}}, t.posts
		}
		in.Events = append([]audit.Event{e}, t.beside...)
		return in
	})
	if err != nil || duplicate {
		return "", "", err
	}
	return e.Action, e.Incident, nil
}

// event is the alert in the audit. Its words are foreign: what is kept of them is short,
// and nothing of its annotations.
func (a *Alerts) event(f incidents.Fired, rule string) audit.Event {
	action := alertFired
	if !f.Firing {
		action = alertEnded
	}
	return audit.Event{
		Request: a.NewID(), Actor: audit.Actor{Kind: audit.Alert}, Source: audit.FromAlert, Action: action, Target: clip(f.Name), Rule: rule,
		Args:    map[string]string{"alert": clip(f.Name), "fingerprint": clip(f.Fingerprint), "since": f.Since.UTC().Format(time.RFC3339)},
		Outcome: audit.Done, Version: a.Version,
	}
}

// alertKey is the same for every telling of the same beginning or end of an alert, by
// whatever group or receiver, as long as it means the same: one that was told before the
// config mapped it is taken once that does.
func alertKey(f incidents.Fired, domain string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %d %d %t", domain, f.Fingerprint, f.Name, f.Since.UnixNano(), f.Until.UnixNano(), f.Firing))
	return "alert/" + hex.EncodeToString(sum[:16])
}
