package bot

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/slack-go/slack"

	"github.com/integritybot/integritybot/internal/message"
)

// response is what goes to a response_url. slack-go would add empty metadata,
// and would not read why Slack refuses.
type response struct {
	Type     string        `json:"response_type"`
	Replace  bool          `json:"replace_original"`
	Text     string        `json:"text"`
	Blocks   []slack.Block `json:"blocks"`
	ThreadTS string        `json:"thread_ts,omitempty"`
	Parse    string        `json:"parse"`
	Markdown bool          `json:"mrkdwn"`
	Links    bool          `json:"unfurl_links"`
	Media    bool          `json:"unfurl_media"`
}

// respond answers through a response_url, for the person only.
func (s *sender) respond(ctx context.Context, address, thread string, m message.Message, noButtons bool) error {
	return s.inForms(m, Look{Stamp: "r", NoButtons: noButtons}, func(r Rendered) error {
		body, err := json.Marshal(response{
			Type: slack.ResponseTypeEphemeral, Text: r.Text, Blocks: r.Blocks, ThreadTS: thread, Parse: "none",
		})
		if err != nil {
			return err
		}
		return s.deposit(ctx, address, body)
	})
}

// deposit posts to an address that Slack gave us; no token goes with it.
func (s *sender) deposit(ctx context.Context, address string, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, s.opt.Timing.HTTP)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return slack.SlackErrorResponse{Err: "invalid_url"}
	}
	request.Header.Set("Content-Type", "application/json; charset=utf-8")
	answer, err := s.client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(io.LimitReader(answer.Body, 1<<16))
	if err != nil && answer.StatusCode/100 == 2 {
		return err
	}
	if answer.StatusCode >= 500 || answer.StatusCode == http.StatusTooManyRequests {
		return statusError(answer)
	}
	return refusalIn(answer.StatusCode, said)
}

// refusalIn reads the answer of a response_url: "ok", an error's name, or JSON
// with one of them.
func refusalIn(status int, body []byte) error {
	var said slack.SlackResponse
	if json.Unmarshal(body, &said) == nil {
		if said.Ok {
			return nil
		}
		setZero(&said.Error, "http_error")
		return slack.SlackErrorResponse{Err: said.Error}
	}
	text := strings.TrimSpace(string(body))
	if status/100 == 2 && (text == "ok" || text == "") {
		return nil
	}
	if text == "" || len(text) > 60 || strings.ContainsAny(text, "<> \n") {
		return slack.StatusCodeError{Code: status, Status: http.StatusText(status)}
	}
	return slack.SlackErrorResponse{Err: text}
}
