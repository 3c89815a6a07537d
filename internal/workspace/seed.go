package workspace

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// channelName does not count: eighty copies of these classes would take 5 MB.
var channelName = regexp.MustCompile(`^[\p{Ll}\p{Lo}\p{N}_-]+$`)

const longestChannelName = 80 // characters

// AddPerson adds or, when ID names somebody, changes a person. Full members
// join "general" if there is such a channel; every person gets a direct message
// channel with the bot.
func (w *Workspace) AddPerson(p Person) (Person, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if p.Kind == "" {
		p.Kind = Member
	}
	if !p.Kind.valid() {
		return Person{}, fmt.Errorf("unknown kind of person %q", p.Kind)
	}
	if p.Name == "" || strings.ContainsAny(p.Name, " @<>&") {
		return Person{}, errors.New("a person needs a name without spaces, @, <, > and &")
	}
	if other := w.personNamed(p.Name); other != nil && other.ID != p.ID {
		return Person{}, fmt.Errorf("there is already somebody called %q", p.Name)
	}
	for _, g := range p.Groups {
		if w.group(g) == nil {
			return Person{}, fmt.Errorf("there is no user group %q", g)
		}
	}
	groups := p.Groups
	added := w.addPerson(p)
	if groups != nil {
		w.setGroups(added.ID, groups)
	}
	w.publish(notice{Type: "people"})
	return w.shownPerson(added), nil
}

func (w *Workspace) addPerson(p Person) *Person {
	if p.ID == "" {
		p.ID = w.newID("U")
	}
	setText(&p.RealName, p.Name)
	p.Color, p.Groups = avatarColor(p.ID), nil
	if old, ok := w.people[p.ID]; ok {
		*old = p
		return old
	}
	person := &p
	w.people[p.ID] = person
	w.peopleOrder = append(w.peopleOrder, p.ID)
	if p.ID == slackbotID || p.Kind == BotAccount {
		return person
	}
	if general := w.channelNamed("general"); general != nil && p.Kind == Member {
		general.Members = append(general.Members, p.ID)
	}
	if p.Kind != Outsider {
		w.directMessage(p.ID)
	}
	return person
}

// setGroups makes user a member of exactly these groups (ids or handles).
func (w *Workspace) setGroups(user string, groups []string) {
	for _, g := range w.groups {
		g.Users = slices.DeleteFunc(g.Users, func(u string) bool { return u == user })
		if slices.Contains(groups, g.ID) || slices.Contains(groups, g.Handle) {
			g.Users = append(g.Users, user)
		}
	}
}

func (w *Workspace) shownPerson(p *Person) Person {
	out := *p
	out.Groups = []string{}
	for _, g := range w.groups {
		if slices.Contains(g.Users, p.ID) {
			out.Groups = append(out.Groups, g.ID)
		}
	}
	return out
}

// AddChannel adds or, when ID names a channel, changes one. With nil Members a
// new channel starts empty, and a changed one keeps those it has.
func (w *Workspace) AddChannel(c Channel) (Channel, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !channelName.MatchString(c.Name) || utf8.RuneCountInString(c.Name) > longestChannelName {
		return Channel{}, errors.New("a channel's name has 1 to 80 lower-case letters, digits, - and _")
	}
	if other := w.channelNamed(c.Name); other != nil && other.ID != c.ID {
		return Channel{}, fmt.Errorf("there is already a channel #%s", c.Name)
	}
	for _, m := range c.Members {
		if w.people[m] == nil {
			return Channel{}, fmt.Errorf("there is nobody with the id %q", m)
		}
	}
	old := w.channels[c.ID]
	if old == nil {
		return w.shownChannel(w.addChannel(c)), nil
	}
	old.Name, old.IsPrivate, old.ExtShared, old.Archived = c.Name, c.IsPrivate, c.ExtShared, c.Archived
	if c.Topic != "" {
		old.Topic = c.Topic
	}
	if c.Members != nil {
		old.Members = slices.Clone(c.Members)
	}
	w.publish(notice{Type: "channel", Channel: old.ID})
	return w.shownChannel(old), nil
}

func (w *Workspace) addChannel(c Channel) *Channel {
	if c.ID == "" {
		c.ID = w.newID(map[bool]string{true: "D", false: "C"}[c.IM])
	}
	added := &Channel{
		ID: c.ID, Name: c.Name, Topic: c.Topic, IsPrivate: c.IsPrivate, ExtShared: c.ExtShared,
		Archived: c.Archived, IM: c.IM, Group: c.Group, Members: slices.Clone(c.Members),
		created: w.now(), creator: c.creator, read: map[string]string{},
	}
	if added.creator == "" {
		added.creator = w.firstMember()
	}
	w.channels[c.ID] = added
	w.channelIDs = append(w.channelIDs, c.ID)
	w.publish(notice{Type: "channel", Channel: c.ID})
	return added
}

// directMessage is the direct message channel of user and the bot.
func (w *Workspace) directMessage(user string) *Channel {
	for _, c := range w.channels {
		if c.IM && c.has(user) && c.has(w.app.BotUserID) {
			return c
		}
	}
	return w.addChannel(Channel{IM: true, Members: []string{user, w.app.BotUserID}})
}

func (w *Workspace) shownChannel(c *Channel) Channel {
	return Channel{
		ID: c.ID, Name: c.Name, Topic: c.Topic, IsPrivate: c.IsPrivate, ExtShared: c.ExtShared,
		Archived: c.Archived, IM: c.IM, Group: c.Group, Members: append([]string{}, c.Members...),
	}
}

// AddGroup adds or, when ID names one, changes a user group.
func (w *Workspace) AddGroup(g Group) (Group, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if g.Handle == "" || strings.ContainsAny(g.Handle, " @<>&") {
		return Group{}, errors.New("a user group needs a handle without spaces, @, <, > and &")
	}
	for _, u := range g.Users {
		if w.people[u] == nil {
			return Group{}, fmt.Errorf("there is nobody with the id %q", u)
		}
	}
	if other := w.group(g.Handle); other != nil && other.ID != g.ID {
		return Group{}, fmt.Errorf("there is already a user group @%s", g.Handle)
	}
	setText(&g.Name, g.Handle)
	g.Users = append([]string{}, g.Users...)
	defer w.publish(notice{Type: "people"})
	if old := w.group(g.ID); old != nil && g.ID != "" {
		*old = g
		return g, nil
	}
	if g.ID == "" {
		g.ID = w.newID("S")
	}
	stored := g
	w.groups = append(w.groups, &stored)
	return g, nil
}

// group finds a user group by id or handle.
func (w *Workspace) group(idOrHandle string) *Group {
	for _, g := range w.groups {
		if g.ID == idOrHandle || g.Handle == idOrHandle {
			return g
		}
	}
	return nil
}

func (w *Workspace) personNamed(name string) *Person {
	for _, p := range w.people {
		if strings.EqualFold(p.Name, name) {
			return p
		}
	}
	return nil
}

func (w *Workspace) channelNamed(name string) *Channel {
	for _, c := range w.channels {
		if c.Name == name && name != "" {
			return c
		}
	}
	return nil
}
