package workspace

import (
	"slices"
	"strings"
)

// State is everything a person sees around the messages.
type State struct {
	Rev       int            `json:"rev"`
	Team      NamedID        `json:"team"`
	Me        string         `json:"me"`
	Bot       BotState       `json:"bot"`
	People    []Person       `json:"people"`
	Groups    []Group        `json:"groups"`
	Channels  []ChannelState `json:"channels"`
	Commands  []Command      `json:"commands"`
	Shortcuts []Shortcut     `json:"shortcuts"`
	Tries     []string       `json:"tries"`
}

// NamedID is an id with its name.
type NamedID struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// BotState tells whether the bot holds a connection.
type BotState struct {
	UserID      string `json:"user_id"`
	Name        string `json:"name"`
	Online      bool   `json:"online"`
	Connections int    `json:"connections"`
}

// ChannelState is a channel as one person sees it.
type ChannelState struct {
	Channel
	Unread      int        `json:"unread"`
	BotIsMember bool       `json:"bot_is_member"`
	Bookmarks   []Bookmark `json:"bookmarks"`
}

// Bookmark is a link at the top of a channel.
type Bookmark struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	Link  string `json:"link"`
	Emoji string `json:"emoji"`
}

// shownBookmarks are the links of a channel, in the order in which they were added.
func (c *Channel) shownBookmarks() []Bookmark {
	out := []Bookmark{}
	for _, b := range c.bookmarks {
		text := func(field string) string { s, _ := b[field].(string); return s }
		out = append(out, Bookmark{ID: text("id"), Title: text("title"), Link: text("link"), Emoji: text("emoji")})
	}
	return out
}

// State is what the person sees: the channels they are in and, for full
// members, all public ones. An empty as is the first full member.
func (w *Workspace) State(as string) (State, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if as == "" {
		as = w.firstMember()
	}
	p, refusal := w.acting(as)
	if refusal != nil {
		return State{}, refusal
	}
	out := State{
		Rev: w.stream.rev, Team: NamedID{w.opt.TeamID, w.opt.TeamName}, Me: p.ID,
		Bot:    BotState{UserID: w.app.BotUserID, Name: w.app.Name, Online: len(w.links) > 0, Connections: len(w.links)},
		People: []Person{}, Groups: []Group{}, Channels: []ChannelState{},
		Commands: append([]Command{}, w.app.Commands...), Shortcuts: append([]Shortcut{}, w.app.Shortcuts...),
		Tries: append([]string{}, w.opt.Tries...),
	}
	for _, id := range w.peopleOrder {
		out.People = append(out.People, w.shownPerson(w.people[id]))
	}
	for _, g := range w.groups {
		out.Groups = append(out.Groups, Group{ID: g.ID, Handle: g.Handle, Name: g.Name, Users: append([]string{}, g.Users...)})
	}
	for _, id := range w.channelIDs {
		c := w.channels[id]
		if !c.has(p.ID) && (c.IsPrivate || c.IM || c.Group || p.Kind != Member) {
			continue
		}
		out.Channels = append(out.Channels, ChannelState{w.shownChannel(c), c.unread(p.ID), c.has(w.app.BotUserID), c.shownBookmarks()})
	}
	return out, nil
}

// unread counts what is new at top level for user.
func (c *Channel) unread(user string) int {
	n := 0
	for _, m := range slices.Backward(c.messages) {
		if m.ts <= c.read[user] {
			break
		}
		if !m.isReply() && m.user != user {
			n++
		}
	}
	return n
}

// looking is the person and a channel that person may read: their own, and for
// full members every public one.
func (w *Workspace) looking(as, channel string) (*Person, *Channel, *Refusal) {
	if p, c := w.people[as], w.channels[channel]; p != nil && c != nil && p.Kind == Member && c.kind() == "channel" {
		p, refusal := w.acting(as)
		return p, c, refusal
	}
	return w.present(as, channel)
}

// Messages are the messages at the top level of a channel, oldest first, with
// those that only the person sees, and the ts of the pinned ones. Looking
// marks the channel as read.
func (w *Workspace) Messages(as, channel string) (messages []Message, pins []string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p, c, refusal := w.looking(as, channel)
	if refusal != nil {
		return nil, nil, refusal
	}
	messages, pins = []Message{}, []string{}
	for _, m := range c.messages {
		if !m.isReply() || m.broadcast {
			messages = append(messages, w.show(c, m))
		}
		c.read[p.ID] = m.ts
	}
	for _, m := range c.ephemerals {
		if m.visibleTo == p.ID && m.threadTS == "" {
			messages = append(messages, w.show(c, m))
		}
	}
	slices.SortStableFunc(messages, byTS)
	for _, pin := range c.pins {
		pins = append(pins, pin.ts)
	}
	return messages, pins, nil
}

// Thread is a message and its replies, oldest first, with those that only the
// person sees.
func (w *Workspace) Thread(as, channel, ts string) ([]Message, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p, c, refusal := w.looking(as, channel)
	if refusal != nil {
		return nil, refusal
	}
	parent := c.find(ts)
	if parent == nil {
		return nil, notFound("thread_not_found", "There is no such thread.")
	}
	if parent.isReply() {
		parent = c.find(parent.threadTS)
	}
	var replies []Message
	for _, m := range c.replies(parent.ts) {
		replies = append(replies, w.show(c, m))
	}
	for _, m := range c.ephemerals {
		if m.visibleTo == p.ID && m.threadTS == parent.ts {
			replies = append(replies, w.show(c, m))
		}
	}
	slices.SortStableFunc(replies, byTS)
	return append([]Message{w.show(c, parent)}, replies...), nil
}

func byTS(a, b Message) int { return strings.Compare(a.TS, b.TS) }
