package workspace

import (
	"slices"
	"time"
)

// maxAck is the size, in bytes, from which Slack drops acknowledgements.
const maxAck = 20 * 1024

// How an envelope ended.
type outcome int

const (
	acked outcome = iota
	timedOut
	nobodyThere // no connection was open
)

// envelope is a payload on its way to the bot.
type envelope struct {
	id, kind  string
	payload   obj
	acceptsIt bool // accepts_response_payload
	attempt   int
	sentAt    time.Time
	sentOn    []*link
	stop      func() bool
	// ended is called once, under the mutex, with the payload of the
	// acknowledgement, if there was one and it is accepted.
	ended func(o outcome, answer any)
}

// deliver sends an envelope over a connection picked at random and starts its
// three seconds.
func (w *Workspace) deliver(e *envelope) {
	e.id = w.secret()
	e.sentAt = w.now()
	if len(w.links) == 0 {
		w.note(Entry{Kind: "envelope", EnvelopeID: e.id, Type: e.kind, Payload: e.payload, Retry: e.attempt, Event: "no_connection"})
		e.ended(nobodyThere, nil)
		return
	}
	body := obj{"envelope_id": e.id, "type": e.kind, "payload": e.payload, "accepts_response_payload": e.acceptsIt}
	if e.kind == eventsAPI {
		body["retry_attempt"], body["retry_reason"] = e.attempt, ""
		if e.attempt > 0 {
			body["retry_reason"] = "timeout"
		}
	}
	// The three seconds run before the envelope is out: whoever has read it may turn the clock on.
	w.pending[e.id] = e
	e.stop = w.after(w.opt.Timing.Ack, func() {
		delete(w.pending, e.id)
		w.note(Entry{Kind: "ack", EnvelopeID: e.id, Type: e.kind, Event: "timeout", LatencyMS: w.latency(e)})
		e.ended(timedOut, nil)
	})
	copies := 1
	if f := w.socketFaultOf("duplicate"); f != nil {
		copies = max(2, f.Count)
	}
	for range copies {
		if len(w.links) == 0 {
			break // the last one was cut for not reading
		}
		l := w.links[w.rng.IntN(len(w.links))]
		l.send(body)
		e.sentOn = append(e.sentOn, l)
		w.note(Entry{Kind: "envelope", EnvelopeID: e.id, Type: e.kind, Conn: l.id, Payload: e.payload, Retry: e.attempt})
	}
}

func (w *Workspace) latency(e *envelope) float64 {
	return float64(w.now().Sub(e.sentAt).Microseconds()) / 1000
}

// acknowledge ends an envelope. The journal notes where the acknowledgement
// came, and objects when that is not where the envelope went.
func (w *Workspace) acknowledge(l *link, id string, answer any) {
	e := w.pending[id]
	entry := Entry{Kind: "ack", EnvelopeID: id, Conn: l.id}
	if e == nil {
		entry.Event = "late"
		if !w.journal.sent(id) {
			entry.Violation = "acknowledgement of an envelope that was never sent"
		}
		w.note(entry)
		return
	}
	if fields, ok := answer.(map[string]any); ok && len(fields) == 0 {
		answer = nil // the official clients send an empty object for nothing
	}
	entry.Type, entry.LatencyMS = e.kind, w.latency(e)
	if !slices.Contains(e.sentOn, l) {
		entry.Violation = "acknowledged on another connection than the envelope's"
	}
	if answer != nil && !e.acceptsIt {
		entry.Violation = "the envelope does not accept a response payload; it is ignored"
		answer = nil
	}
	entry.Response = answer
	w.note(entry)
	delete(w.pending, id)
	e.stop()
	e.ended(acked, answer)
}

// sent reports whether the journal still knows of an envelope.
func (j *journal) sent(id string) bool {
	return slices.ContainsFunc(j.entries, func(e Entry) bool { return e.Kind == "envelope" && e.EnvelopeID == id })
}

// The types of envelopes.
const (
	eventsAPI     = "events_api"
	slashCommands = "slash_commands"
	interactive   = "interactive"
)

// event sends an Events API event about something user did in ch (nil: in no
// channel), if the bot subscribed to it, and redelivers it until it is
// acknowledged or the schedule is through.
func (w *Workspace) event(ch *Channel, user string, event obj) {
	name, _ := event["type"].(string)
	w.namedEvent(name, ch, user, event)
}

// namedEvent is event for those whose subscription is called differently from
// their type, as message.channels.
func (w *Workspace) namedEvent(subscription string, ch *Channel, user string, event obj) {
	if !w.app.subscribed(subscription) {
		return
	}
	if event["event_ts"] == nil {
		event["event_ts"] = w.nextTS()
	}
	channelID := ""
	if ch != nil {
		channelID = ch.ID
	}
	payload := obj{
		"token": "verification", "team_id": w.opt.TeamID, "context_team_id": w.opt.TeamID, "context_enterprise_id": nil,
		"api_app_id": w.app.ID, "event": event, "type": "event_callback", "event_id": w.newID("Ev"),
		"event_time": w.now().Unix(), "is_ext_shared_channel": ch != nil && ch.ExtShared,
		"event_context": "4-" + w.secret() + channelID,
		"authorizations": []obj{{
			"enterprise_id": nil, "team_id": w.opt.TeamID, "user_id": w.app.BotUserID,
			"is_bot": true, "is_enterprise_install": false,
		}},
	}
	if p := w.people[user]; p != nil && p.Kind == Outsider {
		event["user_team"], event["source_team"] = OutsideTeamID, OutsideTeamID
	}
	w.deliverEvent(payload, 0)
}

func (w *Workspace) deliverEvent(payload obj, attempt int) {
	e := &envelope{kind: eventsAPI, payload: payload, attempt: attempt}
	e.ended = func(o outcome, _ any) {
		if o == acked || attempt >= len(w.opt.Timing.EventRetryAfter) {
			return
		}
		again := func() { w.deliverEvent(payload, attempt+1) }
		wait := w.opt.Timing.EventRetryAfter[attempt]
		if o == nobodyThere {
			wait = max(wait, time.Second)
		}
		if wait == 0 {
			again()
			return
		}
		w.after(wait, again)
	}
	w.deliver(e)
}
