package bot

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/integritybot/integritybot/incidents"
)

const (
	roomsPage  = 900 // channels in one answer; Slack takes at most 999
	roomsPages = 50
	peoplePage = 1000
	// inviteAtOnce is how many people one call of conversations.invite takes (method page).
	inviteAtOnce = 100
	maxTopic     = 250
)

// Rooms does things for the channels of incidents: it creates them, and reads and sets
// what is in them. Every error is an *incidents.RoomError, whose sentence is for people.
// It keeps nothing that matters, and never tries again by itself: whether a call may be
// repeated is for its caller to know.
type Rooms struct {
	caller
	me       *memo[self]
	gates    *gates
	log      *slog.Logger
	reaction string
	counts   func(ctx context.Context, user string) (bool, error)
}

// RoomsDeps is what Rooms works with; all of it may be nil.
type RoomsDeps struct {
	Log *slog.Logger
	Now func() time.Time
	// Reaction is the one that puts messages on the timeline, without colons.
	Reaction string
	// Counts tells whether what a person pins or marks with the Reaction counts; nil:
	// everybody's does.
	Counts func(ctx context.Context, user string) (bool, error)
}

// NewRooms makes rooms. It calls nobody yet.
func NewRooms(o Options, d RoomsDeps) (*Rooms, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	o = o.withDefaults()
	_, client := newClient(o)
	return &Rooms{
		caller: caller{opt: o, client: client},
		me:     newMemo[self]("auth.test", selfMemory, d.Now, nil), gates: newGates(d.Now), log: d.Log,
		reaction: bareReaction(d.Reaction), counts: d.Counts,
	}, nil
}

// Close gives the connections back.
func (r *Rooms) Close() { r.client.CloseIdleConnections() }

// ask is one call, unless Slack asked to leave the method alone for now.
func (r *Rooms) ask(ctx context.Context, method string, arguments url.Values, out any) error {
	if wait := r.gates.wait(method); wait > 0 {
		return &slack.RateLimitedError{RetryAfter: wait}
	}
	err := r.call(ctx, method, arguments, out)
	if wait, limited := rateLimited(err); limited {
		r.gates.shut(method, wait)
	}
	return err
}

func (r *Rooms) self(ctx context.Context) (self, error) {
	return r.me.get(ctx, "", false, func(ctx context.Context) (self, error) {
		var said struct {
			URL        string `json:"url"`
			Enterprise string `json:"enterprise_id"`
			Team       string `json:"team_id"`
			User       string `json:"user_id"`
			Name       string `json:"user"`
			BotID      string `json:"bot_id"`
		}
		err := r.ask(ctx, "auth.test", url.Values{}, &said)
		return self{
			Enterprise: said.Enterprise, Team: said.Team, User: said.User, Name: said.Name, BotID: said.BotID, URL: said.URL,
		}, err
	})
}

// place is what is needed of a channel object.
type place struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Creator  string `json:"creator"`
	Created  int64  `json:"created"` // Unix seconds
	Archived bool   `json:"is_archived"`
}

// Create creates a channel. An outcome that is not known is NotKnown: Find tells then.
func (r *Rooms) Create(ctx context.Context, name string, private bool) (string, error) {
	var made struct {
		Channel place `json:"channel"`
	}
	err := r.ask(ctx, "conversations.create", url.Values{"name": {name}, "is_private": {strconv.FormatBool(private)}}, &made)
	if err == nil && made.Channel.ID == "" {
		err = errors.New("the answer names no channel")
	}
	if err != nil {
		what := "create the public channel #" + name
		if private {
			what = "create the private channel #" + name
		}
		return "", roomError(what, err)
	}
	return made.Channel.ID, nil
}

// Find gives the channel of a name among those that the bot is in, which whoever creates
// one is; nil: there is none. Those that are archived count as gone.
func (r *Rooms) Find(ctx context.Context, name string) (*incidents.Channel, error) {
	me, err := r.self(ctx)
	if err != nil {
		return nil, readError("look for #"+name, err)
	}
	arguments := url.Values{
		"types": {"public_channel,private_channel"}, "exclude_archived": {"true"}, "limit": {strconv.Itoa(roomsPage)},
	}
	for range roomsPages {
		var page struct {
			Channels []place `json:"channels"`
			Next     next    `json:"response_metadata"`
		}
		if err := r.ask(ctx, "users.conversations", arguments, &page); err != nil {
			return nil, readError("look for #"+name, err)
		}
		for _, c := range page.Channels {
			if c.Name == name {
				return &incidents.Channel{
					ID: c.ID, Name: c.Name, Ours: c.Creator == me.User, Created: time.Unix(c.Created, 0).UTC(), Archived: c.Archived,
				}, nil
			}
		}
		if page.Next.Cursor == "" {
			return nil, nil
		}
		arguments.Set("cursor", page.Next.Cursor)
	}
	return nil, readError("look for #"+name, errors.New("the bot is in too many channels to look through"))
}

// next is where the next page of an answer begins; empty: there is none.
type next struct {
	Cursor string `json:"next_cursor"`
}

// Invite adds people who are not in the channel yet. Those whom Slack does not let in are
// left: guests of other channels, people who left, other organisations.
func (r *Rooms) Invite(ctx context.Context, channel string, users []string) (left []string, err error) {
	there, err := r.members(ctx, channel)
	if err != nil {
		return nil, err
	}
	var missing []string
	for _, u := range users {
		if u != "" && !slices.Contains(there, u) && !slices.Contains(missing, u) {
			missing = append(missing, u)
		}
	}
	for batch := range slices.Chunk(missing, inviteAtOnce) {
		not, err := r.invite(ctx, channel, batch)
		left = append(left, not...)
		if err != nil {
			return left, err
		}
	}
	return left, nil
}

// members are the people of a channel, the bot itself included.
func (r *Rooms) members(ctx context.Context, channel string) ([]string, error) {
	arguments := url.Values{"channel": {channel}, "limit": {strconv.Itoa(peoplePage)}}
	var all []string
	for {
		var page struct {
			Members []string `json:"members"`
			Next    next     `json:"response_metadata"`
		}
		if err := r.ask(ctx, "conversations.members", arguments, &page); err != nil {
			return nil, readError("see who is in the channel", err)
		}
		all = append(all, page.Members...)
		if page.Next.Cursor == "" || len(page.Members) == 0 {
			return all, nil
		}
		arguments.Set("cursor", page.Next.Cursor)
	}
}

// invite adds all of them or, if Slack refuses because of some, halves until it is known
// whom it does not let in.
func (r *Rooms) invite(ctx context.Context, channel string, users []string) (left []string, err error) {
	err = r.ask(ctx, "conversations.invite", url.Values{"channel": {channel}, "users": {strings.Join(users, ",")}}, nil)
	switch {
	case err == nil:
		return nil, nil
	case !aboutPerson(err):
		return nil, roomError("invite people into the channel", err)
	case len(users) > 1:
		for half := range slices.Chunk(users, (len(users)+1)/2) {
			not, err := r.invite(ctx, channel, half)
			left = append(left, not...)
			if err != nil {
				return left, err
			}
		}
		return left, nil
	case slices.Contains([]string{"already_in_channel", "cant_invite_self"}, errorCode(err)):
		return nil, nil
	}
	r.log.Info("person not invited", "channel", channel, "user", users[0], "error", describe(err))
	return users, nil
}

// aboutPerson says that Slack refuses an invitation because of whom it is for (method
// page of conversations.invite).
func aboutPerson(err error) bool {
	return slices.Contains([]string{
		"already_in_channel", "cant_invite", "cant_invite_self", "user_not_found", "user_disabled", "ura_max_channels",
		"user_team_not_in_channel", "org_user_not_in_team", "invitee_cant_see_channel", "no_external_invite_permission",
		"external_user_cant_invite", "external_team_not_accepted", "user_not_visible",
	}, errorCode(err))
}
