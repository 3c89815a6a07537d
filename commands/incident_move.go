package commands

import (
	"context"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/message"
)

// moving is how an incident moves on by a command.
type moving struct {
	// to are the incidents as they are after it; none: nothing moves, something is added.
	to []incidents.Incident
	// before and after are what changes, in a word, and args what is said beside it, for
	// the audit.
	before, after string
	args          map[string]string
	// rule is what decided, where that was not the permission alone.
	rule string
	// says is what people read in the incident's channel.
	says    message.Line
	parts   []message.Part
	entries []incidents.Entry
	posts   []message.Post
	events  []audit.Event // of other incidents
}

// moveFunc decides how an incident moves by a call, whose words no longer name it.
type moveFunc func(ctx context.Context, c Call, i incidents.Incident) (moving, error)

// finder gives the incident that a call is about, and the call without its name.
type finder func(ctx context.Context, env Env, c Call, example string) (incidents.Incident, Call, error)

// refAnywhere finds it wherever among the words it is named, for commands whose words are
// no sentence.
func refAnywhere(find finder) finder {
	return func(ctx context.Context, env Env, c Call, example string) (incidents.Incident, Call, error) {
		return find(ctx, env, refFirst(c), example)
	}
}

// moveCommand is a command that moves an incident on. example is one that works, with %s
// where an incident is named.
func moveCommand(env Env, c Command, example string, decide moveFunc) Command {
	return moveFound(env, c, whichIncident, example, decide)
}

func moveFound(env Env, c Command, find finder, example string, decide moveFunc) Command {
	c.Under, c.General = "incident", rightManage
	if c.Needs == nil {
		c.Needs = needs(rightManage)
	}
	c.Prepare = func(ctx context.Context, call Call) (Prepared, error) {
		i, call, err := find(ctx, env, call, example)
		if err != nil {
			return Prepared{}, err
		}
		m, err := decide(ctx, call, i)
		if err != nil {
			return Prepared{Incident: i.Ref()}, notMoved(err)
		}
		return movedOn(env, call, i, m), nil
	}
	return c
}

// movedOn records it. People read of it in the incident's channel, and whoever asked
// elsewhere reads it there, too.
func movedOn(env Env, c Call, i incidents.Incident, m moving) Prepared {
	p := Prepared{Target: i.Ref(), Incident: i.Ref(), Before: m.before, After: m.after, Args: m.args, Rule: m.rule}
	if c.Request.Channel != i.Where() {
		p.Reply = &message.Message{Headline: m.says, Context: []message.Line{message.Join(i.Ref(), inPlace(i))}}
	}
	p.Build = func(int64) Intent {
		in := Intent{Entries: m.entries, Posts: m.posts, Events: m.events}
		for _, to := range m.to {
			in.Incidents = append(in.Incidents, incidents.Change{Incident: to})
			if to.ID == i.ID {
				in.Posts = append(in.Posts, incidents.Answered(i, to, env.Incidents, by(env, c))...)
			}
		}
		if len(m.says) > 0 && i.Where() != "" {
			in.Posts = append([]message.Post{saidIn(c, i, message.Message{Headline: m.says, Parts: m.parts})}, in.Posts...)
		}
		return in
	}
	return p
}

// saidIn is a message in the incident's channel, in the thread where it was asked for.
func saidIn(c Call, i incidents.Incident, m message.Message) message.Post {
	p := message.Post{Key: "incident/" + i.Ref() + "/said/" + c.ID, Channel: i.Where(), Final: true, Message: m}
	if p.Channel == c.Request.Channel {
		p.Thread = c.Request.Thread
	}
	return p
}

// inPlace says where an incident is dealt with: " in #inc-20261121-orders".
func inPlace(i incidents.Incident) message.Line {
	if i.Where() == "" {
		return nil
	}
	return message.Join(" in ", message.Span{Kind: message.Channel, ID: i.Where()})
}

// by is who moves an incident, and when.
func by(env Env, c Call) incidents.Move {
	return incidents.Move{By: c.Request.Actor.User, At: env.Now()}
}

func byWhom(c Call) message.Span { return message.Mention(c.Request.Actor.User) }
