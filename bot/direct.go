package bot

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"github.com/integritybot/integritybot/internal/message"
)

// direct answers one person at once, outside the queue: what could not be
// recorded cannot be queued either.
type direct struct {
	sender *sender
}

// send tries the response_url, and chat.postEphemeral where that is refused.
// After an unknown outcome it does not try again.
func (d *direct) send(ctx context.Context, p message.Post) error {
	err := errors.New("nowhere to answer: no response_url and no channel")
	if p.ResponseURL != "" {
		if err = d.sender.respond(ctx, p.ResponseURL, p.Thread, p.Message, true); err == nil || mayHaveHappened(err) {
			return err
		}
	}
	if p.Channel == "" || p.OnlyTo == "" {
		return err
	}
	if strings.HasPrefix(p.Channel, "D") { // nobody else reads it, and a message stays
		_, _, err = d.sender.post(ctx, p.Channel, p.Thread, p.Key, p.Message, 0)
		return err
	}
	return d.sender.ephemeral(ctx, p.Channel, p.Thread, p.OnlyTo, p.Message)
}

const methodOpen = "conversations.open"

// openDirect gives the channel of direct messages with a person, however often it is
// called.
func openDirect(ctx context.Context, c caller, user string) (string, error) {
	var opened struct {
		Channel place `json:"channel"`
	}
	if err := c.call(ctx, methodOpen, url.Values{"users": {user}}, &opened); err != nil {
		return "", err
	}
	if opened.Channel.ID == "" {
		return "", errors.New("the answer names no channel")
	}
	return opened.Channel.ID, nil
}
