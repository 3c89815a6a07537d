package bot

import (
	"encoding/json"
	"regexp"
	"strings"

	"github.com/slack-go/slack"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/audit"
)

// readSlash turns a slash command into a request. Slack does not deliver one
// twice, and cannot be used in threads.
func readSlash(e envelope) (act, error) {
	var c slack.SlashCommand
	if err := json.Unmarshal(e.Payload, &c); err != nil {
		return act{}, err
	}
	if c.UserID == "" {
		return act{}, missing("a user", e)
	}
	return act{id: e.EnvelopeID, trigger: c.TriggerID, requests: []commands.Request{{
		Key:         e.EnvelopeID,
		Actor:       person(c.EnterpriseID, c.TeamID, c.UserID),
		Source:      audit.FromSlash,
		Channel:     c.ChannelID,
		Text:        plainTokens(c.Text),
		ResponseURL: c.ResponseURL,
		At:          e.received,
	}}}, nil
}

var token = regexp.MustCompile(`<([^<>]*)>`)

// plainTokens reduces Slack's markup in what a person typed to what they
// meant: people, channels and groups by id without their label, links as they
// were typed. Entities stay; the grammar undoes them.
func plainTokens(text string) string {
	return strings.TrimSpace(token.ReplaceAllStringFunc(text, func(t string) string {
		body, label, labelled := strings.Cut(t[1:len(t)-1], "|")
		switch {
		case strings.HasPrefix(body, "@"), strings.HasPrefix(body, "#"), strings.HasPrefix(body, "!subteam^"):
			return "<" + body + ">"
		case strings.HasPrefix(body, "!"):
			if labelled {
				return label
			}
			return "@" + body[1:]
		case labelled && strings.HasSuffix(body, label): // http://x.example|x.example
			return label
		}
		return strings.TrimPrefix(body, "mailto:")
	}))
}
