package bot

import (
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"
)

// FatalError is something that no retry can cure. Its text is a sentence that
// says what to do.
type FatalError struct {
	Sentence string
	Err      error
}

func (e *FatalError) Error() string { return e.Sentence }
func (e *FatalError) Unwrap() error { return e.Err }

// errorCode is Slack's name of an error, or "".
func errorCode(err error) string {
	var refused slack.SlackErrorResponse
	if errors.As(err, &refused) {
		return refused.Err
	}
	return ""
}

// rateLimited says whether Slack wants us to wait, and how long.
func rateLimited(err error) (time.Duration, bool) {
	var limited *slack.RateLimitedError
	if errors.As(err, &limited) {
		return max(limited.RetryAfter, time.Second), true
	}
	var status slack.StatusCodeError
	if errors.As(err, &status) && status.Code == http.StatusTooManyRequests {
		return 30 * time.Second, true
	}
	if slices.Contains([]string{"ratelimited", "rate_limited", "message_limit_exceeded"}, errorCode(err)) {
		return 30 * time.Second, true
	}
	return 0, false
}

// mayHaveHappened says whether Slack may have carried out a call that failed
// this way. Only what is known to be a refusal, or never to have left this
// machine, is not.
func mayHaveHappened(err error) bool {
	if err == nil {
		return false
	}
	if code := errorCode(err); code != "" {
		return slices.Contains([]string{"fatal_error", "internal_error", "request_timeout"}, code)
	}
	if _, limited := rateLimited(err); limited {
		return false
	}
	var dial *net.OpError
	if errors.As(err, &dial) && dial.Op == "dial" {
		return false
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return false
	}
	var status slack.StatusCodeError
	if errors.As(err, &status) {
		return status.Code >= 500
	}
	return true
}

// transient says whether trying again later can help.
func transient(err error) bool {
	if _, limited := rateLimited(err); limited {
		return true
	}
	switch code := errorCode(err); code {
	case "":
		var status slack.StatusCodeError
		return !errors.As(err, &status) || status.Code >= 500
	case "fatal_error", "internal_error", "request_timeout", "service_unavailable", "team_added_to_org", "accesslimited":
		return true
	}
	return false
}

// fatal turns an error that concerns the whole installation into a sentence.
// token names what was presented: "app" or "bot".
func fatal(err error, token string) *FatalError {
	code := errorCode(err)
	what, ok := fatalCodes[code]
	if !ok {
		return nil
	}
	where := "SLACK_BOT_TOKEN: the Bot User OAuth Token (xoxb-…) under OAuth & Permissions"
	scope := "a scope of the app's manifest"
	if token == "app" {
		where = "SLACK_APP_TOKEN: an App-Level Token (xapp-…) with the scope connections:write under Basic Information"
		scope = "the scope connections:write"
	}
	var refused slack.SlackErrorResponse
	if errors.As(err, &refused) && refused.Needed != "" {
		scope = "the scope " + refused.Needed
	}
	sentence := strings.NewReplacer("{token}", token, "{where}", where, "{scope}", scope).Replace(what)
	return &FatalError{Sentence: sentence + " (Slack says " + code + ".)", Err: err}
}

// {token} is the kind of token, {where} where to get a good one, {scope} what
// it lacks.
var fatalCodes = map[string]string{ //nolint:gosec // sentences about tokens, not tokens
	"invalid_auth":             "Slack does not know the {token} token. Set {where}.",
	"not_authed":               "Slack received no {token} token. Set {where}.",
	"account_inactive":         "The {token} token belongs to a removed app or a deactivated account. Install the app again and set {where}.",
	"token_revoked":            "The {token} token was revoked. Install the app again and set {where}.",
	"token_expired":            "The {token} token has expired. Switch token rotation off in the app's settings, install it again and set {where}.",
	"missing_scope":            "The {token} token lacks {scope}. Add it, install the app again and set {where}.",
	"not_allowed_token_type":   "This is the wrong kind of token for the {token} token. Set {where}.",
	"forbidden_team":           "The workspace may not use Socket Mode with this app. Ask a workspace administrator to approve it.",
	"team_disabled":            "The workspace is disabled in Slack; nobody can use it until an owner reactivates it.",
	"user_removed_from_team":   "The bot's account was removed from the workspace. Install the app again and set {where}.",
	"team_access_not_granted":  "The {token} token was not granted for this workspace. Install the app there and set {where}.",
	"ekm_access_denied":        "An administrator has suspended the bot's access by key management. Ask the administrator to restore it.",
	"access_denied":            "Slack denies access with the {token} token. Ask a workspace administrator to approve the app.",
	"enterprise_is_restricted": "The organisation does not allow this app. Ask an organisation administrator to approve it.",
	"no_permission":            "The {token} token may not do this. Install the app again with its whole manifest and set {where}.",
}
