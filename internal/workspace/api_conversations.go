package workspace

import (
	"slices"
	"strings"
)

// visibleChannel finds a channel the bot may know of: a private one only when
// it is a member.
func (w *Workspace) visibleChannel(id string) (*Channel, *apiError) {
	c := w.channels[id]
	if c == nil || ((c.IsPrivate || c.IM || c.Group) && !c.has(w.app.BotUserID)) {
		return nil, fail("channel_not_found")
	}
	return c, nil
}

// readableChannel is a channel whose content the bot may read: it needs the
// scope of its sort and membership.
func (w *Workspace) readableChannel(id, what string) (*Channel, *apiError) {
	c, err := w.visibleChannel(id)
	if err != nil {
		return nil, err
	}
	if err := w.need(c.scopeFor(what)); err != nil {
		return nil, err
	}
	if what == "history" && !c.has(w.app.BotUserID) {
		return nil, fail("not_in_channel")
	}
	return c, nil
}

func conversationsInfo(w *Workspace, c *call) (obj, *apiError) {
	ch, err := w.readableChannel(c.text("channel"), "read")
	if err != nil {
		return nil, err
	}
	return obj{"channel": w.channelJSON(ch)}, nil
}

func conversationsMembers(w *Workspace, c *call) (obj, *apiError) {
	ch, err := w.readableChannel(c.text("channel"), "read")
	if err != nil {
		return nil, err
	}
	page, cursor, err := paged(c, slices.Clone(ch.Members), 100)
	if err != nil {
		return nil, err
	}
	return obj{"members": page, "response_metadata": obj{"next_cursor": cursor}}, nil
}

func conversationsList(w *Workspace, c *call) (obj, *apiError) {
	return w.listed(c, func(*Channel) bool { return true })
}

// usersConversations are the channels that the bot is in.
func usersConversations(w *Workspace, c *call) (obj, *apiError) {
	if user := c.text("user"); user != "" && user != w.app.BotUserID {
		return nil, failMessages("invalid_arguments", "[ERROR] the simulator lists the bot's own channels only [json-pointer:/user]")
	}
	return w.listed(c, func(ch *Channel) bool { return ch.has(w.app.BotUserID) })
}

func (w *Workspace) listed(c *call, wanted func(*Channel) bool) (obj, *apiError) {
	types := c.list("types")
	if types == nil {
		types = []string{"public_channel"}
	}
	var all []obj
	for _, id := range w.channelIDs {
		ch, err := w.visibleChannel(id)
		if err != nil || (ch.Archived && c.flag("exclude_archived")) || !wanted(ch) {
			continue
		}
		kind := map[string]string{"im": "im", "mpim": "mpim", "group": "private_channel", "channel": "public_channel"}[ch.kind()]
		if !slices.Contains(types, kind) {
			continue
		}
		if err := w.need(ch.scopeFor("read")); err != nil {
			return nil, err
		}
		all = append(all, w.channelJSON(ch))
	}
	page, cursor, err := paged(c, all, 100)
	if err != nil {
		return nil, err
	}
	return obj{"channels": page, "response_metadata": obj{"next_cursor": cursor}}, nil
}

func conversationsOpen(w *Workspace, c *call) (obj, *apiError) {
	users := c.list("users")
	if id := c.text("channel"); id != "" {
		ch, err := w.visibleChannel(id)
		if err != nil {
			return nil, err
		}
		return obj{"channel": w.channelJSON(ch), "no_op": true, "already_open": true}, nil
	}
	if len(users) == 0 {
		return nil, fail("users_list_not_supplied")
	}
	if len(users) > 8 {
		return nil, fail("too_many_users")
	}
	for _, u := range users {
		switch p := w.people[u]; {
		case p == nil:
			return nil, fail("user_not_found")
		case p.Kind == Deactivated:
			return nil, fail("user_disabled")
		case u == w.app.BotUserID || u == slackbotID:
			return nil, fail("cannot_dm_bot")
		}
	}
	if len(users) == 1 {
		if err := w.need("im:write"); err != nil {
			return nil, err
		}
		return obj{"channel": w.channelJSON(w.directMessage(users[0]))}, nil
	}
	if err := w.need("mpim:write"); err != nil {
		return nil, err
	}
	return obj{"channel": w.channelJSON(w.groupMessage(users))}, nil
}

// groupMessage is the direct message channel of the bot with several people.
func (w *Workspace) groupMessage(users []string) *Channel {
	members := append([]string{w.app.BotUserID}, users...)
	slices.Sort(members)
	members = slices.Compact(members)
	var names []string
	for _, id := range w.channelIDs {
		have := slices.Sorted(slices.Values(w.channels[id].Members))
		if w.channels[id].Group && slices.Equal(have, members) {
			return w.channels[id]
		}
	}
	for _, m := range members {
		names = append(names, w.people[m].Name)
	}
	return w.addChannel(Channel{Name: "mpdm-" + strings.Join(names, "--") + "-1", Group: true, Members: members})
}

func conversationsCreate(w *Workspace, c *call) (obj, *apiError) {
	name, private := c.text("name"), c.flag("is_private")
	scope := "channels:manage"
	if private {
		scope = "groups:write"
	}
	if err := w.need(scope); err != nil {
		return nil, err
	}
	switch {
	case name == "":
		return nil, fail("invalid_name_required")
	case len([]rune(name)) > longestChannelName:
		return nil, fail("invalid_name_maxlength")
	case !channelName.MatchString(name):
		return nil, fail("invalid_name_specials")
	case w.channelNamed(name) != nil:
		return nil, fail("name_taken")
	}
	ch := w.addChannel(Channel{Name: name, IsPrivate: private, Members: []string{w.app.BotUserID}, creator: w.app.BotUserID})
	return obj{"channel": w.channelJSON(ch)}, nil
}

// manageScopes are the scopes for changing ch in the given way.
func manageScopes(ch *Channel, what string) []string {
	if ch.IsPrivate {
		return []string{"groups:write", "groups:write." + what}
	}
	return []string{"channels:manage", "channels:write." + what}
}

func conversationsInvite(w *Workspace, c *call) (obj, *apiError) {
	ch, err := w.visibleChannel(c.text("channel"))
	if err != nil {
		return nil, err
	}
	if err := w.need(manageScopes(ch, "invites")...); err != nil {
		return nil, err
	}
	users := c.list("users")
	switch {
	case !ch.has(w.app.BotUserID):
		return nil, fail("not_in_channel")
	case ch.Archived:
		return nil, fail("is_archived")
	case len(users) == 0:
		return nil, fail("no_user")
	case len(users) > 1000:
		return nil, fail("too_many_users")
	}
	for _, u := range users {
		switch p := w.people[u]; {
		case p == nil || p.Kind == Deactivated:
			return nil, fail("user_not_found")
		case u == w.app.BotUserID:
			return nil, fail("cant_invite_self")
		case ch.has(u):
			return nil, fail("already_in_channel")
		case p.Kind == SingleChannelGuest:
			return nil, fail("ura_max_channels")
		}
	}
	for _, u := range users {
		w.join(ch, u, w.app.BotUserID)
	}
	return obj{"channel": w.channelJSON(ch)}, nil
}

func conversationsJoin(w *Workspace, c *call) (obj, *apiError) {
	ch, err := w.visibleChannel(c.text("channel"))
	if err != nil {
		return nil, err
	}
	if ch.IsPrivate || ch.IM || ch.Group {
		return nil, fail("method_not_supported_for_channel_type")
	}
	if ch.Archived {
		return nil, fail("is_archived")
	}
	if ch.has(w.app.BotUserID) {
		return obj{
			"channel": w.channelJSON(ch), "warning": "already_in_channel",
			"response_metadata": obj{"warnings": []string{"already_in_channel"}},
		}, nil
	}
	w.join(ch, w.app.BotUserID, "")
	return obj{"channel": w.channelJSON(ch)}, nil
}

// join makes user a member and tells the bot, when it is there and subscribed.
func (w *Workspace) join(ch *Channel, user, inviter string) {
	ch.Members = append(ch.Members, user)
	w.add(ch, &message{ts: w.nextTS(), user: user, subtype: "channel_join", text: "<@" + user + "> has joined the channel"})
	w.publish(notice{Type: "channel", Channel: ch.ID})
	if ch.has(w.app.BotUserID) && w.app.has(ch.scopeFor("read")) {
		event := obj{
			"type": "member_joined_channel", "user": user, "channel": ch.ID,
			"channel_type": strings.ToUpper(ch.kind()[:1]), "team": w.opt.TeamID,
		}
		setIf(event, "inviter", inviter)
		w.event(ch, user, event)
	}
}

func conversationsSetTopic(w *Workspace, c *call) (obj, *apiError) {
	ch, topic, err := w.described(c, "topic")
	if err != nil {
		return nil, err
	}
	ch.Topic = topic
	w.add(ch, &message{ts: w.nextTS(), user: w.app.BotUserID, subtype: ch.kind() + "_topic", text: "set the channel topic: " + topic})
	w.publish(notice{Type: "channel", Channel: ch.ID})
	return obj{"topic": topic, "channel": w.channelJSON(ch)}, nil
}

func conversationsSetPurpose(w *Workspace, c *call) (obj, *apiError) {
	ch, purpose, err := w.described(c, "purpose")
	if err != nil {
		return nil, err
	}
	ch.purpose = purpose
	w.publish(notice{Type: "channel", Channel: ch.ID})
	return obj{"purpose": purpose}, nil
}

// described is the channel whose topic or purpose a call sets, and the new text.
func (w *Workspace) described(c *call, what string) (*Channel, string, *apiError) {
	ch, err := w.visibleChannel(c.text("channel"))
	if err != nil {
		return nil, "", err
	}
	if err := w.need(manageScopes(ch, "topic")...); err != nil {
		return nil, "", err
	}
	text := c.text(what)
	switch {
	case !ch.has(w.app.BotUserID):
		return nil, "", fail("not_in_channel")
	case ch.Archived:
		return nil, "", fail("is_archived")
	case len([]rune(text)) > 250:
		return nil, "", fail("too_long")
	}
	return ch, text, nil
}
