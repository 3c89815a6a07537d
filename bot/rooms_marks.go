package bot

import (
	"context"
	"net/url"
	"slices"
)

// Topic sets the topic of a channel, cut to what Slack takes.
func (r *Rooms) Topic(ctx context.Context, channel, text string) error {
	err := r.ask(ctx, "conversations.setTopic", url.Values{"channel": {channel}, "topic": {cut(inline(text), maxTopic)}}, nil)
	return orNil("set the channel's topic", err)
}

// orNil keeps a nil error from becoming a *RoomError that is none.
func orNil(what string, err error) error {
	if err == nil {
		return nil
	}
	return roomError(what, err)
}

// Bookmark adds a link to a channel unless it has one with this title.
func (r *Rooms) Bookmark(ctx context.Context, channel, title, address string) error {
	var have struct {
		Bookmarks []struct {
			Title string `json:"title"`
		} `json:"bookmarks"`
	}
	what := "bookmark " + title + " in the channel"
	if err := r.ask(ctx, "bookmarks.list", url.Values{"channel_id": {channel}}, &have); err != nil {
		return readError(what, err)
	}
	for _, b := range have.Bookmarks {
		if b.Title == title {
			return nil
		}
	}
	return orNil(what, r.ask(ctx, "bookmarks.add", url.Values{
		"channel_id": {channel}, "title": {title}, "type": {"link"}, "link": {address},
	}, nil))
}

// Pin pins a message, if it is not.
func (r *Rooms) Pin(ctx context.Context, channel, ts string) error {
	err := r.ask(ctx, "pins.add", url.Values{"channel": {channel}, "timestamp": {ts}}, nil)
	if errorCode(err) == "already_pinned" {
		return nil
	}
	return orNil("pin a message in the channel", err)
}

// Unpin takes the pin of a message away, if there is one.
func (r *Rooms) Unpin(ctx context.Context, channel, ts string) error {
	err := r.ask(ctx, "pins.remove", url.Values{"channel": {channel}, "timestamp": {ts}}, nil)
	if slices.Contains([]string{"no_pin", "message_not_found"}, errorCode(err)) {
		return nil
	}
	return orNil("unpin a message in the channel", err)
}

// Pinned are the bot's own messages that are pinned in a channel.
func (r *Rooms) Pinned(ctx context.Context, channel string) ([]string, error) {
	me, err := r.self(ctx)
	if err != nil {
		return nil, readError("see what is pinned in the channel", err)
	}
	items, err := r.pins(ctx, channel)
	if err != nil {
		return nil, err
	}
	var own []string
	for _, one := range items {
		if one.Message.by(me) {
			own = append(own, one.Message.TS)
		}
	}
	return own, nil
}

func (r *Rooms) pins(ctx context.Context, channel string) ([]pinned, error) {
	var list struct {
		Items []pinned `json:"items"`
	}
	if err := r.ask(ctx, "pins.list", url.Values{"channel": {channel}}, &list); err != nil {
		return nil, readError("see what is pinned in the channel", err)
	}
	return slices.DeleteFunc(list.Items, func(p pinned) bool { return p.Type != "message" }), nil
}

// pinned is a message that somebody pinned.
type pinned struct {
	Type    string `json:"type"`
	By      string `json:"created_by"`
	Message said   `json:"message"`
}
