package keeper

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/check/report"
	"github.com/integritybot/integritybot/internal/message"
)

// decision gives the incident as it is to be from now on and what goes with it; false:
// it is so already. It may change the incident that it is given.
type decision func(incidents.Incident) (incidents.Incident, incidents.Effects, bool)

// movesAtMost is how often a change is decided anew because somebody else was faster.
const movesAtMost = 8

// move changes an incident that others change, too. It gives it as it is then.
func (k *Keeper) move(ctx context.Context, id int64, what string, decide decision) (incidents.Incident, error) {
	for range movesAtMost {
		i, err := k.store.Incident(ctx, id)
		if err != nil {
			return i, err
		}
		to, effects, changes := decide(i.Clone())
		if !changes {
			return i, nil
		}
		err = k.write(ctx, fmt.Sprintf("keeper/%s/v%d/%s", i.Ref(), i.Version, what), to, effects)
		if err == nil {
			return k.store.Incident(ctx, id)
		}
		if !errors.Is(err, incidents.ErrMoved) {
			return i, err
		}
	}
	return incidents.Incident{}, fmt.Errorf("%s %s: %w", incidents.Ref(id), what, incidents.ErrMoved)
}

// write writes an incident over the version that it was made from, once for a key.
// ErrMoved: somebody else did that, or something else.
func (k *Keeper) write(ctx context.Context, key string, i incidents.Incident, e incidents.Effects) error {
	order, err := k.order(ctx, i, e.Run)
	if err != nil {
		return err
	}
	done, err := k.store.Record(ctx, key, order != nil || len(e.Notices) > 0, func(run int64) commands.Intent {
		intent := commands.Intent{
			Incidents: []incidents.Change{{Incident: i}}, Events: k.stamped(e.Events), Posts: e.Posts, Entries: e.Entries, Notices: e.Notices,
		}
		if order != nil {
			o := *order
			o.ID = run
			intent.Run, intent.Posts = &o, append(intent.Posts[:len(intent.Posts):len(intent.Posts)], report.Queued(o))
		}
		return intent
	})
	if err == nil && done {
		err = incidents.ErrMoved
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", i.Ref(), err)
	}
	return nil
}

// stamped adds the version of the bot.
func (k *Keeper) stamped(events []audit.Event) []audit.Event {
	out := make([]audit.Event, len(events))
	for n, e := range events {
		e.Version = k.opts.Version
		out[n] = e
	}
	return out
}

// order is a run of the checks of an incident's domain, where it is dealt with. nil:
// there is none to run, or no place to answer in.
func (k *Keeper) order(ctx context.Context, i incidents.Incident, wanted bool) (*check.Order, error) {
	if !wanted || i.Where() == "" {
		return nil, nil
	}
	names, off := k.opts.Domain(i.Domain)
	if len(names) == 0 {
		return nil, nil
	}
	now, err := k.store.Clock(ctx)
	if err != nil {
		return nil, err
	}
	title := i.Domain
	if _, t, err := k.opts.Catalog.Select(i.Domain); err == nil {
		title = t
	}
	shared, err := k.shared(ctx, i.Where())
	// Nobody asks for it: that there is an incident is reason enough, whatever who opened
	// it may do.
	return &check.Order{
		Title: title, Words: "check " + i.Domain, Checks: names, Off: off, Channel: i.Where(), Request: i.Request,
		AskedAt: now, NoRows: shared || err != nil, Incident: i.ID,
	}, nil
}

// shared tells whether people of other organisations read along in a channel, also in
// one that the bot created: it can be shared later. If nobody knows, they do.
func (k *Keeper) shared(ctx context.Context, channel string) (bool, error) {
	if k.opts.Shared == nil {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	return k.opts.Shared(ctx, channel)
}

// askWithin bounds one question about a group or a channel.
const askWithin = 5 * time.Second

// members gives who is in a user group now.
func (k *Keeper) members(ctx context.Context) func(group string) ([]string, error) {
	return func(group string) ([]string, error) {
		ctx, cancel := context.WithTimeout(ctx, askWithin)
		defer cancel()
		return k.opts.Members(ctx, group)
	}
}

// done notes in an incident that a step of its channel is done.
func done(i *incidents.Incident, what string, at time.Time) {
	if i.Room.Done == nil {
		i.Room.Done = map[string]time.Time{}
	}
	i.Room.Done[what] = at
}

// trouble notes in an incident what could not be done, and gives the event and the
// post that say so where people are, to those whom it is about.
func trouble(i *incidents.Incident, what, sentence string, people ...string) incidents.Effects {
	if i.Room.Trouble == nil {
		i.Room.Trouble = map[string]string{}
	}
	i.Room.Trouble[what] = sentence
	event := i.Log("incident.furnish", map[string]string{"what": what})
	if what == incidents.FurnishChannel {
		event = i.Log("incident.create-channel", map[string]string{"name": i.Room.Trying})
	}
	event.Outcome, event.Error = audit.Failed, sentence
	e := incidents.Effects{Events: []audit.Event{event}}
	if i.Where() != "" {
		e.Posts = []message.Post{troubledPost(*i, what, sentence, incidents.Place{Channel: i.Where(), Thread: threadOf(*i)}, people...)}
	}
	return e
}

// troubledPost says in a place what could not be done.
func troubledPost(i incidents.Incident, what, sentence string, at incidents.Place, people ...string) message.Post {
	m := message.Message{Headline: message.Text("⚠️ %s: %s", i.Ref(), sentence), Actions: tryAgain(i, what)}
	if len(people) > 0 {
		var line message.Line
		for _, p := range people {
			line = append(line, message.Mention(p), message.Span{Text: " "})
		}
		m.Parts = []message.Part{{Lines: []message.Line{line}}}
	}
	return message.Post{Key: "incident/" + i.Ref() + "/trouble/" + what, Channel: at.Channel, Thread: at.Thread, Final: true, Message: m}
}

// tryAgain is the button for what may work later, when somebody has given the bot the right.
func tryAgain(i incidents.Incident, what string) []message.Action {
	if what == incidents.FurnishChannel && i.Where() != "" { // it goes on there
		return nil
	}
	return []message.Action{{Verb: "incident", Ref: "retry " + i.Ref(), Label: "Try again"}}
}

// threadOf is the thread that an incident without a channel is dealt with in.
func threadOf(i incidents.Incident) string {
	if i.Room.Channel == "" {
		return i.Asked.Thread
	}
	return ""
}
