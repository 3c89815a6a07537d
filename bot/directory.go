package bot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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
	nameLife   = time.Hour        // what people are called
	selfMemory = 24 * time.Hour   // who the bot is does not change under one token
)

// Directory looks up people and channels in Slack. When Slack does not answer
// it says so: it never guesses that somebody may act.
type Directory struct {
	api    *slack.Client
	client *http.Client
	me     *memo[self]
	people *memo[account]
	names  *memo[string]
	groups *memo[[]members]
	places *memo[commands.Place]
}

var _ commands.Directory = (*Directory)(nil)

// DirectoryDeps is what a directory works with; all of it may be nil.
type DirectoryDeps struct {
	Shelf Shelf // nil: this replica alone remembers what it asked
	Log   *slog.Logger
	Now   func() time.Time
}

// NewDirectory makes a directory. It calls nobody yet.
func NewDirectory(o Options, d DirectoryDeps) (*Directory, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	var shared *sharing
	if d.Shelf != nil {
		shared = &sharing{shelf: d.Shelf, now: d.Now, log: d.Log}
	}
	api, client := newClient(o.withDefaults())
	return &Directory{
		api: api, client: client,
		me:     newMemo[self]("auth.test", selfMemory, d.Now, nil), // no limit that a start could meet
		people: newMemo[account]("users.info", memory, d.Now, shared),
		names:  newMemo[string]("users.info (name)", nameLife, d.Now, nil),
		groups: newMemo[[]members]("usergroups.list", memory, d.Now, shared),
		places: newMemo[commands.Place]("conversations.info", placeLife, d.Now, shared),
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
	user, err := d.people.get(ctx, actor.User, fresh, func(ctx context.Context) (account, error) {
		u, err := d.api.GetUserInfoContext(ctx, actor.User)
		if err != nil {
			return account{}, err
		}
		return accountOf(u), nil
	})
	if slices.Contains([]string{"user_not_found", "user_not_visible"}, errorCode(err)) {
		// Slack knows nobody of this id whom we may see: not one of us.
		return authz.Subject{Enterprise: actor.Enterprise, Team: actor.Team, User: actor.User, Outsider: true}, nil
	}
	if err != nil {
		return authz.Subject{}, fmt.Errorf("users.info: %w", err)
	}
	s := authz.Subject{
		Enterprise: user.Enterprise, Team: user.Team, User: user.User,
		Guest:       user.Guest,
		Bot:         user.Bot || user.User == me.User,
		Deactivated: user.Deactivated,
		Outsider:    outsider(user, me),
	}
	if s.Guest || s.Bot || s.Deactivated || s.Outsider {
		return s, nil // may do nothing, whatever the groups
	}
	s.Groups, err = d.groupsOf(ctx, me.Team, user.User, fresh)
	return s, err
}

// NameOf is what a person is called, for letters to people who are not in Slack; empty
// where it is not known. Rights never depend on it.
func (d *Directory) NameOf(ctx context.Context, user string) string {
	name, err := d.names.get(ctx, user, false, func(ctx context.Context) (string, error) {
		u, err := d.api.GetUserInfoContext(ctx, user)
		if err != nil {
			return "", fmt.Errorf("users.info: %w", err)
		}
		name := inline(u.RealName)
		setZero(&name, inline(u.Name))
		return name, nil
	})
	if err != nil {
		return ""
	}
	return name
}

// account is what rights depend on of a user of Slack's. It lies on the shelf:
// see shelfForm.
type account struct {
	Enterprise, Team, User            string
	Guest, Bot, Deactivated, Stranger bool
}

func accountOf(u *slack.User) account {
	return account{
		Enterprise: u.Enterprise.EnterpriseID, Team: u.TeamID, User: u.ID,
		Guest:       u.IsRestricted || u.IsUltraRestricted,
		Bot:         u.IsBot || u.IsWorkflowBot || u.IsConnectorBot || u.ID == "USLACKBOT",
		Deactivated: u.Deleted,
		Stranger:    u.IsStranger,
	}
}

// outsider: the account belongs neither to our workspace nor to another one of
// our enterprise.
func outsider(user account, me self) bool {
	if user.Stranger {
		return true
	}
	sameTeam := user.Team != "" && user.Team == me.Team
	sameEnterprise := me.Enterprise != "" && user.Enterprise == me.Enterprise
	return !sameTeam && !sameEnterprise
}

// members are the ids of a user group that is not disabled. It lies on the
// shelf: see shelfForm.
type members struct {
	Group string
	Users []string
}

func (d *Directory) groupsOf(ctx context.Context, team, user string, fresh bool) ([]string, error) {
	all, err := d.groups.get(ctx, team, fresh, d.askGroups)
	if err != nil {
		return nil, fmt.Errorf("usergroups.list: %w", err)
	}
	var ids []string
	for _, g := range all {
		if slices.Contains(g.Users, user) {
			ids = append(ids, g.Group)
		}
	}
	return ids, nil
}

// Members gives the people who are in a user group now, as it was remembered for at
// most a minute. A group that is disabled or not there has none.
func (d *Directory) Members(ctx context.Context, group string) ([]string, error) {
	me, err := d.me.get(ctx, "", false, func(ctx context.Context) (self, error) { return whoAmI(ctx, d.api) })
	if err != nil {
		return nil, fmt.Errorf("auth.test: %w", err)
	}
	all, err := d.groups.get(ctx, me.Team, false, d.askGroups)
	if err != nil {
		return nil, fmt.Errorf("usergroups.list: %w", err)
	}
	for _, g := range all {
		if g.Group == group {
			return slices.Clone(g.Users), nil
		}
	}
	return nil, nil
}

func (d *Directory) askGroups(ctx context.Context) ([]members, error) {
	groups, err := d.api.GetUserGroupsContext(ctx, slack.GetUserGroupsOptionIncludeUsers(true))
	if slices.Contains([]string{"paid_teams_only", "plan_upgrade_required"}, errorCode(err)) {
		return nil, nil // a workspace without user groups
	}
	if err != nil {
		return nil, err
	}
	var all []members
	for _, g := range groups {
		if g.DateDelete == 0 {
			all = append(all, members{Group: g.ID, Users: g.Users})
		}
	}
	return all, nil
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
