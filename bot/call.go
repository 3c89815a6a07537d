package bot

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/slack-go/slack"
)

// caller makes single calls of the Web API and decodes of the answer what is asked
// for. slack-go would decode every block of everybody's messages, and fail on one that
// it does not know.
type caller struct {
	opt    Options
	client *http.Client
}

// call is one call whose answer is decoded into out; nil: nobody wants it.
func (c caller) call(ctx context.Context, method string, arguments url.Values, out any) error {
	ctx, cancel := context.WithTimeout(ctx, c.opt.Timing.HTTP)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.opt.APIURL+method, strings.NewReader(arguments.Encode()))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Authorization", "Bearer "+string(c.opt.BotToken))
	response, err := c.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if err := statusError(response); err != nil {
		return err
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return err
	}
	var said slack.SlackResponse
	if err := json.Unmarshal(body, &said); err != nil {
		return err
	}
	if !said.Ok {
		return slack.SlackErrorResponse{Err: said.Error, Needed: said.Needed}
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(body, out)
}
