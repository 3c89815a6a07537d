package bot

import (
	"context"
	"net/http"
	"time"

	"github.com/slack-go/slack"
)

// newClient is slack-go over a transport of its own. Debugging stays off for
// good: it would log tokens and shorten every socket to six minutes. Retries
// stay off too, because only the caller knows whether a call may be repeated.
func newClient(o Options) (*slack.Client, *http.Client) {
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:errcheck,forcetypeassert // the standard library's own
	transport.MaxIdleConnsPerHost = o.Workers + o.Handlers
	transport.ResponseHeaderTimeout = o.Timing.HTTP
	plain := &http.Client{Transport: transport}
	api := &http.Client{Transport: transport, Timeout: o.Timing.HTTP}
	return slack.New(string(o.BotToken),
		slack.OptionAppLevelToken(string(o.AppToken)),
		slack.OptionAPIURL(o.APIURL),
		slack.OptionHTTPClient(api),
	), plain
}

// self is who the bot is, as auth.test says.
type self struct {
	Enterprise, Team, User, Name, BotID string
	URL                                 string // of the workspace, with a slash at its end
}

func whoAmI(ctx context.Context, api *slack.Client) (self, error) {
	a, err := api.AuthTestContext(ctx)
	if err != nil {
		return self{}, err
	}
	return self{Enterprise: a.EnterpriseID, Team: a.TeamID, User: a.UserID, Name: a.User, BotID: a.BotID, URL: a.URL}, nil
}

// detached is a context that outlives the caller's cancellation, for calls
// whose outcome must be known, or that others wait for too.
func detached(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), limit)
}
