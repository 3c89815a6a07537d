package bot

import (
	"context"
	"fmt"

	"github.com/slack-go/slack"

	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/message"
)

// Home says what a person sees on the bot's Home tab: who the bot thinks they
// are, and what to try.
type Home interface {
	Home(ctx context.Context, actor audit.Actor) (message.Message, error)
}

// showHome draws the Home tab. Nothing is recorded by it, so it is drawn again
// at each visit.
func (d *dispatcher) showHome(ctx context.Context, actor audit.Actor) error {
	m, err := d.home.Home(ctx, actor)
	if err != nil {
		return fmt.Errorf("home: %w", err)
	}
	page := Render(m, Look{Form: NoTable, Stamp: "home"}) // Slack lists tables for Home but does not draw them
	view := slack.HomeTabViewRequest{Type: slack.VTHomeTab, Blocks: slack.Blocks{BlockSet: page.Blocks}}
	_, err = d.api.PublishViewContext(ctx, slack.PublishViewContextRequest{UserID: actor.User, View: view})
	if err != nil {
		return fmt.Errorf("views.publish: %w", err)
	}
	return nil
}
