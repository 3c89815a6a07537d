package commands

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/message"
)

// auditLimit is how many events fit one message; the whole of it is
// `integritybot audit export`.
const auditLimit = 20

var (
	mentionForm = regexp.MustCompile(`^<@([UW][A-Z0-9]+)(?:\|[^>]*)?>$`)
	userID      = regexp.MustCompile(`^[UW][A-Z0-9]{2,}$`)
)

// auditCommand shows what was done.
func auditCommand(env Env) Command {
	return Command{
		Name:     "audit",
		Summary:  "what was asked, refused and done, the newest first",
		Examples: []string{"audit --since 24h", "audit --actor @alice"},
		General:  "audit:read",
		Flags: func(set *pflag.FlagSet) {
			set.String("actor", "", "@alice")
			set.String("since", "", "24h")
			set.String("incident", "", "INC-12")
		},
		Needs: func(context.Context, Call) ([]authz.Permission, error) {
			return []authz.Permission{"audit:read"}, nil
		},
		Prepare: func(ctx context.Context, c Call) (Prepared, error) {
			if c.Place.Shared {
				return Prepared{}, badInput("This channel is shared with another organisation, so the audit is not shown here. Ask in a private channel.")
			}
			filter, err := auditFilter(env, c)
			if err != nil {
				return Prepared{}, err
			}
			if err := mayRead(ctx, env, c, filter.Incident); err != nil {
				return Prepared{}, err
			}
			entries, err := env.Archive.Events(ctx, filter)
			if err != nil {
				return Prepared{}, err
			}
			return Prepared{Reply: auditMessage(entries)}, nil
		},
	}
}

func auditFilter(env Env, c Call) (EventFilter, error) {
	f := EventFilter{Limit: auditLimit}
	if len(c.Args) > 0 {
		return f, badInput("I do not understand %q after audit.", c.Args[0]).try("audit --since 24h")
	}
	if incident, _ := c.Flags.GetString("incident"); incident != "" {
		if !incidentForm.MatchString(incident) {
			return f, badInput("--incident: \"%s\" is not an incident; incidents look like INC-12.", clip(incident)).try("audit --incident INC-12")
		}
		f.Incident = strings.ToUpper(incident)
	}
	if actor, _ := c.Flags.GetString("actor"); actor != "" {
		m := mentionForm.FindStringSubmatch(actor)
		switch {
		case m != nil:
			f.Actor = m[1]
		case userID.MatchString(actor):
			f.Actor = actor
		default:
			return f, badInput("%q is not a person; mention one, or give the Slack user id.", clip(actor)).try("audit --actor @alice")
		}
	}
	if since, _ := c.Flags.GetString("since"); since != "" {
		ago, bad := span(since)
		if bad != nil {
			return f, bad.try("audit --since 24h")
		}
		f.Since = env.Now().Add(-ago)
	}
	return f, nil
}

func auditMessage(entries []audit.Entry) *message.Message {
	if len(entries) == 0 {
		return &message.Message{Headline: message.Text("Nothing is recorded for that.")}
	}
	m := &message.Message{Headline: message.Text("The newest %d recorded events", len(entries))}
	t := &message.Table{Total: int64(len(entries))}
	for _, name := range []string{"no.", "time (UTC)", "who", "action", "on", "outcome", "rule"} {
		t.Columns = append(t.Columns, message.Column{Name: name, Numeric: name == "no."})
	}
	for _, e := range entries {
		t.Rows = append(t.Rows, []string{
			fmt.Sprint(e.Seq), e.At.UTC().Format(time.DateTime), who(e.Actor), e.Action,
			orNone(e.Target), string(e.Outcome), orNone(e.Rule),
		})
	}
	m.Parts = []message.Part{{Table: t}}
	m.Context = []message.Line{message.Join("All of it, with its hash chain: ", message.Mono("integritybot audit export"), ", ", message.Mono("integritybot audit verify"))}
	return m
}

func who(a audit.Actor) string {
	if a.User != "" {
		return a.User
	}
	return string(a.Kind)
}
