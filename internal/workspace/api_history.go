package workspace

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
)

func conversationsHistory(w *Workspace, c *call) (obj, *apiError) {
	ch, err := w.readableChannel(c.text("channel"), "history")
	if err != nil {
		return nil, err
	}
	var found []obj
	for _, m := range slices.Backward(ch.messages) {
		if (!m.isReply() || m.broadcast) && within(c, m.ts) {
			found = append(found, w.readJSON(ch, m, c.flag("include_all_metadata")))
		}
	}
	page, cursor, err := paged(c, found, 100)
	if err != nil {
		return nil, err
	}
	return obj{
		"messages": page, "has_more": cursor != "", "pin_count": len(ch.pins),
		"channel_actions_ts": nil, "channel_actions_count": 0, "response_metadata": obj{"next_cursor": cursor},
	}, nil
}

func conversationsReplies(w *Workspace, c *call) (obj, *apiError) {
	ch, err := w.readableChannel(c.text("channel"), "history")
	if err != nil {
		return nil, err
	}
	parent := ch.find(c.text("ts"))
	if parent == nil {
		return nil, fail("thread_not_found")
	}
	if parent.isReply() {
		parent = ch.find(parent.threadTS)
	}
	withMetadata := c.flag("include_all_metadata")
	found := []obj{w.readJSON(ch, parent, withMetadata)}
	for _, m := range ch.replies(parent.ts) {
		if within(c, m.ts) {
			found = append(found, w.readJSON(ch, m, withMetadata))
		}
	}
	page, cursor, err := paged(c, found, 1000)
	if err != nil {
		return nil, err
	}
	return obj{"messages": page, "has_more": cursor != "", "response_metadata": obj{"next_cursor": cursor}}, nil
}

// readJSON is a message as it is read back: with its pin.
func (w *Workspace) readJSON(ch *Channel, m *message, withMetadata bool) obj {
	out := w.messageJSON(ch, m, withMetadata)
	for _, p := range ch.pins {
		if p.ts == m.ts {
			out["pinned_to"] = []string{ch.ID}
			out["pinned_info"] = obj{"channel": ch.ID, "pinned_by": p.by, "pinned_ts": p.at.Unix()}
		}
	}
	return out
}

// within applies oldest, latest and inclusive.
func within(c *call, ts string) bool {
	oldest, latest, inclusive := c.text("oldest"), c.text("latest"), c.flag("inclusive")
	at := tsTime(ts)
	if oldest != "" && oldest != "0" {
		if from := tsTime(oldest); at.Before(from) || (at.Equal(from) && !inclusive) {
			return false
		}
	}
	if latest != "" {
		if to := tsTime(latest); at.After(to) || (at.Equal(to) && !inclusive) {
			return false
		}
	}
	return true
}

// paged cuts one page out of all, as limit and cursor ask.
func paged[T any](c *call, all []T, otherwise int) (page []T, next string, err *apiError) {
	limit, err := c.number("limit", otherwise, 0, 1000)
	if err != nil {
		return nil, "", err
	}
	if limit == 0 {
		limit = otherwise
	}
	start := 0
	if cursor := c.text("cursor"); cursor != "" {
		raw, decodeErr := base64.StdEncoding.DecodeString(cursor)
		n, numberErr := strconv.Atoi(strings.TrimPrefix(string(raw), "at:"))
		if decodeErr != nil || numberErr != nil || n < 0 || n > len(all) {
			return nil, "", fail("invalid_cursor")
		}
		start = n
	}
	end := min(len(all), start+limit)
	if end < len(all) {
		next = base64.StdEncoding.EncodeToString([]byte("at:" + strconv.Itoa(end)))
	}
	return append([]T{}, all[start:end]...), next, nil
}
