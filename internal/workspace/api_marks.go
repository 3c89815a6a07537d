package workspace

import (
	"maps"
	"slices"
)

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
	if !m.pinnable() {
		return nil, fail("not_pinnable")
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
	w.pinEvent("pin_added", ch, m, by)
	return true
}

func (w *Workspace) unpin(ch *Channel, m *message, by string) bool {
	before := len(ch.pins)
	ch.pins = slices.DeleteFunc(ch.pins, func(p pin) bool { return p.ts == m.ts })
	w.publish(notice{Type: "pin", Channel: ch.ID, TS: m.ts})
	if len(ch.pins) == before {
		return false
	}
	w.pinEvent("pin_removed", ch, m, by)
	return true
}

// pinEvent tells the bot of a pin, when it is there and subscribed.
func (w *Workspace) pinEvent(kind string, ch *Channel, m *message, by string) {
	if !ch.has(w.app.BotUserID) || !w.app.has("pins:read") {
		return
	}
	w.event(ch, by, obj{
		"type": kind, "user": by, "channel_id": ch.ID, "item_user": m.user, "pin_count": len(ch.pins), "has_pins": len(ch.pins) > 0,
		"item":        obj{"type": "message", "created": w.now().Unix(), "created_by": by, "channel": ch.ID, "message": w.messageJSON(ch, m, false)},
		"pinned_info": obj{"channel": ch.ID, "pinned_by": by, "pinned_ts": w.now().Unix()},
	})
}

// pinnable: what only tells of joins and the like is not.
func (m *message) pinnable() bool {
	return m.subtype == "" || slices.Contains([]string{"thread_broadcast", "bot_message", "file_share", "me_message"}, m.subtype)
}

func pinsRemove(w *Workspace, c *call) (obj, *apiError) {
	ch, m, err := w.marked(c)
	if err != nil {
		return nil, err
	}
	if !w.unpin(ch, m, w.app.BotUserID) {
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
	w.reactionEvent("reaction_added", ch, m, name, user)
	return true
}

// reactionEvent tells the bot of a reaction, when it is there and subscribed.
func (w *Workspace) reactionEvent(kind string, ch *Channel, m *message, name, user string) {
	if !ch.has(w.app.BotUserID) || !w.app.has("reactions:read") {
		return
	}
	w.event(ch, user, obj{
		"type": kind, "user": user, "reaction": name, "item_user": m.user,
		"item": obj{"type": "message", "channel": ch.ID, "ts": m.ts},
	})
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
	w.reactionEvent("reaction_removed", ch, m, name, user)
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
	out := w.messageJSON(ch, m, false)
	if c.flag("full") && len(m.reactions) > 0 {
		out["reactions"] = reactionsJSON(m, len(w.people))
	}
	return obj{"type": "message", "channel": ch.ID, "message": out}, nil
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

// bookmarked finds the bookmark that a call names.
func (w *Workspace) bookmarked(c *call) (*Channel, int, *apiError) {
	ch, err := w.visibleChannel(c.text("channel_id"))
	if err != nil {
		return nil, 0, err
	}
	i := slices.IndexFunc(ch.bookmarks, func(b obj) bool { return b["id"] == c.text("bookmark_id") })
	switch {
	case !ch.has(w.app.BotUserID):
		return nil, 0, fail("not_in_channel")
	case i < 0:
		return nil, 0, fail("not_found")
	}
	return ch, i, nil
}

func bookmarksEdit(w *Workspace, c *call) (obj, *apiError) {
	ch, i, err := w.bookmarked(c)
	if err != nil {
		return nil, err
	}
	mark := maps.Clone(ch.bookmarks[i])
	for _, field := range []string{"title", "link", "emoji"} {
		if c.given(field) {
			mark[field] = c.text(field)
		}
	}
	mark["date_updated"] = w.now().Unix()
	ch.bookmarks[i] = mark
	w.publish(notice{Type: "channel", Channel: ch.ID})
	return obj{"bookmark": mark}, nil
}

func bookmarksRemove(w *Workspace, c *call) (obj, *apiError) {
	ch, i, err := w.bookmarked(c)
	if err != nil {
		return nil, err
	}
	ch.bookmarks = slices.Delete(ch.bookmarks, i, i+1)
	w.publish(notice{Type: "channel", Channel: ch.ID})
	return obj{}, nil
}
