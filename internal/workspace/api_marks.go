package workspace

import "slices"

// marked finds the message that a pin or reaction call names.
func (w *Workspace) marked(c *call) (*Channel, *message, *apiError) {
	ch, err := w.visibleChannel(c.text("channel"))
	if err != nil {
		return nil, nil, err
	}
	if !ch.has(w.app.BotUserID) {
		return nil, nil, fail("not_in_channel")
	}
	if !c.given("timestamp") {
		return nil, nil, fail("no_item_specified")
	}
	m := ch.find(c.text("timestamp"))
	if m == nil {
		return nil, nil, fail("message_not_found")
	}
	return ch, m, nil
}

func pinsAdd(w *Workspace, c *call) (obj, *apiError) {
	ch, m, err := w.marked(c)
	if err != nil {
		return nil, err
	}
	if !w.pin(ch, m, w.app.BotUserID) {
		return nil, fail("already_pinned")
	}
	return obj{}, nil
}

func (w *Workspace) pin(ch *Channel, m *message, by string) bool {
	if slices.ContainsFunc(ch.pins, func(p pin) bool { return p.ts == m.ts }) {
		return false
	}
	ch.pins = append(ch.pins, pin{ts: m.ts, by: by, at: w.now()})
	w.publish(notice{Type: "pin", Channel: ch.ID, TS: m.ts})
	return true
}

func (w *Workspace) unpin(ch *Channel, m *message) bool {
	before := len(ch.pins)
	ch.pins = slices.DeleteFunc(ch.pins, func(p pin) bool { return p.ts == m.ts })
	w.publish(notice{Type: "pin", Channel: ch.ID, TS: m.ts})
	return len(ch.pins) < before
}

func pinsRemove(w *Workspace, c *call) (obj, *apiError) {
	ch, m, err := w.marked(c)
	if err != nil {
		return nil, err
	}
	if !w.unpin(ch, m) {
		return nil, fail("no_pin")
	}
	return obj{}, nil
}

func pinsList(w *Workspace, c *call) (obj, *apiError) {
	ch, err := w.visibleChannel(c.text("channel"))
	if err != nil {
		return nil, err
	}
	items := []obj{}
	for _, p := range slices.Backward(ch.pins) {
		if m := ch.find(p.ts); m != nil {
			items = append(items, obj{
				"type": "message", "channel": ch.ID, "created": p.at.Unix(),
				"created_by": p.by, "message": w.messageJSON(ch, m, false),
			})
		}
	}
	return obj{"items": items}, nil
}

func reactionsAdd(w *Workspace, c *call) (obj, *apiError) {
	ch, m, err := w.marked(c)
	if err != nil {
		return nil, err
	}
	if !reactionName.MatchString(c.text("name")) {
		return nil, fail("invalid_name")
	}
	if !w.react(ch, m, c.text("name"), w.app.BotUserID) {
		return nil, fail("already_reacted")
	}
	return obj{}, nil
}

// react adds user's reaction and tells the bot, when it is subscribed.
func (w *Workspace) react(ch *Channel, m *message, name, user string) bool {
	i := slices.IndexFunc(m.reactions, func(r reaction) bool { return r.Name == name })
	if i < 0 {
		m.reactions = append(m.reactions, reaction{Name: name})
		i = len(m.reactions) - 1
	}
	if slices.Contains(m.reactions[i].Users, user) {
		return false
	}
	m.reactions[i].Users = append(m.reactions[i].Users, user)
	w.publish(notice{Type: "reaction", Channel: ch.ID, ThreadTS: m.threadTS, TS: m.ts})
	if ch.has(w.app.BotUserID) && w.app.has("reactions:read") {
		w.event(ch, user, obj{
			"type": "reaction_added", "user": user, "reaction": name, "item_user": m.user,
			"item": obj{"type": "message", "channel": ch.ID, "ts": m.ts},
		})
	}
	return true
}

func (w *Workspace) unreact(ch *Channel, m *message, name, user string) bool {
	i := slices.IndexFunc(m.reactions, func(r reaction) bool { return r.Name == name })
	if i < 0 || !slices.Contains(m.reactions[i].Users, user) {
		return false
	}
	r := &m.reactions[i]
	r.Users = slices.DeleteFunc(r.Users, func(u string) bool { return u == user })
	if len(r.Users) == 0 {
		m.reactions = slices.Delete(m.reactions, i, i+1)
	}
	w.publish(notice{Type: "reaction", Channel: ch.ID, ThreadTS: m.threadTS, TS: m.ts})
	return true
}

func reactionsRemove(w *Workspace, c *call) (obj, *apiError) {
	ch, m, err := w.marked(c)
	if err != nil {
		return nil, err
	}
	if !w.unreact(ch, m, c.text("name"), w.app.BotUserID) {
		return nil, fail("no_reaction")
	}
	return obj{}, nil
}

func reactionsGet(w *Workspace, c *call) (obj, *apiError) {
	ch, m, err := w.marked(c)
	if err != nil {
		return nil, err
	}
	return obj{"type": "message", "channel": ch.ID, "message": w.messageJSON(ch, m, false)}, nil
}

func bookmarksAdd(w *Workspace, c *call) (obj, *apiError) {
	ch, err := w.visibleChannel(c.text("channel_id"))
	if err != nil {
		return nil, err
	}
	switch {
	case !ch.has(w.app.BotUserID):
		return nil, fail("not_in_channel")
	case !c.given("title") || c.text("type") != "link":
		return nil, fail("invalid_arguments")
	case !c.given("link"):
		return nil, fail("invalid_link")
	case len(ch.bookmarks) >= 100:
		return nil, fail("too_many_bookmarks")
	}
	mark := obj{
		"id": w.newID("Bk"), "channel_id": ch.ID, "title": c.text("title"), "link": c.text("link"),
		"emoji": c.text("emoji"), "icon_url": "", "type": "link", "entity_id": nil, "date_created": w.now().Unix(),
		"date_updated": 0, "rank": "U", "last_updated_by_user_id": w.app.BotUserID,
		"last_updated_by_team_id": w.opt.TeamID, "shortcut_id": nil, "app_id": nil,
	}
	ch.bookmarks = append(ch.bookmarks, mark)
	w.publish(notice{Type: "channel", Channel: ch.ID})
	return obj{"bookmark": mark}, nil
}

func bookmarksList(w *Workspace, c *call) (obj, *apiError) {
	ch, err := w.visibleChannel(c.text("channel_id"))
	if err != nil {
		return nil, err
	}
	return obj{"bookmarks": append([]obj{}, ch.bookmarks...)}, nil
}
