package workspace

import (
	"slices"
	"strings"
)

func apiTest(_ *Workspace, c *call) (obj, *apiError) {
	if code := c.text("error"); code != "" {
		return nil, fail(code)
	}
	return obj{"args": c.args}, nil
}

func authTest(w *Workspace, c *call) (obj, *apiError) {
	return obj{
		"url": c.base + "/", "team": w.opt.TeamName, "team_id": w.opt.TeamID,
		"user": w.app.Name, "user_id": w.app.BotUserID, "bot_id": w.app.BotID, "is_enterprise_install": false,
	}, nil
}

func teamInfo(w *Workspace, _ *call) (obj, *apiError) {
	return obj{"team": obj{
		"id": w.opt.TeamID, "name": w.opt.TeamName, "domain": w.opt.TeamDomain, "email_domain": "",
		"url": "https://" + w.opt.TeamDomain + ".slack.com/", "icon": obj{"image_default": true},
	}}, nil
}

func (w *Workspace) botJSON() obj {
	return obj{
		"id": w.app.BotID, "app_id": w.app.ID, "user_id": w.app.BotUserID, "name": w.app.Name,
		"deleted": false, "updated": w.started.Unix(), "icons": obj{}, "team_id": w.opt.TeamID,
	}
}

func botsInfo(w *Workspace, c *call) (obj, *apiError) {
	if id := c.text("bot"); id != "" && id != w.app.BotID {
		return nil, fail("bot_not_found")
	}
	return obj{"bot": w.botJSON()}, nil
}

func usersInfo(w *Workspace, c *call) (obj, *apiError) {
	p := w.people[c.text("user")]
	if p == nil {
		return nil, fail("user_not_found")
	}
	if p.Kind == Outsider && !w.sharesChannelWithBot(p.ID) {
		return nil, fail("user_not_visible")
	}
	return obj{"user": w.userJSON(p)}, nil
}

func usersList(w *Workspace, c *call) (obj, *apiError) {
	var all []obj
	for _, id := range w.peopleOrder {
		if w.people[id].Kind != Outsider {
			all = append(all, w.userJSON(w.people[id]))
		}
	}
	page, cursor, err := paged(c, all, 1000)
	if err != nil {
		return nil, err
	}
	return obj{"members": page, "cache_ts": w.now().Unix(), "response_metadata": obj{"next_cursor": cursor}}, nil
}

func usersLookupByEmail(w *Workspace, c *call) (obj, *apiError) {
	for _, p := range w.people {
		if p.Email != "" && strings.EqualFold(p.Email, c.text("email")) && p.Kind != Deactivated {
			return obj{"user": w.userJSON(p)}, nil
		}
	}
	return nil, fail("users_not_found")
}

func usergroupsList(w *Workspace, c *call) (obj, *apiError) {
	out := []obj{}
	for _, g := range w.groups {
		out = append(out, w.groupJSON(g, c.flag("include_users")))
	}
	return obj{"usergroups": out}, nil
}

func usergroupsUsersList(w *Workspace, c *call) (obj, *apiError) {
	for _, g := range w.groups {
		if g.ID == c.text("usergroup") {
			return obj{"users": append([]string{}, slices.Clone(g.Users)...)}, nil
		}
	}
	return nil, fail("no_such_subteam")
}
