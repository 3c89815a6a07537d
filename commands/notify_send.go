package commands

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/message"
)

// freshFor is for how long a preview can be sent: then its numbers are too old.
const freshFor = 30 * time.Minute

// sendCommand sends what was previewed, byte for byte: the other end of a button.
func sendCommand(env Env) Command {
	return previewCommand(env, Command{Name: "send", Summary: "send a notice as it was previewed"},
		func(c Call, v incidents.View, s incidents.Sealed) (Prepared, error) {
			return sending{env: env, view: v, draft: s, kept: true, posted: true}.prepare(c)
		})
}

// discardCommand throws a preview away: the other end of a button.
func discardCommand(env Env) Command {
	return previewCommand(env, Command{Name: "discard", Summary: "throw a previewed notice away"},
		func(c Call, v incidents.View, s incidents.Sealed) (Prepared, error) {
			return discarded(env, c, v.Incident, s), nil
		})
}

// previewCommand decides upon a preview: it takes the right to tell each of its audiences.
func previewCommand(env Env, c Command, decide func(Call, incidents.View, incidents.Sealed) (Prepared, error)) Command {
	c.Args, c.Hidden, c.Examples = "<preview>", true, []string{"notify update"}
	c.Needs = func(ctx context.Context, call Call) ([]authz.Permission, error) {
		s, err := draftOf(ctx, env, call)
		return rightsToTell(s.Notice), err
	}
	c.Prepare = func(ctx context.Context, call Call) (Prepared, error) {
		s, err := draftOf(ctx, env, call)
		if err != nil {
			return Prepared{}, err
		}
		v, err := viewOf(ctx, env, s.Notice.Incident)
		if err != nil {
			return Prepared{}, err
		}
		return decide(call, v, s)
	}
	return c
}

func discarded(env Env, c Call, i incidents.Incident, s incidents.Sealed) Prepared {
	p := Prepared{
		Target: i.Ref(), Incident: i.Ref(),
		Args: map[string]string{"seal": s.Seal, "template": s.Notice.Template, "audiences": strings.Join(audiencesOf(s.Notice), ",")},
		Build: func(int64) Intent {
			post := settled(i, previewOf(i, s), message.Join("discarded by ", byWhom(c), " ", message.At(env.Now()), "; nothing was sent."))
			to := without(i, func(p incidents.Preview) bool { return p.Seal == s.Seal })
			return Intent{Discard: s.Seal, Incidents: []incidents.Change{{Incident: to}}, Posts: []message.Post{post}}
		},
	}
	if i.Where() == "" {
		p.Reply = &message.Message{Headline: message.Text("It is discarded; nothing was sent.")}
	}
	return p
}

// draftOf reads the one argument as the seal of a preview that is still kept.
func draftOf(ctx context.Context, env Env, c Call) (incidents.Sealed, error) {
	if c.Place.Shared {
		return incidents.Sealed{}, errSharedIncident()
	}
	if len(c.Args) != 1 {
		return incidents.Sealed{}, badInput("Press the button under a preview; this needs the preview that is meant.").try("notify update")
	}
	s, err := env.Archive.Draft(ctx, c.Args[0])
	if errors.Is(err, incidents.ErrNotFound) {
		return s, badInput("That preview is no longer kept: it was discarded, or is older than a day. Make a new one.").try("notify update")
	}
	if err == nil && s.Notice.ID > 0 {
		return s, sentAlready(s.Notice)
	}
	return s, err
}

func sentAlready(n incidents.Notice) error {
	return &InputError{Sentence: "That was sent already, as " + n.Ref() + ".", Who: n.By, Try: "incident timeline " + incidents.Ref(n.Incident)}
}

func rightsToTell(n incidents.Notice) []authz.Permission {
	var rights []authz.Permission
	for _, a := range audiencesOf(n) {
		rights = append(rights, notifies(a))
	}
	return rights
}

// sending is a draft on its way out.
type sending struct {
	env   Env
	view  incidents.View
	draft incidents.Sealed
	// kept: the draft is kept, so that it is either sent or thrown away. posted: its preview
	// is a message, whose buttons go.
	kept, posted bool
}

// prepare sends the draft.
func (s sending) prepare(c Call) (Prepared, error) {
	i, n := s.view.Incident, s.draft.Notice
	if err := s.against(); err != nil {
		return Prepared{Incident: i.Ref()}, err
	}
	p := Prepared{
		Target: i.Ref(), Incident: i.Ref(), Numbered: true, Action: "send",
		Args: map[string]string{
			"template": n.Template, "audiences": strings.Join(audiencesOf(n), ","), "seal": s.draft.Seal, "not": clip(strings.Join(notTold(n), " ")),
		},
		Build: func(number int64) Intent { return s.build(c, number) },
	}
	switch where := i.Where(); {
	case where == "":
		p.Reply = &message.Message{Headline: message.Text("It is being sent; what becomes of it stands in %s's channel, as soon as it has one.", i.Ref())}
	case where != c.Request.Channel:
		p.Reply = &message.Message{Headline: message.Join("It is being sent; what becomes of it stands in ", message.Span{Kind: message.Channel, ID: where}, ".")}
	}
	return p, nil
}

// build sends it under its number. A draft that is kept goes with it: who sends it and who
// throws it away want the same row.
func (s sending) build(c Call, number int64) Intent {
	i, n, now := s.view.Incident, s.draft.Notice, s.env.Now()
	n.ID, n.SentAt = number, now
	to := i.Sent(n)
	in := Intent{Notices: []incidents.Notice{n}, Posts: []message.Post{{Key: incidents.SentKey(number), Channel: i.Where(), Message: s.sent(n)}}}
	if s.kept {
		in.Discard = s.draft.Seal
	}
	in.Posts = append(in.Posts, incidents.Answered(i, to, s.env.Incidents, by(s.env, c))...)
	if s.posted {
		in.Posts = append(in.Posts, settled(i, previewOf(i, s.draft), message.Join("sent as ", n.Ref(), " by ", byWhom(c), " ", message.At(now), ".")))
	}
	to = without(to, func(p incidents.Preview) bool {
		if p.Template == n.Template && p.Key != previewKey(s.draft) {
			in.Posts = append(in.Posts, settled(i, p, message.Join("another one was sent as ", n.Ref(), " by ", byWhom(c), " ", message.At(now), ".")))
		}
		return p.Template == n.Template
	})
	in.Incidents = []incidents.Change{{Incident: to}}
	return in
}

// notTold says who is not told, and why.
func notTold(n incidents.Notice) []string {
	var out []string
	for _, l := range n.Letters {
		for _, not := range l.Not {
			out = append(out, l.Audience+": "+not)
		}
	}
	return out
}

func (s sending) sent(n incidents.Notice) message.Message {
	return incidents.SentMessage(incidents.Sent{Notice: n, Deliveries: n.Outgoing()}, s.env.Incidents)
}

// against says why a draft cannot be sent any more.
func (s sending) against() error {
	i, n, now := s.view.Incident, s.draft.Notice, s.env.Now()
	again := "notify " + n.Template + " " + i.Ref()
	for _, sent := range s.view.Notices {
		if sent.Seal() == n.Seal() {
			return sentAlready(sent.Notice)
		}
	}
	switch {
	case n.Number != i.Told[n.Template]+1:
		return badInput("Another notice of this kind was sent since you saw the preview, so I sent nothing. Look at a new one.").try(again)
	case now.Sub(n.At) > freshFor:
		return badInput("That preview is from %s, and its numbers may not be true any more, so I sent nothing. Look at a new one.", n.At.UTC().Format("2006-01-02 15:04 UTC")).try(again)
	case promisesThePast(n, now):
		return badInput("That preview promises the next update for a time that is over, so I sent nothing. Look at a new one.").try(again)
	case i.Status == incidents.Declined || i.Status == incidents.Merged:
		return badInput("%s is %s, so nobody is told about it any more.", i.Ref(), i.Status).try("incident list")
	}
	return notTrue(incidents.StillTrue(s.view, n))
}

// notTrue is the refusal of a notice that says what is so no more.
func notTrue(err error) error {
	err = notMoved(err)
	var bad *InputError
	if errors.As(err, &bad) {
		return bad.by("it is true no more")
	}
	return err
}

func promisesThePast(n incidents.Notice, now time.Time) bool {
	for _, a := range audiencesOf(n) {
		if next := n.Next[a]; !next.IsZero() && !next.After(now) {
			return true
		}
	}
	return false
}
