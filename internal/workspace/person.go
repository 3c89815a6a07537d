package workspace

import (
	"hash/fnv"
	"slices"
	"strings"
)

// Kind says what sort of account a person has.
type Kind string

// The kinds of account. An outsider belongs to another workspace and is seen
// only through externally shared channels.
const (
	Member             Kind = "member"
	Guest              Kind = "guest"
	SingleChannelGuest Kind = "single_channel_guest"
	Outsider           Kind = "outsider"
	BotAccount         Kind = "bot"
	Deactivated        Kind = "deactivated"
)

func (k Kind) valid() bool {
	return slices.Contains([]Kind{Member, Guest, SingleChannelGuest, Outsider, BotAccount, Deactivated}, k)
}

// OutsideTeamID is the workspace that outsiders belong to.
const OutsideTeamID = "T0OUTSIDE1"

// slackbotID is the sender of Slack's own notices.
const slackbotID = "USLACKBOT"

// Person is an account of the workspace.
type Person struct {
	ID       string `json:"id"`
	Name     string `json:"name"` // handle, without "@"
	RealName string `json:"real_name"`
	Email    string `json:"email,omitempty"`
	Title    string `json:"title"`
	Kind     Kind   `json:"kind"`
	Admin    bool   `json:"admin,omitempty"`
	Owner    bool   `json:"owner,omitempty"`
	// Groups are ids or handles of user groups to put the person in. It is
	// read when a person is added and filled in when one is shown.
	Groups []string `json:"groups"`
	// TimeZone is an IANA name; empty means UTC.
	TimeZone string `json:"tz,omitempty"`
	Color    string `json:"color"`
}

// Group is a user group.
type Group struct {
	ID     string   `json:"id"`
	Handle string   `json:"handle"`
	Name   string   `json:"name"`
	Users  []string `json:"users"`
}

var avatarColors = []string{"4bbe2e", "e7392d", "3c989f", "9b3b45", "674b1b", "e0a729", "7d414c", "5b89d5", "d55aef", "2b6836"}

// avatarColor is stable for an id.
func avatarColor(id string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id)) // never fails
	return avatarColors[int(h.Sum32()%uint32(len(avatarColors)))]
}

func (w *Workspace) teamOf(p *Person) string {
	if p.Kind == Outsider {
		return OutsideTeamID
	}
	return w.opt.TeamID
}

// userJSON is the user object of users.info, with the fields that tell who is
// a guest, an outsider, a bot or gone.
func (w *Workspace) userJSON(p *Person) obj {
	zone := p.TimeZone
	if zone == "" {
		zone = "Etc/UTC"
	}
	profile := obj{
		"title": p.Title, "phone": "", "skype": "", "real_name": p.RealName,
		"real_name_normalized": p.RealName, "display_name": p.Name,
		"display_name_normalized": p.Name, "status_text": "", "status_emoji": "",
		"team": w.teamOf(p), "avatar_hash": "g" + strings.ToLower(p.ID), "first_name": firstWord(p.RealName),
	}
	if w.app.has("users:read.email") && p.Email != "" {
		profile["email"] = p.Email
	}
	if p.Kind == Guest || p.Kind == SingleChannelGuest {
		profile["guest_invited_by"] = w.firstMember()
	}
	user := obj{
		"id": p.ID, "team_id": w.teamOf(p), "name": p.Name, "deleted": p.Kind == Deactivated,
		"color": p.Color, "real_name": p.RealName, "tz": zone, "tz_label": zone, "tz_offset": 0,
		"profile": profile, "is_admin": p.Admin || p.Owner, "is_owner": p.Owner,
		"is_primary_owner": p.Owner, "is_bot": p.Kind == BotAccount, "is_app_user": false,
		"is_restricted":       p.Kind == Guest || p.Kind == SingleChannelGuest,
		"is_ultra_restricted": p.Kind == SingleChannelGuest, "is_email_confirmed": true,
		"updated": w.started.Unix(), "who_can_share_contact_card": "EVERYONE",
	}
	if p.Kind == Outsider {
		user["is_stranger"] = !w.sharesChannelWithBot(p.ID)
	}
	if p.ID == w.app.BotUserID {
		profile["api_app_id"], profile["bot_id"] = w.app.ID, w.app.BotID
	}
	return user
}

func (w *Workspace) sharesChannelWithBot(user string) bool {
	for _, c := range w.channels {
		if c.has(user) && c.has(w.app.BotUserID) {
			return true
		}
	}
	return false
}

// firstMember is the id of the first full member, who is taken to have
// invited the guests.
func (w *Workspace) firstMember() string {
	for _, id := range w.peopleOrder {
		if w.people[id].Kind == Member && id != slackbotID {
			return id
		}
	}
	return ""
}

func (w *Workspace) groupJSON(g *Group, withUsers bool) obj {
	out := obj{
		"id": g.ID, "team_id": w.opt.TeamID, "is_usergroup": true, "is_subteam": true,
		"name": g.Name, "description": "", "handle": g.Handle, "is_external": false,
		"date_create": w.started.Unix(), "date_update": w.started.Unix(), "date_delete": 0,
		"auto_type": nil, "auto_provision": false, "created_by": w.firstMember(),
		"updated_by": w.firstMember(), "deleted_by": nil, "enterprise_subteam_id": "",
		"prefs":      obj{"channels": []string{}, "groups": []string{}},
		"user_count": len(g.Users), "channel_count": 0,
	}
	if withUsers {
		out["users"] = append([]string{}, g.Users...)
	}
	return out
}

func firstWord(s string) string {
	word, _, _ := strings.Cut(s, " ")
	return word
}
