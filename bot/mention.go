package bot

import (
	"context"
	"encoding/json"
	"regexp"
	"strings"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/audit"
)

// eventEnvelope is the wrapper of an event, and event the little of it that we
// use. Decoding no more than that means that a new kind of block in somebody's
// message can never make a mention unreadable.
type eventEnvelope struct {
	EventID      string `json:"event_id"`
	TeamID       string `json:"team_id"`
	EnterpriseID string `json:"enterprise_id"`
	Event        event  `json:"event"`
}

type event struct {
	Type     string          `json:"type"`
	Subtype  string          `json:"subtype"`
	User     string          `json:"user"`
	UserTeam string          `json:"user_team"`
	BotID    string          `json:"bot_id"`
	AppID    string          `json:"app_id"`
	Text     string          `json:"text"`
	TS       string          `json:"ts"`
	ThreadTS string          `json:"thread_ts"`
	Channel  string          `json:"channel"`
	Tab      string          `json:"tab"`
	Edited   json.RawMessage `json:"edited"`
	// Of what happened to a message: see sighting.
	ChannelID string  `json:"channel_id"`
	DeletedTS string  `json:"deleted_ts"`
	Reaction  string  `json:"reaction"`
	Item      item    `json:"item"`
	Message   version `json:"message"`
}

// Only messages that a person typed just now count. A subtype that is not here
// (message_changed, bot_message, …) may carry another person's words.
var typedSubtypes = map[string]bool{"": true, "file_share": true, "thread_broadcast": true}

func (d *dispatcher) readEvent(e envelope) (act, error) {
	var w eventEnvelope
	if err := json.Unmarshal(e.Payload, &w); err != nil {
		return act{}, err
	}
	setZero(&w.EventID, e.EnvelopeID)
	ev := w.Event
	setZero(&ev.UserTeam, w.TeamID)
	switch ev.Type {
	case "app_mention":
		return d.readMention(e, w.EventID, ev, person(w.EnterpriseID, ev.UserTeam, ev.User)), nil
	case "app_home_opened":
		if d.home == nil || ev.Tab != "home" {
			return act{why: "no home tab to show"}, nil
		}
		actor := person(w.EnterpriseID, ev.UserTeam, ev.User)
		return act{id: w.EventID, do: func(ctx context.Context) error { return d.showHome(ctx, actor) }}, nil
	}
	return d.readSighting(e, w.EventID, ev), nil
}

func (d *dispatcher) readMention(e envelope, id string, ev event, who audit.Actor) act {
	switch {
	case ev.User == "" || ev.User == d.me.User || ev.BotID != "" || ev.AppID != "":
		return act{why: "a mention by a bot"}
	case !typedSubtypes[ev.Subtype]:
		return act{why: "a mention in a message of subtype " + ev.Subtype}
	case len(ev.Edited) > 0 && string(ev.Edited) != "null":
		return act{why: "a mention in an edited message"}
	}
	return act{id: id, requests: []commands.Request{{
		Key:     id,
		Actor:   who,
		Source:  audit.FromMention,
		Channel: ev.Channel,
		Thread:  ev.ThreadTS,
		Text:    afterMention(ev.Text, d.me.User),
		At:      e.received,
	}}}
}

// afterMention is what follows the first mention of the bot, or what comes
// before it when nothing follows.
func afterMention(text, user string) string {
	at := regexp.MustCompile(`<@` + regexp.QuoteMeta(user) + `(\|[^<>]*)?>`).FindStringIndex(text)
	if at == nil {
		return plainTokens(text)
	}
	if after := plainTokens(strings.TrimLeft(text[at[1]:], " :,\u00a0")); after != "" {
		return after
	}
	return plainTokens(text[:at[0]])
}
