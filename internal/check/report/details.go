package report

import (
	"fmt"
	"slices"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// Details tells how the checks of a run were read: for those who want to know
// whether to believe it. only restricts it to one check; empty is all.
func Details(run check.Run, checks Checks, only string) message.Post {
	m := message.Message{Headline: message.Text("How %s was read", run.Ref())}
	key := HeadKey(run.ID) + "/details"
	if only != "" {
		m.Headline = message.Text("How %s was read in %s", checks.title(only), run.Ref())
		key += "/" + only
	}
	for _, f := range run.Findings {
		if only == "" || f.Check == only {
			m.Parts = append(m.Parts, message.Part{Lines: detailLines(run, f, checks)})
		}
	}
	return message.Post{Key: key, Channel: run.Channel, Parent: HeadKey(run.ID), Final: true, Message: m}
}

func detailLines(run check.Run, f check.Finding, checks Checks) []message.Line {
	c := checks[f.Check]
	out := []message.Line{
		message.Join(icon(f.Verdict), " ", message.Strong(string(f.Verdict)+" "+checks.title(f.Check)), "  "+f.Check),
		message.Text("%s · %s · %s rows judged, %s read", c.Kind, Plan(f), phrase.Count(f.Result.Scanned), phrase.Count(f.Result.Read)),
		message.Join("began ", message.At(f.Started), fmt.Sprintf(", took %s", phrase.Duration(f.Duration)), position(f)),
	}
	if f.Reason != "" {
		out = append(out, message.Text("%s", f.Reason))
	}
	if c.Owner != "" {
		out = append(out, message.Text("Owner: %s", c.Owner))
	}
	notes := f.Result.Notes
	if run.NoRows && slices.Contains(naming(), c.Kind) {
		notes = nil
	}
	for _, n := range notes {
		out = append(out, message.Text("• %s", n))
	}
	return out
}

func position(f check.Finding) string {
	if f.Result.Position == "" {
		return ""
	}
	return " · at " + f.Result.Position
}

// Plan says how a finding was read, in a few words.
func Plan(f check.Finding) string {
	if f.Result.Plan == "" {
		return "not read"
	}
	return f.Result.Plan
}
