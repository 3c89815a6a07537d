package commands

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/message"
)

// noChangeText is what is said where nothing changed.
const noChangeText = "No change since the last update."

// noChangeCommand tells an audience that nothing changed: the other end of a button,
// which asks whether it is meant. The button names the update that it is about by the time
// at which that is due: pressed twice, it is sent once.
func noChangeCommand(env Env) Command {
	n := unchanged{env: env, teller: teller{env: env, name: "incident nochange", template: "update"}}
	return Command{
		Name: "incident nochange", Under: "incident", Args: "[incident] <audience> [due]", Summary: "tell an audience that nothing changed", Hidden: true,
		Examples: []string{"incident nochange executives"},
		Needs: func(ctx context.Context, c Call) ([]authz.Permission, error) {
			_, audience, _, err := n.read(ctx, c)
			if err != nil {
				return nil, err
			}
			return []authz.Permission{notifies(audience)}, nil
		},
		Prepare: n.prepare,
	}
}

// unchanged tells that nothing changed.
type unchanged struct {
	env    Env
	teller teller
}

// read gives the incident, the audience, and when the update is due that the button asked
// for; zero: it does not say.
func (n unchanged) read(ctx context.Context, c Call) (incidents.Incident, string, time.Time, error) {
	i, c, err := whichIncident(ctx, n.env, c, "incident nochange %s executives")
	if err != nil {
		return i, "", time.Time{}, err
	}
	var due time.Time
	if len(c.Args) == 2 {
		if unix, err := strconv.ParseInt(c.Args[1], 10, 64); err == nil {
			due, c.Args = time.Unix(unix, 0), c.Args[:1]
		}
	}
	if len(c.Args) != 1 || !slices.ContainsFunc(n.env.Incidents.Rules.Audiences, func(a incidents.Audience) bool { return strings.EqualFold(a.Name, c.Args[0]) }) {
		return i, "", due, badInput("To whom is nothing to be reported? Name one audience.").try("notify update " + i.Ref())
	}
	return i, strings.ToLower(c.Args[0]), due, nil
}

func (n unchanged) prepare(ctx context.Context, c Call) (Prepared, error) {
	i, audience, due, err := n.read(ctx, c)
	if err != nil {
		return Prepared{}, err
	}
	refused := Prepared{Incident: i.Ref()}
	if err := n.stillDue(i, audience, due); err != nil {
		return refused, err
	}
	fields := map[string]string{"says": noChangeText, "audience": audience}
	notice, v, err := n.teller.compose(ctx, c, "update", i, fields)
	if err != nil {
		return refused, err
	}
	if err := incidents.NoChange(v, n.env.Incidents, audience); err != nil {
		return refused, notMoved(err)
	}
	return sending{env: n.env, view: v, draft: incidents.Sealed{Seal: notice.Seal(), Notice: notice}}.prepare(c)
}

// toldJustNow is how long after a notice nobody needs to hear that nothing changed.
const toldJustNow = time.Minute

// stillDue refuses what somebody else answered in between.
func (n unchanged) stillDue(i incidents.Incident, audience string, due time.Time) error {
	clock := i.Clocks[audience]
	other := !due.IsZero() && clock.Due.Unix() != due.Unix()
	if !other && (clock.Last.IsZero() || n.env.Now().Sub(clock.Last) >= toldJustNow) {
		return nil
	}
	return badInput("The update for %s was sent or put off in between, so I sent nothing.", audience).try("incident status " + i.Ref())
}

// resendCommand sends a delivery again that was refused, or of which nobody knows
// whether it arrived: the other end of a button.
func resendCommand(env Env) Command {
	return Command{
		Name: "resend", Args: "<delivery>", Summary: "send one delivery of a notice again", Hidden: true,
		Examples: []string{"notify update"},
		Needs: func(ctx context.Context, c Call) ([]authz.Permission, error) {
			f, err := deliveryOf(ctx, env, c)
			return []authz.Permission{notifies(f.delivery.Audience)}, err
		},
		Prepare: func(ctx context.Context, c Call) (Prepared, error) {
			f, err := deliveryOf(ctx, env, c)
			if err != nil {
				return Prepared{}, err
			}
			if err := f.against(); err != nil {
				return Prepared{Incident: f.view.Incident.Ref()}, err
			}
			return resent(c, f.view, f.delivery), nil
		},
	}
}

// found is a delivery with all that is known of its incident.
type found struct {
	view     incidents.View
	notice   incidents.Notice
	delivery incidents.Delivery
}

// against says why a delivery is not sent again: what it says may be true no more.
func (f found) against() error {
	i, d := f.view.Incident, f.delivery
	switch {
	case d.State != incidents.Refused && d.State != incidents.Unclear:
		return badInput("%s is %s, so there is nothing to send again.", incidents.DeliveryRef(d.Notice, d.N), d.State).try("incident timeline " + i.Ref())
	case i.Status == incidents.Declined || i.Status == incidents.Merged:
		return badInput("%s is %s, so nobody is told about it any more.", i.Ref(), i.Status).try("incident list")
	}
	return notTrue(incidents.StillTrue(f.view, f.notice))
}

func resent(c Call, v incidents.View, d incidents.Delivery) Prepared {
	i, ref := v.Incident, incidents.DeliveryRef(d.Notice, d.N)
	says := message.Join(ref, " to ", d.Audience, " is sent again, says ", byWhom(c), ".")
	p := Prepared{
		Target: ref, Incident: i.Ref(), Before: string(d.State), After: string(incidents.Waiting),
		Args: map[string]string{"notice": incidents.NoticeRef(d.Notice), "audience": d.Audience},
		Build: func(int64) Intent {
			return Intent{
				Again: &incidents.Again{Notice: d.Notice, N: d.N, State: d.State},
				Posts: []message.Post{saidIn(c, i, message.Message{Headline: says})},
			}
		},
	}
	if c.Request.Channel != i.Where() {
		p.Reply = &message.Message{Headline: says}
	}
	return p
}

// deliveryOf reads the one argument as a delivery: N-1043/3. Its incident may be over.
func deliveryOf(ctx context.Context, env Env, c Call) (found, error) {
	if c.Place.Shared {
		return found{}, errSharedIncident()
	}
	if len(c.Args) != 1 {
		return found{}, badInput("Which delivery? Press the button under a notice.").try("incident timeline")
	}
	notice, n, err := incidents.ParseDeliveryRef(c.Args[0])
	if err != nil {
		return found{}, badInput("\"%s\" is not a delivery; deliveries look like N-1043/3.", clip(c.Args[0])).try("incident timeline")
	}
	id, err := env.Archive.IncidentOfNotice(ctx, notice)
	if errors.Is(err, incidents.ErrNotFound) {
		return found{}, badInput("There is no notice %s.", incidents.NoticeRef(notice)).try("incident timeline")
	}
	if err != nil {
		return found{}, err
	}
	v, err := viewOf(ctx, env, id)
	if err != nil {
		return found{}, err
	}
	if hidden(c, v.Incident) {
		return found{}, errPrivate(v.Incident)
	}
	for _, sent := range v.Notices {
		for _, d := range sent.Deliveries {
			if sent.ID == notice && d.N == n {
				return found{view: v, notice: sent.Notice, delivery: d}, nil
			}
		}
	}
	return found{}, badInput("%s has no delivery %s.", v.Incident.Ref(), incidents.DeliveryRef(notice, n)).try("incident timeline " + v.Incident.Ref())
}
