package bot

import (
	"context"
	"encoding/json"

	"github.com/integritybot/integritybot/incidents"
)

// Witness is told where something happened to a message. It must have written it down
// before it returns, because Slack is answered then; an error has Slack send it again.
type Witness interface {
	Sight(ctx context.Context, s incidents.Sighting) error
}

// Kinds of sightings, by Slack's names of the events.
const (
	sightChanged = "message_changed"
	sightDeleted = "message_deleted"
)

// item is what a pin or a reaction is on.
type item struct {
	Type    string `json:"type"`
	Channel string `json:"channel"`
	TS      string `json:"ts"`
	Message struct {
		TS string `json:"ts"`
	} `json:"message"`
}

// version is a message before or after it was changed.
type version struct {
	TS      string `json:"ts"`
	Subtype string `json:"subtype"`
	User    string `json:"user"`
	BotID   string `json:"bot_id"`
}

// sighting is where an event points to. why says why it is of no interest. What is true
// there now is looked up by others: events may come late, twice, and in any order.
func (d *dispatcher) sighting(e envelope, id string, ev event) (s incidents.Sighting, why string) {
	s = incidents.Sighting{Event: id, Channel: ev.Channel, Kind: ev.Type, At: e.received}
	switch ev.Type {
	case "reaction_added", "reaction_removed":
		if d.reaction == "" || bareReaction(ev.Reaction) != bareReaction(d.reaction) {
			return s, "a reaction that means nothing here"
		}
		s.Channel, s.TS = ev.Item.Channel, ev.Item.TS
	case "pin_added", "pin_removed":
		setZero(&s.Channel, ev.ChannelID)
		setZero(&s.Channel, ev.Item.Channel)
		s.TS = ev.Item.Message.TS
		setZero(&s.TS, ev.Item.TS)
	case "message":
		s.Kind = ev.Subtype
		why = d.changed(&s, ev)
	default:
		why = "event " + ev.Type
	}
	if why == "" && (s.Channel == "" || s.TS == "") {
		why = "an event that names no message"
	}
	return s, why
}

// changed fills in which message was changed or deleted.
func (d *dispatcher) changed(s *incidents.Sighting, ev event) (why string) {
	switch ev.Subtype {
	case sightDeleted:
		s.TS = ev.DeletedTS
		return ""
	case sightChanged:
		s.TS = ev.Message.TS
		switch {
		case ev.Message.Subtype == "tombstone": // was deleted, and its thread is left
			s.Kind = sightDeleted
		case ev.Message.User == d.me.User || ev.Message.BotID != "" && ev.Message.BotID == d.me.BotID:
			return "a change of the bot's own"
		}
		return ""
	}
	return "a message of subtype " + ev.Subtype
}

// readSighting is what to do about an event that may concern the timeline.
func (d *dispatcher) readSighting(e envelope, id string, ev event) act {
	if d.witness == nil {
		return act{why: "event " + ev.Type}
	}
	s, why := d.sighting(e, id, ev)
	if why != "" {
		return act{why: why}
	}
	return act{id: id, do: func(ctx context.Context) error { return d.witness.Sight(ctx, s) }}
}

// message is the message of a message_changed event. In other events the field of this
// name may be anything, which must not make them unreadable.
func (v *version) UnmarshalJSON(raw []byte) error {
	type plain version
	var p plain
	if json.Unmarshal(raw, &p) == nil {
		*v = version(p)
	}
	return nil
}
