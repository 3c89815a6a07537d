package workspace

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// postTarget is the channel a post goes to: by id, by #name, or a person's id
// for their direct messages. The bot must be a member, or hold
// chat:write.public for a public channel.
func (w *Workspace) postTarget(id string) (*Channel, *apiError) {
	if p := w.people[id]; p != nil {
		if p.Kind == Deactivated || p.Kind == BotAccount {
			return nil, fail("channel_not_found")
		}
		return w.directMessage(id), nil
	}
	if named := w.channelNamed(strings.TrimPrefix(id, "#")); named != nil {
		id = named.ID
	}
	ch, err := w.visibleChannel(id)
	switch {
	case err != nil:
		return nil, err
	case ch.Archived:
		return nil, fail("is_archived")
	case !ch.has(w.app.BotUserID) && !w.app.has("chat:write.public"):
		return nil, fail("not_in_channel")
	}
	return ch, nil
}

func chatPostMessage(w *Workspace, c *call) (obj, *apiError) {
	ch, err := w.postTarget(c.text("channel"))
	if err != nil {
		return nil, err
	}
	if err := w.limitPost(ch.ID); err != nil {
		return nil, err
	}
	said, err := w.content(c)
	if err != nil {
		return nil, err
	}
	if said.empty() {
		return nil, fail("no_text")
	}
	m := w.botMessage(said)
	m.threadTS = w.threadFor(ch, c)
	if m.threadTS != "" && c.flag("reply_broadcast") {
		m.broadcast, m.subtype = true, "thread_broadcast"
	}
	w.add(ch, m)
	w.messageEvent(ch, m)
	return obj{"channel": ch.ID, "ts": m.ts, "message": w.messageJSON(ch, m, true)}, nil
}

// botMessage is a new message of the bot; text beyond Slack's limit is cut.
func (w *Workspace) botMessage(said content) *message {
	return &message{
		ts: w.nextTS(), user: w.app.BotUserID, botID: w.app.BotID, text: cut(said.text, maxPostText),
		blocks: said.blocks, attachments: said.attachments, metadata: said.metadata,
	}
}

// threadFor is the thread a post goes to. Slack has no error for a thread that
// does not exist: the post then lands in the channel, and only the missing
// thread_ts of the answer tells.
func (w *Workspace) threadFor(ch *Channel, c *call) string {
	ts := c.text("thread_ts")
	if ts == "" {
		return ""
	}
	if parent := ch.find(ts); parent != nil && !parent.isReply() {
		return ts
	}
	w.note(Entry{Kind: "socket", Method: c.method, Event: "thread", Violation: "thread_ts " + ts + " is not the ts of a thread's parent"})
	return ""
}

func chatPostEphemeral(w *Workspace, c *call) (obj, *apiError) {
	ch, err := w.visibleChannel(c.text("channel"))
	if err != nil {
		return nil, err
	}
	switch {
	case !ch.has(w.app.BotUserID):
		return nil, fail("not_in_channel")
	case ch.Archived:
		return nil, fail("is_archived")
	case !ch.has(c.text("user")):
		return nil, fail("user_not_in_channel")
	}
	said, err := w.content(c)
	if err != nil {
		return nil, err
	}
	if said.empty() {
		return nil, fail("no_text")
	}
	m := w.botMessage(said)
	m.visibleTo, m.threadTS = c.text("user"), w.threadFor(ch, c)
	w.add(ch, m)
	return obj{"message_ts": m.ts}, nil
}

func chatUpdate(w *Workspace, c *call) (obj, *apiError) {
	ch, m, err := w.ownMessage(c, "cant_update_message")
	if err != nil {
		return nil, err
	}
	if window := w.opt.EditWindow; window > 0 && w.now().Sub(tsTime(m.ts)) > window {
		return nil, fail("edit_window_closed")
	}
	said, err := w.content(c)
	if err != nil {
		return nil, err
	}
	if utf8.RuneCountInString(said.text) > maxUpdateText {
		return nil, fail("msg_too_long")
	}
	if said.empty() && !said.hasMetadata {
		return nil, fail("no_text")
	}
	before := w.messageJSON(ch, m, true)
	said.replace(m)
	m.editedBy, m.editedTS = w.app.BotUserID, w.nextTS()
	w.changed(ch, m)
	w.changeEvent(ch, m, before)
	return obj{"channel": ch.ID, "ts": m.ts, "text": m.text, "message": w.messageJSON(ch, m, true)}, nil
}

// replace puts new content into m: text without blocks deletes the blocks;
// attachments and metadata stay unless they are given.
func (said *content) replace(m *message) {
	if said.hasText || said.hasBlocks || said.hasAttachments {
		m.text = said.text
	}
	if said.hasText || said.hasBlocks {
		m.blocks = said.blocks
	}
	if said.hasAttachments {
		m.attachments = said.attachments
	}
	if said.hasMetadata {
		m.metadata = said.metadata
	}
}

// ownMessage finds a message of the bot's that a call wants to change.
func (w *Workspace) ownMessage(c *call, notOurs string) (*Channel, *message, *apiError) {
	ch, err := w.visibleChannel(c.text("channel"))
	if err != nil {
		return nil, nil, err
	}
	m := ch.find(c.text("ts"))
	switch {
	case m == nil || m.subtype == "tombstone":
		return nil, nil, fail("message_not_found")
	case m.botID != w.app.BotID:
		return nil, nil, fail(notOurs)
	case ch.Archived:
		return nil, nil, fail("is_archived")
	}
	return ch, m, nil
}

func chatDelete(w *Workspace, c *call) (obj, *apiError) {
	ch, m, err := w.ownMessage(c, "cant_delete_message")
	if err != nil {
		return nil, err
	}
	w.deleteMessage(ch, m)
	return obj{"channel": ch.ID, "ts": m.ts}, nil
}

// deleteMessage removes m; a parent with replies leaves a tombstone.
func (w *Workspace) deleteMessage(ch *Channel, m *message) {
	before := w.messageJSON(ch, m, true)
	if len(ch.replies(m.ts)) > 0 {
		m.subtype, m.text, m.user, m.botID = "tombstone", "This message was deleted.", slackbotID, ""
		m.blocks, m.attachments, m.files, m.metadata, m.reactions = nil, nil, nil, nil, nil
		ch.pins = slices.DeleteFunc(ch.pins, func(p pin) bool { return p.ts == m.ts })
		w.changed(ch, m)
		w.changeEvent(ch, m, before)
		return
	}
	ch.remove(m)
	w.publish(notice{Type: "message_deleted", Channel: ch.ID, ThreadTS: m.threadTS, TS: m.ts})
	w.deleteEvent(ch, m, before)
}

func chatGetPermalink(w *Workspace, c *call) (obj, *apiError) {
	ch, err := w.visibleChannel(c.text("channel"))
	if err != nil {
		return nil, err
	}
	m := ch.find(c.text("message_ts"))
	if m == nil {
		return nil, fail("message_not_found")
	}
	return obj{"channel": ch.ID, "permalink": c.base + permalink(ch, m)}, nil
}

// permalink is the path of a message, as Slack's own links have it.
func permalink(ch *Channel, m *message) string {
	path := "/archives/" + ch.ID + "/p" + strings.ReplaceAll(m.ts, ".", "")
	if m.isReply() {
		path += "?thread_ts=" + m.threadTS + "&cid=" + ch.ID
	}
	return path
}
