package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/message"
)

// Runner carries every request down the same road. It implements Asker.
type Runner struct {
	Registry  *Registry
	Policy    authz.Policy
	Directory Directory
	Ledger    Ledger
	Log       *slog.Logger
	NewID     func() string // request ids
	Word      string        // the command word: /integrity
	Version   string
	// Budget bounds one request, so that it is acknowledged within Slack's 3 s.
	Budget time.Duration
}

var _ Asker = (*Runner)(nil)

// Ask implements Asker.
func (r *Runner) Ask(ctx context.Context, q Request) *message.Post {
	if r.Budget > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.Budget)
		defer cancel()
	}
	id := r.NewID()
	event, err := r.once(ctx, id, q)
	for range againAtMost { // somebody else decided in between: decide from what is true now
		if !moved(err) || ctx.Err() != nil {
			break
		}
		event, err = r.once(ctx, id, q)
	}
	if moved(err) {
		p, again := r.refuse(&event, "it moved", "Somebody else decided at the same moment, so I did nothing; look at its message, and try again.")
		event, err = again, r.record(ctx, q, p, again)
	}
	if err == nil {
		return nil
	}
	ref := id[max(0, len(id)-6):]
	r.Log.Error("request not recorded", "ref", ref, "request", id, "action", event.Action, "error", err)
	sentence := "I could not record this, so I did nothing. The bot's own database does not answer; try again in a minute. (ref %s)"
	if errors.Is(err, ErrInDoubt) {
		sentence = "The bot's own database went silent while I recorded this, so it may or may not be done. Look whether a result appears before you try again. (ref %s)"
	}
	post := r.reply(q, message.Message{Headline: message.Text(sentence, ref)})
	return &post
}

// againAtMost is how often a request is decided anew because what it is about moved in
// between. Fifty who declare one incident at once are the worst that is known.
const againAtMost = 6

func moved(err error) bool { return errors.Is(err, fix.ErrMoved) || errors.Is(err, incidents.ErrMoved) }

// once decides and records.
func (r *Runner) once(ctx context.Context, id string, q Request) (audit.Event, error) {
	looking, cancel := deciding(ctx)
	p, event := r.decide(looking, id, q)
	cancel()
	return event, r.record(ctx, q, p, event)
}

// toRecord is kept of a request's time for recording what was decided: that
// Slack did not say who somebody is has to be recorded, too.
const toRecord = time.Second

// deciding is the part of a request's time in which things are looked up.
func deciding(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	keep := min(toRecord, time.Until(deadline)/2)
	return context.WithDeadline(ctx, deadline.Add(-keep))
}

// decide looks up, authorizes and prepares. It records nothing; whatever it
// decides, a refusal too, comes back as something to record.
func (r *Runner) decide(ctx context.Context, id string, q Request) (Prepared, audit.Event) {
	event := audit.Event{
		Request: id, Actor: q.Actor, Source: q.Source, Channel: q.Channel, Thread: q.Thread,
		Action: "unknown", Version: r.Version,
	}
	call := Call{Request: q, ID: id}
	subject, err := r.Directory.Subject(ctx, q.Actor, q.Source == audit.FromButton || q.Source == audit.FromModal)
	if err != nil {
		r.Log.Warn("person not known", "request", id, "error", err)
		return r.refuse(&event, "person not known", "I could not find out from Slack who you are, so I did nothing; try again in a minute.")
	}
	call.Subject = subject
	if d, barred := r.Policy.Barred(subject); barred {
		return r.refuse(&event, d.Rule, d.Reason)
	}
	if call.Place, err = r.place(ctx, q.Channel); err != nil {
		r.Log.Warn("channel not known", "request", id, "error", err)
		return r.refuse(&event, "channel not known", "I could not find out from Slack who is in this channel, so I did nothing; try again in a minute.")
	}
	return r.prepare(ctx, call, &event)
}

func (r *Runner) place(ctx context.Context, channel string) (Place, error) {
	if channel == "" {
		return Place{}, nil
	}
	return r.Directory.Place(ctx, channel)
}

func (r *Runner) prepare(ctx context.Context, call Call, event *audit.Event) (Prepared, audit.Event) {
	words, err := call.Request.words()
	if err != nil {
		return r.refuseInput(event, err)
	}
	command, rest, err := r.Registry.Find(words)
	if err != nil {
		event.Args = map[string]string{"words": clip(strings.Join(words, " "))}
		return r.refuseInput(event, err)
	}
	event.Action = strings.ReplaceAll(command.Name, " ", ".")
	event.Args = map[string]string{"words": clip(strings.Join(rest, " "))}
	if call.Flags, call.Args, err = command.parse(rest); err != nil {
		return r.refuseInput(event, err)
	}
	needs, err := command.Needs(ctx, call)
	if err != nil {
		return r.refuseInput(event, err)
	}
	event.Decision, event.Rule = "allowed", "everybody who may act"
	for _, need := range needs {
		d := r.Policy.Decide(call.Subject, need)
		if !d.Allowed {
			if len(r.Policy.RolesOf(call.Subject)) == 0 {
				event.Args["roles"] = "none" // a stranger's words are nothing that happened to an incident
			}
			return r.refuse(event, d.Rule, d.Reason+whomToAsk(d.Holders))
		}
		event.Rule = d.Rule
	}
	return r.prepared(ctx, command, call, event)
}

// prepared is what an allowed call records.
func (r *Runner) prepared(ctx context.Context, command Command, call Call, event *audit.Event) (Prepared, audit.Event) {
	p, err := command.Prepare(ctx, call)
	if err != nil {
		event.Incident = p.Incident
		return r.refuseInput(event, err)
	}
	event.Outcome = audit.Done
	p.tell(event)
	switch {
	case p.Refused:
		event.Decision, event.Outcome = "refused", audit.Refused
		if p.Reply != nil {
			event.Error = clip(p.Reply.Headline.String())
		}
	case p.Pending:
		event.Outcome = audit.Intended
	}
	return p, *event
}

// tell says in the event what is known of the call now.
func (p Prepared) tell(event *audit.Event) {
	event.Target, event.Before, event.After = p.Target, p.Before, p.After
	event.Action, event.Rule = cmp.Or(p.Action, event.Action), cmp.Or(p.Rule, event.Rule)
	event.Incident = cmp.Or(p.Incident, event.Incident)
	for name, value := range p.Args {
		if value != "" {
			event.Args[name] = value
		}
	}
}

// record commits the intent. The audit event is part of it.
func (r *Runner) record(ctx context.Context, q Request, p Prepared, event audit.Event) error {
	_, err := r.Ledger.Record(ctx, q.Key, p.Numbered, func(run int64) Intent {
		var in Intent
		if p.Build != nil {
			in = p.Build(run)
		}
		about(&event, in)
		for i := range in.Events {
			in.Events[i] = beside(event, in.Events[i])
		}
		in.Events = append([]audit.Event{event}, in.Events...)
		in.Posts = slices.DeleteFunc(in.Posts, func(p message.Post) bool { return p.Channel == "" }) // it has no place yet
		if p.Answer != nil {
			in.Posts = append(in.Posts, r.reply(q, p.Answer(run)))
		}
		if p.Reply != nil {
			in.Posts = append(in.Posts, r.reply(q, *p.Reply))
		}
		return in
	})
	return err
}

// beside completes an event that goes with the one of the request itself.
func beside(request, e audit.Event) audit.Event {
	e.Request, e.Channel, e.Version = cmp.Or(e.Request, request.Request), cmp.Or(e.Channel, request.Channel), cmp.Or(e.Version, request.Version)
	if e.Source == "" {
		e.Actor, e.Source, e.Thread = request.Actor, request.Source, request.Thread
	}
	return e
}

// about says in the event what it is about.
func about(event *audit.Event, in Intent) {
	for _, n := range in.Notices {
		event.Target, event.Args["notice"] = incidents.NoticeRef(n.ID), incidents.NoticeRef(n.ID)
	}
	for _, c := range in.Incidents {
		if c.Incident.Version == 0 { // a new one, whose number was not known before
			event.Target, event.Incident = c.Incident.Ref(), c.Incident.Ref()
		}
	}
	switch {
	case in.Plan != nil:
		event.Target, event.Plan = in.Plan.Ref(), in.Plan.Ref()
	case in.Decide != nil:
		event.Target, event.Plan, event.PlanHash = fix.Ref(in.Decide.Plan), fix.Ref(in.Decide.Plan), in.Decide.Hash
	case in.Run != nil:
		event.Target = in.Run.Ref()
	}
}

// reply is shown to the asker alone.
func (r *Runner) reply(q Request, m message.Message) message.Post {
	return message.Post{
		Key: "reply/" + q.Key, Channel: q.Channel, Thread: q.Thread,
		OnlyTo: q.Actor.User, ResponseURL: q.ResponseURL, Final: true, Message: m,
	}
}

func (r *Runner) refuse(event *audit.Event, rule, reason string) (Prepared, audit.Event) {
	event.Decision, event.Rule, event.Outcome, event.Error = "refused", rule, audit.Refused, clip(reason)
	return Prepared{Reply: &message.Message{Headline: message.Text("%s", reason)}}, *event
}

// refuseInput answers bad input with its sentence and an example that works. An
// error that is not bad input is a source that did not answer.
func (r *Runner) refuseInput(event *audit.Event, err error) (Prepared, audit.Event) {
	var bad *InputError
	if !errors.As(err, &bad) {
		r.Log.Error("request not prepared", "request", event.Request, "action", event.Action, "error", err)
		return r.refuse(event, "not available", "I could not look that up just now, so I did nothing; try again in a minute.")
	}
	p, e := r.refuse(event, cmp.Or(bad.Rule, "bad input"), bad.Sentence)
	if bad.Who != "" && bad.Who != event.Actor.User {
		p.Reply.Headline = message.Join(strings.TrimSuffix(bad.Sentence, "."), " (", message.Mention(bad.Who), ").")
	}
	if bad.Try != "" {
		p.Reply.Headline = message.Join(p.Reply.Headline, " Try ", message.Mono(r.Word+" "+bad.Try), ".")
	}
	return p, e
}

func whomToAsk(holders []string) string {
	if len(holders) == 0 {
		return " No role in the config grants it; ask an admin of the bot."
	}
	return fmt.Sprintf(" It is for %s: ask one of them, or an admin to add you.", strings.Join(holders, ", "))
}

// clip keeps what goes into the audit short.
func clip(s string) string {
	const most = 300
	runes := []rune(s)
	if len(runes) <= most {
		return s
	}
	return string(runes[:most]) + "…"
}
