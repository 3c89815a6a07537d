package commands

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// underRun takes from the run under whose result an incident is declared what failed:
// the domains, the numbers, the first bad time.
func underRun(ctx context.Context, env Env, c Call, d *incidents.Declaration) error {
	word, _ := c.Flags.GetString("run")
	if word == "" {
		return nil
	}
	run, err := runNamed(ctx, env, c, word)
	if err != nil {
		return err
	}
	d.Run = run.ID
	worst := int64(-1)
	for _, f := range failing(run) {
		domain := env.Catalog.ByName()[f.Check].Domain
		d.Failing = append(d.Failing, measured(run, f))
		if domain != "" && !slices.Contains(d.Domains, domain) {
			d.Domains = append(d.Domains, domain)
		}
		if f.Tally.Rows > worst && domain != "" {
			worst, d.Domain = f.Tally.Rows, domain
		}
		if first := f.Tally.First; !first.IsZero() && (d.Began.IsZero() || first.Before(d.Began)) {
			d.Began = first
		}
	}
	if len(d.Failing) == 0 && len(c.Args) == 0 {
		return badInput("%s found nothing that fails; name the domain that is wrong all the same.", run.Ref()).try(declareExample(env))
	}
	return nil
}

func runNamed(ctx context.Context, env Env, c Call, word string) (check.Run, error) {
	id, err := check.ParseRef(word)
	if err != nil {
		return check.Run{}, badInput("--run: \"%s\" is not a run; runs look like R-1042.", clip(word)).try("incident declare --run R-1042")
	}
	run, err := env.Archive.Run(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return run, badInput("There is no run %s.", check.Ref(id)).try(declareExample(env))
	}
	if err == nil {
		err = errPrivateChannel(ctx, env, c, run.Channel)
	}
	return run, err
}

func failing(run check.Run) []check.Finding {
	var out []check.Finding
	for _, f := range run.Findings {
		if f.Verdict == check.Fail {
			out = append(out, f)
		}
	}
	return out
}

// measured is a finding in numbers, without its rows.
func measured(run check.Run, f check.Finding) incidents.Measure {
	return incidents.Measure{
		Run: run.ID, Verdict: f.Verdict, Rows: f.Tally.Rows, Of: f.Result.Scanned, Money: f.Tally.Money,
		First: f.Tally.First, Last: f.Tally.Last, Started: f.Started, At: f.Started.Add(f.Duration),
	}
}

// declareForm asks for what was not said.
func declareForm(ctx context.Context, env Env, c Call) (*message.Form, error) {
	if len(c.Args) > 0 {
		return nil, nil
	}
	d := incidents.Declaration{At: env.Now()}
	if err := underRun(ctx, env, c, &d); err != nil {
		return nil, err
	}
	var rows int64
	for _, m := range d.Failing {
		rows += m.Rows
	}
	severity, rule := env.Incidents.Rules.Propose(append([]string{d.Domain}, d.Domains...), rows)
	f := &message.Form{
		Title: "Declare an incident", Verb: "incident declare", Submit: "Declare", Carried: map[string]string{},
		Fields: []message.Field{
			{Label: "Which data is wrong?", Kind: message.FieldChoice, Options: plainOptions(declarable(env)), Value: d.Domain},
			{Name: "severity", Label: "How bad is it?", Kind: message.FieldChoice, Options: severityOptions(), Optional: true, Hint: "left open: proposed by rule from the domain and the numbers"},
			{Name: "title", Label: "In a few words", Kind: message.FieldText, Optional: true, Max: maxTitle, Hint: "left open: the domain's name"},
			{Name: "private", Label: "Its channel is private", Kind: message.FieldFlag, Optional: true},
			{Name: "drill", Label: "It is an exercise", Kind: message.FieldFlag, Optional: true, Hint: "everything says so"},
		},
	}
	if c.Request.Channel != "" && !c.Place.Direct && !c.Place.Shared && c.Place.Member {
		f.Fields = append(f.Fields, message.Field{Name: "bind", Label: "Use this channel instead of a new one", Kind: message.FieldFlag, Optional: true})
	}
	if d.Run > 0 {
		f.Carried["run"] = check.Ref(d.Run)
		f.Fields[1].Value = string(severity)
		found := "that something is wrong"
		if rows > 0 {
			found = phrase.Plural(rows, "row") + " wrong"
		}
		f.Intro = []message.Line{message.Text("%s found %s in %s. Proposed: %s (%s).", check.Ref(d.Run), found, strings.Join(d.Domains, ", "), severity, rule)}
	}
	keepTyped(f, c)
	return f, nil
}

// keepTyped begins with what was typed.
func keepTyped(f *message.Form, c Call) {
	for n, field := range f.Fields {
		if field.Name == "" || !c.Flags.Changed(field.Name) {
			continue
		}
		f.Fields[n].Value = c.Flags.Lookup(field.Name).Value.String()
	}
}

func plainOptions(words []string) []message.Option {
	var out []message.Option
	for _, w := range words {
		out = append(out, message.Option{Value: w, Label: w})
	}
	return out
}
