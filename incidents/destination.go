package incidents

import (
	"fmt"
	"slices"
	"strings"
)

// destinations are where a letter for an audience goes: user groups as the people who are
// in them now, nobody twice. not says in sentences who is not told, and why.
func destinations(i Incident, a Audience, members func(group string) ([]string, error)) (to []Destination, not []string) {
	add := func(d Destination) {
		same := func(o Destination) bool { return o.Kind == d.Kind && strings.EqualFold(o.To, d.To) }
		if !slices.ContainsFunc(to, same) {
			to = append(to, d)
		}
	}
	for _, d := range a.To {
		if a.Name == CustomersDraft && d.Kind != ToChannel {
			not = append(not, fmt.Sprintf("The draft for customers is not sent by %s: it is only put into a channel, for a person to copy.", d.kindText()))
			continue
		}
		switch d.Kind {
		case ToGroup:
			people, why := groupPeople(d.To, members)
			if why != "" {
				not = append(not, why)
			}
			for _, user := range people {
				add(Destination{Kind: ToPerson, To: user, Via: d.To})
			}
		case ToChannel:
			if d.To == "incident" {
				d.To = i.Where()
			}
			if d.To == "" {
				not = append(not, "The incident has no channel yet.")
				continue
			}
			add(d)
		default:
			add(d)
		}
	}
	if len(a.To) == 0 {
		not = append(not, "No destination is configured.")
	}
	return to, not
}

// groupPeople are the people in a user group, or why there is nobody to tell. A group
// that cannot be read keeps nobody else from being told.
func groupPeople(group string, members func(group string) ([]string, error)) (people []string, why string) {
	people, err := members(group)
	switch {
	case err != nil:
		return nil, fmt.Sprintf("Slack did not say who is in the user group %s.", group)
	case len(people) == 0:
		return nil, fmt.Sprintf("The user group %s has nobody in it.", group)
	}
	return people, ""
}

// kindText says how somebody is told.
func (d Destination) kindText() string {
	switch d.Kind {
	case ToPerson, ToGroup:
		return "direct message"
	case ToEmail:
		return "email"
	case ToWebhook:
		return "webhook"
	case ToChannel:
	}
	return "channel"
}
