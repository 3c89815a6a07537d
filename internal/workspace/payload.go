package workspace

import "maps"

// The payloads of slack-platform "A2": exactly these fields.

func (w *Workspace) teamJSON() obj { return obj{"id": w.opt.TeamID, "domain": w.opt.TeamDomain} }

// userRef is the user of an interaction: without the guest flags.
func (w *Workspace) userRef(p *Person) obj {
	return obj{"id": p.ID, "username": p.Name, "name": p.Name, "team_id": w.teamOf(p)}
}

func channelRef(c *Channel) obj { return obj{"id": c.ID, "name": c.shownName()} }

// slashPayload is the payload of a slash command. There is no thread_ts.
func (w *Workspace) slashPayload(p *Person, c *Channel, command, text, url string) obj {
	return obj{
		"token": "verification", "team_id": w.opt.TeamID, "team_domain": w.opt.TeamDomain, "channel_id": c.ID,
		"channel_name": c.shownName(), "user_id": p.ID, "user_name": p.Name, "command": command, "text": text,
		"api_app_id": w.app.ID, "is_enterprise_install": "false", "response_url": url, "trigger_id": w.newTrigger(p.ID),
	}
}

// interaction is what all interactive payloads share.
func (w *Workspace) interaction(kind string, p *Person) obj {
	return obj{
		"type": kind, "token": "verification", "team": w.teamJSON(), "user": w.userRef(p), "api_app_id": w.app.ID,
		"enterprise": nil, "is_enterprise_install": false, "trigger_id": w.newTrigger(p.ID),
	}
}

// clickPayload is a block_actions payload for an element of a message. The
// message itself is left out when it is ephemeral.
func (w *Workspace) clickPayload(p *Person, c *Channel, m *message, action obj, url string) obj {
	container := obj{"type": "message", "message_ts": m.ts, "channel_id": c.ID, "is_ephemeral": m.visibleTo != ""}
	if m.isReply() {
		container["thread_ts"] = m.threadTS
	}
	out := w.interaction("block_actions", p)
	maps.Copy(out, obj{
		"container": container, "channel": channelRef(c), "response_url": url, "actions": []obj{action},
		"state": obj{"values": stateOf(action)},
	})
	if m.visibleTo == "" {
		out["message"] = w.messageJSON(c, m, true)
	}
	return out
}

// stateOf is state.values of a message after action: buttons have no state.
func stateOf(action obj) obj {
	value := obj{}
	for key, v := range action {
		switch key {
		case "type", "value", "selected_option", "selected_options", "selected_date", "selected_time", "selected_user",
			"selected_users", "selected_channel", "selected_channels", "selected_conversation", "selected_conversations":
			value[key] = v
		}
	}
	block, _ := action["block_id"].(string)
	id, _ := action["action_id"].(string)
	if action["type"] == "button" || action["type"] == "overflow" {
		return obj{}
	}
	return obj{block: obj{id: value}}
}

// messageEvent tells a subscribed bot of a new message, its own included.
func (w *Workspace) messageEvent(c *Channel, m *message) {
	if !c.has(w.app.BotUserID) || !w.app.has(c.scopeFor("history")) {
		return
	}
	event := w.messageJSON(c, m, true)
	event["channel"], event["channel_type"], event["event_ts"] = c.ID, c.kind(), m.ts
	w.namedEvent(messageSubscription(c), c, m.user, event)
}

// changeEvent tells a subscribed bot of an edit.
func (w *Workspace) changeEvent(c *Channel, m *message, before obj) {
	if !c.has(w.app.BotUserID) || !w.app.has(c.scopeFor("history")) {
		return
	}
	ts := w.nextTS()
	w.namedEvent(messageSubscription(c), c, m.user, obj{
		"type": "message", "subtype": "message_changed", "hidden": true, "channel": c.ID, "channel_type": c.kind(),
		"ts": ts, "event_ts": ts, "message": w.messageJSON(c, m, true), "previous_message": before,
	})
}

// deleteEvent tells a subscribed bot of a deletion.
func (w *Workspace) deleteEvent(c *Channel, m *message, before obj) {
	if !c.has(w.app.BotUserID) || !w.app.has(c.scopeFor("history")) {
		return
	}
	ts := w.nextTS()
	w.namedEvent(messageSubscription(c), c, m.user, obj{
		"type": "message", "subtype": "message_deleted", "hidden": true, "channel": c.ID, "channel_type": c.kind(),
		"ts": ts, "event_ts": ts, "deleted_ts": m.ts, "previous_message": before,
	})
}

func messageSubscription(c *Channel) string {
	return map[string]string{"im": "message.im", "mpim": "message.mpim", "group": "message.groups", "channel": "message.channels"}[c.kind()]
}
