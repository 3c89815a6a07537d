package commands

import (
	"context"
	"errors"

	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/message"
)

// Form implements Asker. A call that is refused, or cannot be understood, opens no
// form: asking it says why, and records it.
func (r *Runner) Form(ctx context.Context, q Request) *message.Form {
	command, call, ok := r.allowed(ctx, q)
	if !ok {
		return nil
	}
	form, err := command.Form(ctx, call)
	if err != nil {
		var bad *InputError
		if !errors.As(err, &bad) {
			r.Log.Warn("form not made", "command", command.Name, "error", err)
		}
		return nil
	}
	return form
}

// allowed is the command that a request asks for, if it has a form and the person may
// use it.
func (r *Runner) allowed(ctx context.Context, q Request) (Command, Call, bool) {
	call := Call{Request: q}
	words, err := q.words()
	if err != nil {
		return Command{}, call, false
	}
	command, rest, err := r.Registry.Find(words)
	if err != nil || command.Form == nil {
		return command, call, false
	}
	if call.Flags, call.Args, err = command.parse(rest); err != nil {
		return command, call, false
	}
	fresh := q.Source == audit.FromButton || q.Source == audit.FromModal
	if call.Subject, err = r.Directory.Subject(ctx, q.Actor, fresh); err != nil {
		return command, call, false
	}
	if call.Place, err = r.place(ctx, q.Channel); err != nil {
		return command, call, false
	}
	if _, barred := r.Policy.Barred(call.Subject); barred {
		return command, call, false
	}
	needs, err := command.Needs(ctx, call)
	if err != nil {
		return command, call, false
	}
	for _, need := range needs {
		if !r.Policy.Decide(call.Subject, need).Allowed {
			return command, call, false
		}
	}
	return command, call, true
}
