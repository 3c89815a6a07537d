package bot

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/integritybot/integritybot/incidents"
)

// Message gives a message, or a reply in a thread, as it stands. NotThere: it was deleted,
// and nothing else, so that what cannot be seen is never taken for deleted.
func (r *Rooms) Message(ctx context.Context, channel, ts string) (incidents.Seen, error) {
	me, err := r.self(ctx)
	if err != nil {
		return incidents.Seen{}, readError(readingMessage, err)
	}
	m, err := r.reacted(ctx, channel, ts)
	if err != nil {
		problem := readError(readingMessage, err)
		if problem.Problem == incidents.NotThere && errorCode(err) != "message_not_found" {
			problem.Problem = incidents.NotAllowed
		}
		return incidents.Seen{}, problem
	}
	if m.gone() {
		return incidents.Seen{}, &incidents.RoomError{Problem: incidents.NotThere, Sentence: "The message was deleted.", Err: errors.New("tombstone")}
	}
	m.TS = ts
	v := r.viewer(channel, me)
	pinner, pinned, err := v.pinner(ctx, ts) // Slack does not promise pinned_to here
	if err != nil {
		return incidents.Seen{}, err
	}
	m.PinnedTo, m.PinnedInfo.By = nil, pinner
	if pinned {
		m.PinnedTo = []string{channel}
	}
	return v.seen(ctx, m)
}

const readingMessage = "read a message in the channel"

// reacted is a message with everybody who reacted to it.
func (r *Rooms) reacted(ctx context.Context, channel, ts string) (said, error) {
	var answer struct {
		Message said `json:"message"`
	}
	err := r.ask(ctx, "reactions.get", url.Values{"channel": {channel}, "timestamp": {ts}, "full": {"true"}}, &answer)
	return answer.Message, err
}

const (
	readPage = 100
	// threadsAtOnce bounds the threads of one page: conversations.replies may be called 50
	// times a minute (tier 3).
	threadsAtOnce = 10
)

// bookmark is where reading goes on: threads that were seen and not read yet, and then
// Slack's own cursor. So a page that Slack asks to wait for is not begun anew.
type bookmark struct {
	Threads []string `json:"t,omitempty"`
	Cursor  string   `json:"c,omitempty"`
	Last    bool     `json:"l,omitempty"` // the channel itself was read to its end
}

// History gives messages of a channel with their replies. A page is either one of the
// channel itself, from newest to oldest, or the replies of some threads that were in it.
func (r *Rooms) History(ctx context.Context, channel string, since time.Time, cursor string) (page []incidents.Seen, following string, err error) {
	const what = "read the channel"
	me, err := r.self(ctx)
	if err != nil {
		return nil, "", readError(what, err)
	}
	var at bookmark
	if cursor != "" {
		if err := json.Unmarshal([]byte(cursor), &at); err != nil {
			return nil, "", readError(what, err)
		}
	}
	if len(at.Threads) > 0 {
		page, err = r.threads(ctx, channel, since, me, &at)
	} else {
		page, err = r.topLevel(ctx, channel, since, me, &at)
	}
	if err != nil {
		return nil, "", err
	}
	if at.Last && len(at.Threads) == 0 {
		return page, "", nil
	}
	text, err := json.Marshal(at)
	return page, string(text), err
}

// topLevel reads one page of the channel, and notes its threads.
func (r *Rooms) topLevel(ctx context.Context, channel string, since time.Time, me self, at *bookmark) (page []incidents.Seen, err error) {
	arguments := url.Values{"channel": {channel}, "limit": {strconv.Itoa(readPage)}}
	if at.Cursor != "" {
		arguments.Set("cursor", at.Cursor)
	}
	if !since.IsZero() {
		arguments.Set("oldest", slackTimestamp(since))
	}
	messages, cursor, err := r.read(ctx, "conversations.history", arguments)
	if err != nil {
		return nil, err
	}
	page, err = r.viewer(channel, me).all(ctx, messages)
	if err != nil {
		return nil, err
	}
	for _, m := range messages {
		if m.Replies > 0 && (m.Latest == "" || m.Latest >= slackTimestamp(since)) {
			at.Threads = append(at.Threads, m.TS)
		}
	}
	at.Cursor, at.Last = cursor, cursor == ""
	return page, nil
}

// threads reads the replies of some threads. What Slack asks to wait for is left for the
// next page, if there is anything in this one.
func (r *Rooms) threads(ctx context.Context, channel string, since time.Time, me self, at *bookmark) (page []incidents.Seen, err error) {
	v := r.viewer(channel, me)
	for range min(threadsAtOnce, len(at.Threads)) {
		head := at.Threads[0]
		replies, err := r.replies(ctx, channel, head, since)
		var some []incidents.Seen
		if err == nil {
			some, err = v.all(ctx, slices.DeleteFunc(replies, func(m said) bool { return m.TS == head }))
		}
		switch _, limited := rateLimited(err); {
		case limited && len(page) > 0:
			return page, nil
		case errorCode(err) == "thread_not_found": // deleted in between
		case err != nil:
			return nil, err
		}
		page = append(page, some...)
		at.Threads = at.Threads[1:]
	}
	return page, nil
}

// replies are those of one thread, with the message that it is about.
func (r *Rooms) replies(ctx context.Context, channel, ts string, since time.Time) (all []said, err error) {
	arguments := url.Values{"channel": {channel}, "ts": {ts}, "limit": {strconv.Itoa(findPage)}}
	if !since.IsZero() {
		arguments.Set("oldest", slackTimestamp(since))
	}
	for range findPages {
		messages, cursor, err := r.read(ctx, "conversations.replies", arguments)
		if err != nil {
			return nil, err
		}
		all = append(all, messages...)
		if cursor == "" {
			break
		}
		arguments.Set("cursor", cursor)
	}
	return all, nil
}

func (r *Rooms) read(ctx context.Context, method string, arguments url.Values) ([]said, string, error) {
	var answer struct {
		Messages []said `json:"messages"`
		Next     next   `json:"response_metadata"`
	}
	if err := r.ask(ctx, method, arguments, &answer); err != nil {
		return nil, "", readError("read the channel", err)
	}
	return answer.Messages, answer.Next.Cursor, nil
}

// Direct gives the channel of direct messages with a person.
func (r *Rooms) Direct(ctx context.Context, user string) (string, error) {
	if wait := r.gates.wait(methodOpen); wait > 0 {
		return "", readError("open direct messages with a person", &slack.RateLimitedError{RetryAfter: wait})
	}
	channel, err := openDirect(ctx, r.caller, user)
	if err != nil {
		if wait, limited := rateLimited(err); limited {
			r.gates.shut(methodOpen, wait)
		}
		return "", readError("open direct messages with a person", err)
	}
	return channel, nil
}

// Address is where people see a channel or, with a ts, a message in it.
func (r *Rooms) Address(ctx context.Context, channel, ts string) (string, error) {
	me, err := r.self(ctx)
	if err != nil {
		return "", readError("learn the workspace's address", err)
	}
	return messageAddress(me, channel, ts, ""), nil
}

// messageAddress is the address in the form that Slack's own links have, and
// chat.getPermalink gives.
func messageAddress(me self, channel, ts, thread string) string {
	if me.URL == "" {
		return ""
	}
	address := strings.TrimSuffix(me.URL, "/") + "/archives/" + channel
	if ts == "" {
		return address
	}
	address += "/p" + strings.ReplaceAll(ts, ".", "")
	if thread != "" && thread != ts {
		address += "?" + url.Values{"thread_ts": {thread}, "cid": {channel}}.Encode()
	}
	return address
}
