package bot

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/slack-go/slack"
)

const (
	findPages = 10
	findPage  = 200
	maxAnswer = 32 << 20
	// findMargin allows for the clocks of Slack and the store to differ.
	findMargin = 2 * time.Minute
)

// finder looks for messages of ours by the key in their metadata.
type finder struct {
	caller
	me self
}

// history is the little that is needed of a page of messages. slack-go would
// decode every block of everybody's messages, and fail on one it does not know.
type history struct {
	Messages []foundMessage `json:"messages"`
	Next     struct {
		Cursor string `json:"next_cursor"`
	} `json:"response_metadata"`
}

type foundMessage struct {
	TS       string `json:"ts"`
	User     string `json:"user"`
	BotID    string `json:"bot_id"`
	Metadata struct {
		Type    string `json:"event_type"`
		Payload struct {
			Key string `json:"key"`
		} `json:"event_payload"`
	} `json:"metadata"`
}

// find gives the timestamps of our messages by key, the newest of each, that
// were posted since a moment, in a thread or, with an empty thread, in the
// channel. An error means
// that it could not look everywhere; then nothing follows from a missing key.
func (f *finder) find(ctx context.Context, channel, thread string, since time.Time) (map[string]string, error) {
	method := "conversations.history"
	arguments := url.Values{"channel": {channel}}
	if thread != "" {
		method = "conversations.replies"
		arguments.Set("ts", thread)
	}
	if !since.IsZero() {
		arguments.Set("oldest", slackTimestamp(since.Add(-findMargin)))
	}
	arguments.Set("limit", strconv.Itoa(findPage))
	arguments.Set("include_all_metadata", "true")
	found := map[string]string{}
	for range findPages {
		var h history
		err := f.call(ctx, method, arguments, &h)
		if thread != "" && errorCode(err) == "thread_not_found" {
			return f.find(ctx, channel, "", since) // its parent was deleted: it would stand in the channel
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", method, err)
		}
		for _, m := range h.Messages {
			if m.Metadata.Type == postEvent && (m.User == f.me.User || m.BotID != "" && m.BotID == f.me.BotID) {
				key := m.Metadata.Payload.Key
				found[key] = max(found[key], m.TS) // of equal length, so in order of time
			}
		}
		if h.Next.Cursor == "" {
			return found, nil
		}
		arguments.Set("cursor", h.Next.Cursor)
	}
	return nil, errors.New("too many messages since then to look through")
}

// statusError makes slack-go's errors of an HTTP status.
func statusError(r *http.Response) error {
	if r.StatusCode == http.StatusTooManyRequests {
		if seconds, err := strconv.Atoi(r.Header.Get("Retry-After")); err == nil {
			return &slack.RateLimitedError{RetryAfter: time.Duration(seconds) * time.Second}
		}
	}
	if r.StatusCode/100 != 2 {
		return slack.StatusCodeError{Code: r.StatusCode, Status: r.Status}
	}
	return nil
}
