package bot

import (
	"context"
	"errors"

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
	return d.sender.ephemeral(ctx, p.Channel, p.Thread, p.OnlyTo, p.Message)
}
