package incidents

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/integritybot/integritybot/internal/message"
)

// Fields of a notice.
const (
	fieldSays       = "says"
	fieldRepair     = "repair"
	fieldConfidence = "confidence"
	fieldNext       = "next"
	fieldAudience   = "audience"
)

// The longest that a poster may give, in characters.
const (
	maxSays   = 2000
	maxRepair = 200
)

// nextChoices are what the poster can choose from.
func nextChoices() []message.Option {
	return []message.Option{
		{Value: "15m", Label: "in 15 minutes"},
		{Value: "30m", Label: "in 30 minutes"},
		{Value: "1h", Label: "in 1 hour"},
		{Value: "2h", Label: "in 2 hours"},
		{Value: "4h", Label: "in 4 hours"},
		{Value: "none", Label: "no further update"},
	}
}

func confidences() []string { return []string{"low", "medium", "high"} }

// FieldsOf are the fields that the poster of a template fills in; none if there is no
// such template. The audiences are a field of their own: see Rules.AudienceField.
func FieldsOf(template string) []message.Field {
	if !slices.Contains(Templates(), template) {
		return nil
	}
	says := message.Field{
		Name: fieldSays, Label: "What people should know", Kind: message.FieldLines, Max: maxSays, Optional: template != "postponed",
		Hint: "Your own words stand beside the numbers, as they are. No data of customers.",
	}
	if template == "postponed" {
		says.Label = "Why it is postponed"
	}
	repair := message.Field{
		Name: fieldRepair, Label: "When the repair is expected", Kind: message.FieldText, Max: maxRepair, Optional: template != "postponed",
		Hint: "In words: in about 30 minutes",
	}
	confidence := message.Field{Name: fieldConfidence, Label: "How sure that is", Kind: message.FieldChoice, Optional: true}
	for _, c := range confidences() {
		confidence.Options = append(confidence.Options, message.Option{Value: c, Label: c})
	}
	next := message.Field{
		Name: fieldNext, Label: "Next update", Kind: message.FieldChoice, Optional: true, Options: nextChoices(),
		Hint: "Nothing chosen: as the clock of each audience says",
	}
	switch template {
	case "all-clear":
		next.Hint = "Nothing chosen: no further update"
		return []message.Field{says, next}
	case "fix-applied":
		return []message.Field{says, next}
	}
	return []message.Field{says, repair, confidence, next}
}

// AudienceField lets choose who is told; those that get the template by itself are
// chosen to begin with.
func (r Rules) AudienceField(template string) message.Field {
	f := message.Field{Name: fieldAudience, Label: "Who is told", Kind: message.FieldChoices}
	var chosen []string
	for _, a := range r.Audiences {
		a = r.audience(a.Name)
		f.Options = append(f.Options, message.Option{Value: a.Name, Label: a.Title})
		if slices.Contains(a.Templates, template) {
			chosen = append(chosen, a.Name)
		}
	}
	f.Value = strings.Join(chosen, ",")
	return f
}

// ParseNext reads when the next update is to be: "45m", "2h", "none"; "" is 0, which
// leaves it to the clock.
func ParseNext(s string) (time.Duration, error) {
	switch s {
	case "":
		return 0, nil
	case "none":
		return NoNext, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < time.Minute || d > 7*24*time.Hour {
		return 0, &Refusal{Sentence: fmt.Sprintf("%q is no time until the next update: give 1m to 168h, or none.", oneLine(s, 40)), Try: "notify update --next 1h"}
	}
	return d, nil
}

// settled is the draft with everything read, cleaned and checked.
func (d Draft) settled(v View, r Rules) (Draft, error) {
	if !slices.Contains(Templates(), d.Template) {
		return d, &Refusal{
			Sentence: fmt.Sprintf("There is no notice called %q; there are %s.", oneLine(d.Template, 40), strings.Join(Templates(), ", ")),
			Try:      noticeExample("update", v.Incident),
		}
	}
	fields := maps.Clone(d.Fields)
	for name, value := range fields {
		if fields[name] = cleanLetter(value); fields[name] == "" {
			delete(fields, name)
		}
	}
	d.Fields = fields
	if len(d.Audiences) == 0 {
		d.Audiences = strings.FieldsFunc(fields[fieldAudience], func(r rune) bool { return r == ',' || r == ' ' })
	}
	var err error
	if d.Next == 0 {
		if d.Next, err = ParseNext(fields[fieldNext]); err != nil {
			return d, err
		}
	}
	if d.Audiences, err = r.audiencesOf(d.Template, d.Audiences); err != nil {
		return d, err
	}
	return d, d.complete(v)
}

// complete refuses a draft that says too little, too much, or what is not so.
func (d Draft) complete(v View) error {
	refuse := func(format string, args ...any) error {
		return &Refusal{Sentence: fmt.Sprintf(format, args...), Try: noticeExample(d.Template, v.Incident)}
	}
	says, repair := d.Fields[fieldSays], d.Fields[fieldRepair]
	switch {
	case utf8.RuneCountInString(says) > maxSays:
		return refuse("What you say has %d characters; at most %d are possible.", utf8.RuneCountInString(says), maxSays)
	case utf8.RuneCountInString(repair) > maxRepair || strings.Contains(repair, "\n"):
		return refuse("When the repair is expected is one line of at most %d characters.", maxRepair)
	case d.Fields[fieldConfidence] != "" && !slices.Contains(confidences(), d.Fields[fieldConfidence]):
		return refuse("The confidence is one of %s.", strings.Join(confidences(), ", "))
	}
	return d.founded(v)
}

// nextUpdate is when an audience is told again; zero: that is not stated. final tells that
// no further update is planned.
func nextUpdate(i Incident, r Rules, a Audience, d Draft) (next time.Time, final bool) {
	after := d.Next
	if after == 0 && (d.Template == "all-clear" || i.Status.Over()) {
		after = NoNext
	}
	if after == 0 {
		after = i.Clocks[a.Name].Every
	}
	if after == 0 {
		after = r.every(a, i.Severity)
	}
	if after <= 0 {
		return time.Time{}, after == NoNext
	}
	return d.At.Add(after).UTC().Truncate(time.Minute), false
}

// noticeExample is a command that works, without the command word.
func noticeExample(template string, i Incident) string {
	start := "notify " + template + " " + i.Ref()
	switch template {
	case "fix-applied":
		return start + " --says 'The totals of 60 orders were corrected.'"
	case "all-clear":
		return strings.TrimSpace("check " + i.Domain)
	case "postponed":
		return start + " --says 'The repair needs a quiet hour.' --repair 'at 02:00 UTC'"
	}
	return start + " --says 'We know the cause and are repairing it.'"
}
