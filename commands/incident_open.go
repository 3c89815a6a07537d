package commands

import (
	"context"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/check/report"
	"github.com/integritybot/integritybot/internal/message"
)

// declared opens it and says so where it was asked. Its channel follows.
func declared(ctx context.Context, env Env, c Call, d incidents.Declaration) (Prepared, error) {
	taken, err := takenOver(ctx, env, d)
	if err != nil {
		return Prepared{}, err
	}
	args := map[string]string{"domain": d.Domain}
	if d.Run > 0 {
		args["run"] = check.Ref(d.Run)
	}
	if d.Drill {
		args["drill"] = "true"
	}
	preview := incidents.Declare(d, env.Incidents)
	quiet := preview.Private || c.Place.Shared
	p := Prepared{
		Numbered: true, Args: args, After: string(preview.Severity) + " " + string(preview.Status),
		Build: func(run int64) Intent {
			d.ID = run
			in := opening(env.Incidents, incidents.Declare(d, env.Incidents))
			in.Posts = append(in.Posts, taken(run)...)
			return in
		},
	}
	if quiet {
		p.Answer = func(run int64) message.Message {
			d.ID = run
			return declaredQuietly(c, incidents.Declare(d, env.Incidents))
		}
	}
	return p, nil
}

// declaredQuietly tells the asker alone, where nobody else may read of it.
func declaredQuietly(c Call, i incidents.Incident) message.Message {
	m := message.Message{Headline: message.Text("🔴 %s %s is declared: %s", i.Severity, i.Ref(), i.Title)}
	why := "It is private: nothing is said about it here. Its channel is being made, and you are invited to it."
	if !i.Private && c.Place.Shared {
		why = "This channel is shared with another organisation, so nothing is said about it here. Its channel is being made, and you are invited to it."
	}
	m.Context = []message.Line{message.Text("%s", why)}
	return m
}

// takenOver is the result under which it is declared as it stands after that: without the
// button that declares it.
func takenOver(ctx context.Context, env Env, d incidents.Declaration) (func(incident int64) []message.Post, error) {
	none := func(int64) []message.Post { return nil }
	if d.Run == 0 {
		return none, nil
	}
	run, err := env.Archive.Run(ctx, d.Run)
	if err != nil || run.Incident > 0 || run.Plan > 0 || run.State != check.Done {
		return none, err
	}
	return func(incident int64) []message.Post {
		run.Incident = incident
		return report.Finished(run, env.Catalog.ByName())[:1]
	}, nil
}

// opening is a new incident with the first thing that people read of it.
func opening(w incidents.Wording, i incidents.Incident) Intent {
	in := Intent{Incidents: []incidents.Change{{Incident: i}}}
	if i.Asked.Channel != "" {
		in.Posts = []message.Post{{
			Key: "incident/" + i.Ref() + "/declared", Channel: i.Asked.Channel, Thread: i.Asked.Thread,
			Message: incidents.Declared(i, w),
		}}
	}
	return in
}

// openAlready answers who was second: there is one, and where.
func openAlready(env Env, c Call, i incidents.Incident) Prepared {
	about := orThat(i.Domain)
	m := &message.Message{Headline: message.Join(i.Ref(), " is open for ", about, " since ", message.At(i.Opened), placeColon(i))}
	if hidden(c, i) {
		m.Headline = message.Join(i.Ref(), " is open for ", about, ", and is private: its lead can invite you")
		return Prepared{Target: i.Ref(), Rule: "open already", Args: map[string]string{"declared": "open already"}, Reply: m}
	}
	if i.Status.Over() {
		m.Headline = message.Join(i.Ref(), " about ", about, " was just resolved and its checks are still watched", placeColon(i))
		m.Context = []message.Line{message.Join("If it is wrong again: ", message.Mono(env.Word+" incident reopen "+i.Ref()+" 'totals are wrong again'"))}
	}
	if i.Drill {
		m.Context = append(m.Context, message.Text("It is a drill."))
	}
	return Prepared{Target: i.Ref(), Incident: i.Ref(), Rule: "open already", Args: map[string]string{"declared": "open already"}, Reply: m}
}

func orThat(domain string) string {
	if domain == "" {
		return "this"
	}
	return domain
}

func placeColon(i incidents.Incident) message.Line {
	if i.Where() == "" {
		return message.Text(".")
	}
	return message.Join(": ", message.Span{Kind: message.Channel, ID: i.Where()})
}
