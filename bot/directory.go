package bot

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/slack-go/slack"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/authz"
)

const (
	memory     = time.Minute      // how long people and groups are remembered
	placeLife  = 15 * time.Second // and channels, so that an invitation shows soon
	askLimit   = 5 * time.Second  // for one look-up
	selfMemory = 24 * time.Hour   // who the bot is does not change under one token
)

// Directory looks up people and channels in Slack. When Slack does not answer
// it says so: it never guesses that somebody may act.
type Directory struct {
	api    *slack.Client
	client *http.Client
	me     *memo[self]
	people *memo[*slack.User]
	groups *memo[[]slack.UserGroup]
	places *memo[commands.Place]
}

var _ commands.Directory = (*Directory)(nil)

// NewDirectory makes a directory. It calls nobody yet. now may be nil.
func NewDirectory(o Options, now func() time.Time) (*Directory, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if now == nil {
		now = time.Now
	}
	api, client := newClient(o.withDefaults())
	return &Directory{
		api: api, client: client,
		me:     newMemo[self](selfMemory, askLimit, now),
		people: newMemo[*slack.User](memory, askLimit, now),
		groups: newMemo[[]slack.UserGroup](memory, askLimit, now),
		places: newMemo[commands.Place](placeLife, askLimit, now),
	}, nil
}

// Close gives the connections back.
func (d *Directory) Close() { d.client.CloseIdleConnections() }

// Subject is the person as Slack describes them now, with the user groups they
// are in. Who belongs to another organisation is told by the workspace and
// enterprise of the account, not by names (users.info; reference for the user
// object).
func (d *Directory) Subject(ctx context.Context, actor audit.Actor, fresh bool) (authz.Subject, error) {
	if actor.Kind != audit.Person || actor.User == "" {
		return authz.Subject{}, fmt.Errorf("look up: %q is not a person in Slack", actor.Kind)
	}
	me, err := d.me.get(ctx, "", false, func(ctx context.Context) (self, error) { return whoAmI(ctx, d.api) })
	if err != nil {
		return authz.Subject{}, fmt.Errorf("auth.test: %w", err)
	}
	user, err := d.people.get(ctx, actor.User, fresh, func(ctx context.Context) (*slack.User, error) {
		return d.api.GetUserInfoContext(ctx, actor.User)
	})
	if slices.Contains([]string{"user_not_found", "user_not_visible"}, errorCode(err)) {
		// Slack knows nobody of this id whom we may see: not one of us.
		return authz.Subject{Enterprise: actor.Enterprise, Team: actor.Team, User: actor.User, Outsider: true}, nil
	}
	if err != nil {
		return authz.Subject{}, fmt.Errorf("users.info: %w", err)
	}
	s := authz.Subject{
		Enterprise: user.Enterprise.EnterpriseID, Team: user.TeamID, User: user.ID,
		Guest:       user.IsRestricted || user.IsUltraRestricted,
		Bot:         user.IsBot || user.IsWorkflowBot || user.IsConnectorBot || user.ID == "USLACKBOT" || user.ID == me.User,
		Deactivated: user.Deleted,
		Outsider:    outsider(user, me),
	}
	if s.Guest || s.Bot || s.Deactivated || s.Outsider {
		return s, nil // may do nothing, whatever the groups
	}
	s.Groups, err = d.groupsOf(ctx, user.ID, fresh)
	return s, err
}

// outsider: the account belongs neither to our workspace nor to another one of
// our enterprise.
func outsider(user *slack.User, me self) bool {
	if user.IsStranger {
		return true
	}
	sameTeam := user.TeamID != "" && user.TeamID == me.Team
	sameEnterprise := me.Enterprise != "" && user.Enterprise.EnterpriseID == me.Enterprise
	return !sameTeam && !sameEnterprise
}

func (d *Directory) groupsOf(ctx context.Context, user string, fresh bool) ([]string, error) {
	all, err := d.groups.get(ctx, "", fresh, func(ctx context.Context) ([]slack.UserGroup, error) {
		groups, err := d.api.GetUserGroupsContext(ctx, slack.GetUserGroupsOptionIncludeUsers(true))
		if slices.Contains([]string{"paid_teams_only", "plan_upgrade_required"}, errorCode(err)) {
			return nil, nil // a workspace without user groups
		}
		return groups, err
	})
	if err != nil {
		return nil, fmt.Errorf("usergroups.list: %w", err)
	}
	var ids []string
	for _, g := range all {
		if g.DateDelete == 0 && slices.Contains(g.Users, user) {
			ids = append(ids, g.ID)
		}
	}
	return ids, nil
}

// Place describes a channel. One that the bot cannot see may be shared with
// anybody, so it counts as shared.
func (d *Directory) Place(ctx context.Context, channel string) (commands.Place, error) {
	if channel == "" {
		return commands.Place{}, errors.New("look up: no channel")
	}
	return d.places.get(ctx, channel, false, func(ctx context.Context) (commands.Place, error) {
		c, err := d.api.GetConversationInfoContext(ctx, &slack.GetConversationInfoInput{ChannelID: channel})
		if slices.Contains([]string{"channel_not_found", "not_in_channel", "method_not_supported_for_channel_type"}, errorCode(err)) {
			return commands.Place{ID: channel, Shared: true}, nil
		}
		if err != nil {
			return commands.Place{}, fmt.Errorf("conversations.info: %w", err)
		}
		return commands.Place{
			ID:     channel,
			Shared: c.IsExtShared || c.IsPendingExtShared || len(c.PendingShared) > 0 || (c.IsShared && !c.IsOrgShared),
			Member: c.IsMember || c.IsIM,
			Direct: c.IsIM,
		}, nil
	})
}
