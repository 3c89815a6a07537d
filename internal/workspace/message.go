package workspace

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// message is what was posted. Blocks and attachments are parsed JSON and are
// replaced as a whole, never changed in place.
type message struct {
	ts, threadTS  string
	user, botID   string
	text, subtype string
	blocks        []any
	attachments   []any
	files         []*file
	metadata      obj // event_type, event_payload
	editedBy      string
	editedTS      string
	reactions     []reaction
	command       string // the typed command that this line echoes
	clientMsgID   string
	visibleTo     string // non-empty: ephemeral
	broadcast     bool   // a reply that is also shown in the channel
}

type reaction struct {
	Name  string   `json:"name"`
	Users []string `json:"users"`
}

// Message is a message as a person sees it on the page.
type Message struct {
	TS          string         `json:"ts"`
	ThreadTS    string         `json:"thread_ts,omitempty"`
	User        string         `json:"user"`
	BotID       string         `json:"bot_id,omitempty"`
	Text        string         `json:"text"`
	Blocks      []any          `json:"blocks,omitempty"`
	Attachments []any          `json:"attachments,omitempty"`
	Files       []FileInfo     `json:"files,omitempty"`
	Edited      *Edited        `json:"edited,omitempty"`
	ReplyCount  int            `json:"reply_count,omitempty"`
	ReplyUsers  []string       `json:"reply_users,omitempty"`
	LatestReply string         `json:"latest_reply,omitempty"`
	Reactions   []reaction     `json:"reactions,omitempty"`
	Ephemeral   bool           `json:"is_ephemeral,omitempty"`
	Metadata    map[string]any `json:"metadata,omitempty"`
	Subtype     string         `json:"subtype,omitempty"`
	Command     string         `json:"command,omitempty"`
}

// Edited says when a message was last changed.
type Edited struct {
	TS string `json:"ts"`
}

func (m *message) isReply() bool { return m.threadTS != "" && m.threadTS != m.ts }

// nextTS is a new message id: seconds and microseconds, unique and increasing
// over the whole workspace.
func (w *Workspace) nextTS() string {
	micros := w.now().UnixMicro()
	if micros <= w.lastTS {
		micros = w.lastTS + 1
	}
	w.lastTS = micros
	return formatTS(micros)
}

func formatTS(micros int64) string { return fmt.Sprintf("%d.%06d", micros/1e6, micros%1e6) }

// tsTime is the time of a ts, or the zero time when it is none.
func tsTime(ts string) time.Time {
	seconds, micros, _ := strings.Cut(ts, ".")
	s, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return time.Time{}
	}
	us, err := strconv.ParseInt((micros + "000000")[:6], 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(s, us*1000).UTC()
}

// add stores m in c and drops the oldest threads beyond the limit.
func (w *Workspace) add(c *Channel, m *message) {
	if m.visibleTo != "" {
		c.ephemerals = append(c.ephemerals, m)
		w.trimEphemerals(c, m.visibleTo)
		w.publish(notice{Type: "ephemeral", Channel: c.ID, ThreadTS: m.threadTS, TS: m.ts, only: m.visibleTo})
		return
	}
	c.append(m)
	for len(c.messages) > w.opt.Limits.Messages {
		c.dropOldest()
	}
	if c.read == nil {
		c.read = map[string]string{}
	}
	if m.user != "" {
		c.read[m.user] = m.ts
	}
	w.publish(notice{Type: "message", Channel: c.ID, ThreadTS: m.threadTS, TS: m.ts})
}

func (w *Workspace) trimEphemerals(c *Channel, user string) {
	n := 0
	for i := len(c.ephemerals) - 1; i >= 0; i-- {
		if c.ephemerals[i].visibleTo != user {
			continue
		}
		if n++; n > w.opt.Limits.Ephemeral {
			c.ephemerals = slices.Delete(c.ephemerals, i, i+1)
			return
		}
	}
}

// changed tells the page and, when subscribed, the bot that m is different.
func (w *Workspace) changed(c *Channel, m *message) {
	w.publish(notice{Type: "message_changed", Channel: c.ID, ThreadTS: m.threadTS, TS: m.ts, only: m.visibleTo})
}

// show is m as a person sees it.
func (w *Workspace) show(c *Channel, m *message) Message {
	out := Message{
		TS: m.ts, ThreadTS: m.threadTS, User: m.user, BotID: m.botID, Text: m.text, Blocks: m.blocks,
		Attachments: m.attachments, Reactions: cloneReactions(m.reactions), Ephemeral: m.visibleTo != "",
		Metadata: m.metadata, Subtype: m.subtype, Command: m.command,
	}
	for _, f := range m.files {
		out.Files = append(out.Files, f.info())
	}
	if m.editedTS != "" {
		out.Edited = &Edited{TS: m.editedTS}
	}
	if m.visibleTo == "" && (m.threadTS == "" || m.threadTS == m.ts) {
		replies := c.replies(m.ts)
		out.ReplyCount, out.ReplyUsers = len(replies), usersOf(replies)
		if n := len(replies); n > 0 {
			out.LatestReply, out.ThreadTS = replies[n-1].ts, m.ts
		}
	}
	return out
}

// messageJSON is m as the Web API returns it.
func (w *Workspace) messageJSON(c *Channel, m *message, withMetadata bool) obj {
	out := obj{"type": "message", "ts": m.ts, "text": m.text, "team": w.opt.TeamID}
	if p := w.people[m.user]; p != nil {
		out["team"] = w.teamOf(p)
	}
	setIf(out, "user", m.user)
	setIf(out, "subtype", m.subtype)
	setIf(out, "client_msg_id", m.clientMsgID)
	if m.botID != "" {
		out["bot_id"], out["app_id"] = m.botID, w.app.ID
		out["bot_profile"] = w.botJSON()
	}
	switch {
	case m.blocks != nil:
		out["blocks"] = m.blocks
	case m.clientMsgID != "":
		out["blocks"] = typedBlocks(m.ts, m.text)
	}
	if m.attachments != nil {
		out["attachments"] = m.attachments
	}
	if len(m.files) > 0 {
		files := []obj{}
		for _, f := range m.files {
			files = append(files, w.fileJSON(f))
		}
		out["files"], out["upload"] = files, false
	}
	if m.metadata != nil && withMetadata {
		out["metadata"] = m.metadata
	}
	if m.editedTS != "" {
		out["edited"] = obj{"user": m.editedBy, "ts": m.editedTS}
	}
	if len(m.reactions) > 0 {
		out["reactions"] = reactionsJSON(m, mostReactors)
	}
	w.addThreadFields(out, c, m)
	return out
}

func (w *Workspace) addThreadFields(out obj, c *Channel, m *message) {
	if m.isReply() {
		out["thread_ts"] = m.threadTS
		if parent := c.find(m.threadTS); parent != nil {
			setIf(out, "parent_user_id", parent.user)
		}
		return
	}
	if m.visibleTo != "" {
		return
	}
	replies := c.replies(m.ts)
	if n := len(replies); n > 0 {
		users := usersOf(replies)
		out["thread_ts"], out["reply_count"], out["reply_users"] = m.ts, n, users
		out["reply_users_count"], out["latest_reply"] = len(users), replies[n-1].ts
		out["is_locked"], out["subscribed"] = false, true
	}
}

// mostReactors is how many people are named with a reaction; count is right all the same.
// Slack: "the users array may not always contain all users that have reacted"; it does
// for reactions.get with full.
const mostReactors = 50

func reactionsJSON(m *message, most int) []obj {
	out := []obj{}
	for _, r := range m.reactions {
		out = append(out, obj{"name": r.Name, "users": slices.Clone(r.Users[:min(most, len(r.Users))]), "count": len(r.Users)})
	}
	return out
}

func cloneReactions(rs []reaction) []reaction {
	var out []reaction
	for _, r := range rs {
		out = append(out, reaction{Name: r.Name, Users: slices.Clone(r.Users)})
	}
	return out
}

func usersOf(ms []*message) []string {
	var out []string
	for _, m := range ms {
		if m.user != "" && !slices.Contains(out, m.user) {
			out = append(out, m.user)
		}
	}
	return out
}

func setIf(out obj, key, value string) {
	if value != "" {
		out[key] = value
	}
}
