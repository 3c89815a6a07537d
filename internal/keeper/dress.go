package keeper

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/message"
)

const (
	// inviteAtOnce is how many people are invited with one call.
	inviteAtOnce = 100
	// membersWithin is how long Slack may leave open who is in a group.
	membersWithin = 10 * time.Minute
	// topicLength is how long Slack lets a topic be, in characters.
	topicLength = 250
)

// invite adds the responders, who declared it, and who leads.
func (k *Keeper) invite(ctx context.Context, i incidents.Incident, now time.Time) (outcome, error) {
	people, warnings, err := k.responders(ctx, i, now)
	if err != nil {
		return outcome{}, err
	}
	left := 0
	for batch := range slices.Chunk(people, inviteAtOnce) {
		not, err := k.rooms.Invite(ctx, i.Room.Channel, batch)
		if err != nil {
			return outcome{}, err
		}
		left += len(not)
	}
	if left > 0 {
		warnings = append(warnings, fmt.Sprintf("%s of %d could not be invited: invite them by hand.", persons(left), len(people)))
	}
	return outcome{
		args: map[string]string{"people": fmt.Sprint(len(people) - left)}, warning: strings.Join(warnings, " "),
		set: func(to *incidents.Incident) {
			for _, one := range []string{i.OpenedBy, i.Lead} { // so that they are not invited again when they lead it
				if one != "" {
					done(to, leading+"/"+one, now)
				}
			}
		},
	}, nil
}

func persons(n int) string {
	if n == 1 {
		return "1 person"
	}
	return fmt.Sprintf("%d people", n)
}

// responders are the people to be invited, each once. A group that has nobody, or of
// which Slack does not tell, is a warning.
func (k *Keeper) responders(ctx context.Context, i incidents.Incident, now time.Time) (people, warnings []string, err error) {
	members := k.members(ctx)
	for _, group := range k.opts.Words.Rules.Invite {
		in, err := members(group)
		switch {
		case err != nil && now.Sub(i.Opened) < membersWithin && !is(err, incidents.NotAllowed):
			return nil, nil, &incidents.RoomError{Problem: incidents.NotNow, Sentence: "Slack did not say who is in the user group " + group + ".", Err: err}
		case err != nil:
			warnings = append(warnings, fmt.Sprintf("Slack did not say who is in the user group %s, so nobody of it was invited.", group))
		case len(in) == 0:
			warnings = append(warnings, fmt.Sprintf("The user group %s has nobody in it, so nobody of it was invited.", group))
		}
		people = append(people, in...)
	}
	for _, one := range []string{i.OpenedBy, i.Lead} {
		if one != "" {
			people = append(people, one)
		}
	}
	slices.Sort(people)
	return slices.Compact(people), warnings, nil
}

// topic says in the channel's head what it is about.
func (k *Keeper) topic(ctx context.Context, i incidents.Incident, _ time.Time) (outcome, error) {
	text := topicOf(i)
	return outcome{set: func(to *incidents.Incident) { to.Room.Topic = text }}, k.rooms.Topic(ctx, i.Room.Channel, text)
}

// stale tells whether a topic that the bot set says something else than it should.
func (k *Keeper) stale(i incidents.Incident) bool {
	return i.Room.Topic != "" && i.Room.Channel != "" && !i.Room.Bound && i.Room.Trouble[incidents.FurnishTopic] == "" && i.Room.Topic != topicOf(i)
}

// topicOf has words in it that a person may have typed: nothing in it can become a
// mention or a link.
func topicOf(i incidents.Incident) string {
	text := string(i.Severity) + " · " + harmless(i.Title) + " · " + i.Ref()
	if i.Drill {
		text = "DRILL · " + text
	}
	return clip(text, topicLength)
}

// harmless leaves letters, digits and the signs of a plain sentence.
func harmless(s string) string {
	words := strings.FieldsFunc(s, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(",-()%", r)
	})
	return strings.Join(words, " ")
}

// clip cuts a text after so many characters, visibly.
func clip(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}

// bookmarks adds the runbook and the configured links, in the order of their titles.
func (k *Keeper) bookmarks(ctx context.Context, i incidents.Incident, _ time.Time) (outcome, error) {
	links := maps.Clone(k.opts.Words.Rules.Links)
	if links == nil {
		links = map[string]string{}
	}
	if k.opts.Words.Rules.Runbook != "" {
		links["Runbook"] = k.opts.Words.Rules.Runbook
	}
	for title, url := range i.Links {
		links[title] = url
	}
	for _, title := range slices.Sorted(maps.Keys(links)) {
		if err := k.rooms.Bookmark(ctx, i.Room.Channel, title, links[title]); err != nil {
			return outcome{}, err
		}
	}
	return outcome{args: map[string]string{"links": fmt.Sprint(len(links))}}, nil
}

// link tells where it was declared where it goes on.
func (k *Keeper) link(_ context.Context, i incidents.Incident, _ time.Time) (outcome, error) {
	if i.Asked.Channel == "" {
		return outcome{}, nil
	}
	post := message.Post{
		Key: "incident/" + i.Ref() + "/declared", Channel: i.Asked.Channel, Thread: i.Asked.Thread, Final: true,
		Message: incidents.Declared(i, k.opts.Words),
	}
	return outcome{effects: incidents.Effects{Posts: []message.Post{post}}}, nil
}

// checks begins the checks of the domain. They are begun once because the step is
// written once, together with the run.
func (k *Keeper) checks(_ context.Context, i incidents.Incident, _ time.Time) (outcome, error) {
	names, off := k.opts.Domain(i.Domain)
	switch {
	case i.Where() == "":
		return outcome{warning: "There is no channel in which the checks could answer, so none was begun."}, nil
	case i.Domain == "":
		return outcome{warning: "It is about no domain, so no checks were begun."}, nil
	case len(names) > 0:
		return outcome{effects: incidents.Effects{Run: true}, args: map[string]string{"checks": fmt.Sprint(len(names))}}, nil
	case len(off) > 0:
		return outcome{warning: fmt.Sprintf("What the checks of %s look at is not configured, so none was begun.", i.Domain)}, nil
	default:
		return outcome{warning: fmt.Sprintf("No check is declared for %s, so none was begun.", i.Domain)}, nil
	}
}
