package commands

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/authz"
)

// flagSealed carries the seal of what a form shows; see teller.send.
const flagSealed = "sealed"

// teller composes notices. template is the one that its command is about; empty: its
// first word says it.
type teller struct {
	env      Env
	name     string // of the command
	template string
}

// notifyCommand previews what people are told; nothing is sent before somebody says so.
func notifyCommand(env Env) Command {
	t := teller{env: env, name: "notify"}
	c := t.command()
	c.Args = "<" + strings.Join(incidents.Templates(), " | ") + "> [incident]"
	c.Summary = "preview what people are told; nothing is sent before you say so"
	c.Examples = []string{"notify update --says 'We know the cause and are repairing it.'", "notify all-clear"}
	return c
}

// incidentUpdateCommand is the notice that is sent most.
func incidentUpdateCommand(env Env) Command {
	t := teller{env: env, name: "incident update", template: "update"}
	c := t.command()
	c.Under, c.Args, c.Summary = "incident", "[incident]", "preview the next update to those who are told"
	c.Examples = []string{"incident update --says 'We know the cause and are repairing it.'"}
	return c
}

func (t teller) command() Command {
	return Command{
		Name: t.name, General: "notify:any", Flags: t.flags, Needs: t.needs, Prepare: t.prepare, Form: t.form,
	}
}

func notifies(audience string) authz.Permission { return authz.Permission("notify:" + audience) }

func (teller) flags(set *pflag.FlagSet) {
	set.String("audience", "", "executives,support")
	set.String("says", "", "'We know the cause and are repairing it.'")
	set.String("repair", "", "'in about 30 minutes'")
	set.String("confidence", "", "medium")
	set.String("next", "", "30m")
	set.String(flagSealed, "", "")
	_ = set.MarkHidden(flagSealed) // the flag exists
}

// words reads the template and the incident, which may stand in any order.
func (t teller) words(ctx context.Context, c Call) (string, incidents.Incident, error) {
	template, example := t.template, t.name+" %s"
	c = refFirst(c)
	if template == "" {
		at := 0
		if len(c.Args) > 0 && incidentForm.MatchString(c.Args[0]) {
			at = 1
		}
		var err error
		if template, err = templateWord(c.Args[at:]); err != nil {
			return "", incidents.Incident{}, err
		}
		c.Args, example = slices.Delete(slices.Clone(c.Args), at, at+1), t.name+" "+template+" %s"
	}
	i, c, err := whichIncident(ctx, t.env, c, example)
	if err != nil {
		return template, i, err
	}
	if len(c.Args) > 0 {
		return template, i, badInput("What people should know stands behind --says, in quotes; I do not understand \"%s\".", clip(strings.Join(c.Args, " "))).
			try("notify " + template + " " + i.Ref() + " --says " + inQuotes(clip(strings.Join(c.Args, " "))))
	}
	return template, i, nil
}

func templateWord(args []string) (string, error) {
	known := incidents.Templates()
	if len(args) == 0 {
		return "", badInput("Which notice? There are %s.", strings.Join(known, ", ")).try("notify update")
	}
	word := strings.ToLower(args[0])
	if slices.Contains(known, word) {
		return word, nil
	}
	if near := nearest(word, known); near != "" {
		return "", badInput("There is no notice called \"%s\". Did you mean %s?", clip(args[0]), near).try("notify " + near)
	}
	return "", badInput("There is no notice called \"%s\"; there are %s.", clip(args[0]), strings.Join(known, ", ")).try("notify update")
}

// given are the fields that were filled in.
func given(c Call) map[string]string {
	fields := map[string]string{}
	c.Flags.Visit(func(f *pflag.Flag) {
		if value := strings.TrimSpace(f.Value.String()); value != "" && f.Name != flagSealed {
			fields[f.Name] = value
		}
	})
	return fields
}

// audiences are those that would be told, as the rules know them.
func (t teller) audiences(template string, fields map[string]string) []string {
	named := strings.FieldsFunc(fields["audience"], func(r rune) bool { return r == ',' || r == ' ' })
	if len(named) > 0 {
		return named
	}
	var usual []string
	for _, a := range t.env.Incidents.Rules.Audiences {
		if slices.Contains(a.Templates, template) {
			usual = append(usual, a.Name)
		}
	}
	return usual
}

func (t teller) needs(ctx context.Context, c Call) ([]authz.Permission, error) {
	template, _, err := t.words(ctx, c)
	if err != nil {
		return nil, err
	}
	var rights []authz.Permission
	for _, a := range t.audiences(template, given(c)) {
		rights = append(rights, notifies(a))
	}
	if len(rights) == 0 { // the config names nobody; composing says so
		return []authz.Permission{notifies("anybody")}, nil
	}
	return rights, nil
}

// compose makes the notice as it would be sent, with the view that it was made from.
func (t teller) compose(ctx context.Context, c Call, template string, i incidents.Incident, fields map[string]string) (incidents.Notice, incidents.View, error) {
	v, err := viewOf(ctx, t.env, i.ID)
	if err != nil {
		return incidents.Notice{}, v, err
	}
	n, err := incidents.Compose(v, t.env.Incidents, incidents.Draft{
		Template: template, Fields: fields, By: c.Request.Actor.User, At: t.env.Now(), Name: t.env.nameOf(ctx),
	}, membersOf(ctx, t.env))
	return n, v, notMoved(err)
}

func (t teller) prepare(ctx context.Context, c Call) (Prepared, error) {
	template, i, err := t.words(ctx, c)
	if err != nil {
		return Prepared{}, err
	}
	n, v, err := t.compose(ctx, c, template, i, given(c))
	if err != nil {
		return Prepared{Incident: i.Ref()}, err
	}
	shown, err := t.shown(ctx, c, i)
	if err != nil {
		return Prepared{}, err
	}
	if shown != nil && sameWish(shown.Notice, n) {
		if shown.Notice.ID > 0 {
			return Prepared{Incident: i.Ref()}, sentAlready(shown.Notice)
		}
		return sending{env: t.env, view: v, draft: *shown, kept: true}.prepare(c)
	}
	return t.previewed(c, v, n, shown != nil), nil
}

// shown is the draft that a form showed, or the notice as which it was sent; nil: none, or
// it is no longer kept, or is not for this person to see: it is another incident's, or for
// others to tell.
func (t teller) shown(ctx context.Context, c Call, i incidents.Incident) (*incidents.Sealed, error) {
	seal, _ := c.Flags.GetString(flagSealed)
	if seal == "" {
		return nil, nil
	}
	s, err := t.env.Archive.Draft(ctx, seal)
	switch {
	case errors.Is(err, incidents.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	case s.Notice.Incident != i.ID:
		return nil, nil
	}
	for _, right := range rightsToTell(s.Notice) {
		if !t.env.Policy.Decide(c.Subject, right).Allowed {
			return nil, nil
		}
	}
	return &s, nil
}

// sameWish tells whether what is asked for is what was shown: the same notice to the same
// audiences with the same words of the poster. Numbers may have moved on meanwhile: what
// was shown is sent.
func sameWish(shown, now incidents.Notice) bool {
	wish := func(n incidents.Notice) map[string]string {
		fields := maps.Clone(n.Fields)
		delete(fields, "audience") // the letters say it
		return fields
	}
	return shown.Incident == now.Incident && shown.Template == now.Template &&
		maps.Equal(wish(shown), wish(now)) && slices.Equal(audiencesOf(shown), audiencesOf(now))
}

func audiencesOf(n incidents.Notice) []string {
	var out []string
	for _, l := range n.Letters {
		out = append(out, l.Audience)
	}
	return out
}
