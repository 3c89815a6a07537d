package commands

import (
	"context"
	"errors"
	"maps"
	"strings"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/message"
)

// form fills in a notice, with a preview of it.
func (t teller) form(ctx context.Context, c Call) (*message.Form, error) {
	template, i, err := t.words(ctx, c)
	if err != nil {
		return nil, err
	}
	fields := given(c)
	typed := c.Request.Source == audit.FromSlash || c.Request.Source == audit.FromMention
	if typed && fields["says"] != "" {
		return nil, nil // it is complete, and its preview is a message
	}
	if shown, err := t.shown(ctx, c, i); err != nil {
		return nil, err
	} else if shown != nil && len(fields) == 0 { // what is shown is to be changed
		fields = maps.Clone(shown.Notice.Fields)
		fields["audience"] = strings.Join(audiencesOf(shown.Notice), ",")
	}
	f := t.fields(template, i, fields)
	n, _, err := t.compose(ctx, c, template, i, fields)
	var bad *InputError
	switch {
	case errors.As(err, &bad):
		f.Intro = []message.Line{message.Text("%s", bad.Sentence)}
		return f, nil
	case err != nil:
		return nil, err
	}
	f.Preview = incidents.PreviewParts(n)
	if !n.ShownWhole() {
		f.Intro = []message.Line{message.Text("It is too long to be shown here as a whole: the preview comes as a message with a file, and is sent from there.")}
		return f, nil
	}
	s := incidents.Sealed{Seal: n.Seal(), Notice: n}
	if err := t.env.Archive.KeepDraft(ctx, s); err != nil {
		return nil, err
	}
	f.Carried, f.Submit = map[string]string{flagSealed: s.Seal}, "Send"
	f.Intro = []message.Line{message.Text("What is below is sent as it stands. Change something, and look again before you send it.")}
	return f, nil
}

func (t teller) fields(template string, i incidents.Incident, values map[string]string) *message.Form {
	f := &message.Form{
		Title: i.Ref() + ": " + template, Verb: "notify", Ref: template + " " + i.Ref(), Renew: true, Submit: "Preview",
		Fields: append([]message.Field{t.env.Incidents.Rules.AudienceField(template)}, incidents.FieldsOf(template)...),
	}
	for n, field := range f.Fields {
		if value, ok := values[field.Name]; ok {
			f.Fields[n].Value = value
		}
	}
	return f
}
