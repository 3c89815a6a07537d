package workspace

import (
	"slices"
	"strings"
	"time"
)

// Channel is a conversation. The exported fields can be given to AddChannel.
type Channel struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	Topic     string   `json:"topic"`
	IsPrivate bool     `json:"is_private"`
	ExtShared bool     `json:"is_ext_shared"`
	Archived  bool     `json:"is_archived"`
	IM        bool     `json:"is_im"`
	Group     bool     `json:"is_mpim"`
	Members   []string `json:"members"`

	created    time.Time
	creator    string
	purpose    string
	messages   []*message            // top level and replies, oldest first
	threads    map[string][]*message // parent's ts → replies
	ephemerals []*message
	pins       []pin
	bookmarks  []obj
	read       map[string]string // person → ts of the newest message seen
}

type pin struct {
	ts, by string
	at     time.Time
}

func (c *Channel) has(user string) bool { return slices.Contains(c.Members, user) }

// shownName is the name in payloads: Slack hides those of private channels
// and direct messages.
func (c *Channel) shownName() string {
	switch {
	case c.IM:
		return "directmessage"
	case c.IsPrivate, c.Group:
		return "privategroup"
	}
	return c.Name
}

// kind is the channel_type of message events.
func (c *Channel) kind() string {
	switch {
	case c.IM:
		return "im"
	case c.Group:
		return "mpim"
	case c.IsPrivate:
		return "group"
	}
	return "channel"
}

// scopeFor picks the scope that rules this sort of conversation, e.g.
// scopeFor("history") is groups:history for a private channel.
func (c *Channel) scopeFor(what string) string {
	return map[string]string{"im": "im:", "mpim": "mpim:", "group": "groups:", "channel": "channels:"}[c.kind()] + what
}

// other is the person a direct message with user is held with.
func (c *Channel) other(user string) string {
	for _, m := range c.Members {
		if m != user {
			return m
		}
	}
	return user
}

// find is the message with this ts that everyone can see.
func (c *Channel) find(ts string) *message {
	i, found := slices.BinarySearchFunc(c.messages, ts, func(m *message, ts string) int { return strings.Compare(m.ts, ts) })
	if !found {
		return nil
	}
	return c.messages[i]
}

func (c *Channel) findEphemeral(ts string) *message {
	for _, m := range c.ephemerals {
		if m.ts == ts {
			return m
		}
	}
	return nil
}

// replies are the answers in the thread under ts, oldest first.
func (c *Channel) replies(ts string) []*message { return c.threads[ts] }

// append stores a message everyone can see.
func (c *Channel) append(m *message) {
	c.messages = append(c.messages, m)
	if m.isReply() {
		if c.threads == nil {
			c.threads = map[string][]*message{}
		}
		c.threads[m.threadTS] = append(c.threads[m.threadTS], m)
	}
}

// remove takes m away, together with its pin.
func (c *Channel) remove(m *message) {
	same := func(x *message) bool { return x == m }
	c.messages = slices.DeleteFunc(c.messages, same)
	if m.isReply() {
		c.threads[m.threadTS] = slices.DeleteFunc(c.threads[m.threadTS], same)
	}
	c.pins = slices.DeleteFunc(c.pins, func(p pin) bool { return p.ts == m.ts })
}

// dropOldest forgets the oldest message and its whole thread.
func (c *Channel) dropOldest() {
	oldest := c.messages[0]
	for _, reply := range slices.Clone(c.threads[oldest.ts]) {
		c.remove(reply)
	}
	delete(c.threads, oldest.ts)
	c.remove(oldest)
}

// channelJSON is the conversation object as the bot sees it.
func (w *Workspace) channelJSON(c *Channel) obj {
	bot := w.app.BotUserID
	out := obj{
		"id": c.ID, "created": c.created.Unix(), "creator": c.creator, "is_archived": c.Archived,
		"is_channel": !c.IM && !c.IsPrivate && !c.Group, "is_group": c.IsPrivate && !c.IM && !c.Group, "is_im": c.IM,
		"is_mpim": c.Group, "is_private": c.IsPrivate || c.IM || c.Group, "is_general": c.Name == "general",
		"is_shared": c.ExtShared, "is_ext_shared": c.ExtShared, "is_org_shared": false,
		"is_pending_ext_shared": false, "pending_shared": []string{}, "is_frozen": false,
		"is_read_only": false, "context_team_id": w.opt.TeamID, "updated": c.created.UnixMilli(),
		"shared_team_ids": w.teamsIn(c), "unlinked": 0, "parent_conversation": nil,
	}
	if c.IM {
		out["user"], out["is_open"] = c.other(bot), true
		return out
	}
	out["name"], out["name_normalized"] = c.Name, c.Name
	out["is_member"], out["num_members"] = c.has(bot), len(c.Members)
	out["topic"] = obj{"value": c.Topic, "creator": c.creator, "last_set": 0}
	out["purpose"] = obj{"value": c.purpose, "creator": c.creator, "last_set": 0}
	out["previous_names"] = []string{}
	if c.ExtShared {
		out["connected_team_ids"] = w.teamsIn(c)
	}
	return out
}

func (w *Workspace) teamsIn(c *Channel) []string {
	if c.ExtShared {
		return []string{w.opt.TeamID, OutsideTeamID}
	}
	return []string{w.opt.TeamID}
}
