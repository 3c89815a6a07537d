package bot

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/integritybot/integritybot/incidents"
)

// said is what is needed of a message. Its blocks are not decoded.
type said struct {
	TS       string   `json:"ts"`
	Thread   string   `json:"thread_ts"`
	Subtype  string   `json:"subtype"`
	User     string   `json:"user"`
	BotID    string   `json:"bot_id"`
	Text     string   `json:"text"`
	PinnedTo []string `json:"pinned_to"`
	// PinnedInfo says who pinned it; Slack does not promise it.
	PinnedInfo struct {
		By string `json:"pinned_by"`
	} `json:"pinned_info"`
	Replies   int    `json:"reply_count"`
	Latest    string `json:"latest_reply"`
	Reactions []struct {
		Name  string   `json:"name"`
		Users []string `json:"users"` // maybe not all of them
		Count int      `json:"count"`
	} `json:"reactions"`
	Files []struct {
		Name      string `json:"name"`
		Title     string `json:"title"`
		Permalink string `json:"permalink"`
		Mode      string `json:"mode"`
	} `json:"files"`
}

func (m said) by(me self) bool { return m.User == me.User || m.BotID != "" && m.BotID == me.BotID }

// gone says that nothing but the place of a deleted message is left, because others
// answered it.
func (m said) gone() bool { return m.Subtype == "tombstone" }

// spoken are the subtypes of what people and apps say; the others tell of joins, topics,
// pins and the like.
var spoken = map[string]bool{"": true, "file_share": true, "thread_broadcast": true, "me_message": true, "bot_message": true}

// seen makes of a message what the domain knows of it.
func (m said) seen(channel string, me self) incidents.Seen {
	s := incidents.Seen{
		Channel: channel, TS: m.TS, Author: m.User, Text: m.Text, Link: messageAddress(me, channel, m.TS, m.Thread), At: timeOf(m.TS),
		Pinned: slices.Contains(m.PinnedTo, channel), Replies: m.Replies, Ours: m.by(me), Hidden: !spoken[m.Subtype],
	}
	if m.Thread != m.TS {
		s.Thread = m.Thread
	}
	for _, r := range m.Reactions {
		if name := bareReaction(r.Name); !slices.Contains(s.Reactions, name) {
			s.Reactions = append(s.Reactions, name)
		}
	}
	for _, f := range m.Files {
		if f.Mode == "tombstone" {
			continue // was deleted
		}
		name := f.Name
		setZero(&name, f.Title)
		s.Files = append(s.Files, strings.TrimSpace(name+" "+f.Permalink))
	}
	return s
}

// bareReaction is the name without the skin tone.
func bareReaction(name string) string {
	name, _, _ = strings.Cut(strings.Trim(name, ":"), "::")
	return name
}

// timeOf is the time that a timestamp of Slack's is; zero if it is none.
func timeOf(ts string) time.Time {
	seconds, rest, _ := strings.Cut(ts, ".")
	s, err := strconv.ParseInt(seconds, 10, 64)
	micros, err2 := strconv.ParseInt((rest + "000000")[:6], 10, 64)
	if err != nil || err2 != nil {
		return time.Time{}
	}
	return time.Unix(s, micros*1000).UTC()
}
