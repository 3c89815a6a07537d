package incidents

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Templates are the names of the notices, in the order in which they are offered.
func Templates() []string {
	return []string{"opened", "update", "fix-applied", "all-clear", "postponed"}
}

// NoNext as the Next of a draft: no further update is planned.
const NoNext time.Duration = -1

// Draft is what a notice is composed from.
type Draft struct {
	Template  string
	Audiences []string // by name; none: those that get this template
	// Fields are what the poster gives, by the names of FieldsOf. "audience" and "next" are
	// read from here where Audiences and Next say nothing.
	Fields map[string]string
	Next   time.Duration // until the next update; 0: as the clock says; NoNext: none
	By     string
	At     time.Time
	// Name gives the name of a person for audiences that may see who is at work; nil, or
	// an empty name: the person is not named. Ids mean nothing to them.
	Name func(user string) string
}

// Compose makes a notice. members says who is in a user group. A *Refusal says which
// required field is missing, or which audience is not known.
func Compose(v View, w Wording, d Draft, members func(group string) ([]string, error)) (Notice, error) {
	d, err := d.settled(v, w.Rules)
	if err != nil {
		return Notice{}, err
	}
	text, err := w.Rules.letterTemplate(d.Template)
	if err != nil {
		return Notice{}, fmt.Errorf("compose: %w", err)
	}
	n := Notice{
		Incident: v.Incident.ID, Template: d.Template, Number: v.Incident.Told[d.Template] + 1,
		Fields: d.Fields, By: d.By, At: d.At, Next: map[string]time.Time{}, Rows: wrongRows(v),
	}
	for _, name := range d.Audiences {
		audience := w.Rules.audience(name)
		facts := factsFor(v, w, audience, d)
		n.Next[name], facts.Final = nextUpdate(v.Incident, w.Rules, audience, d)
		facts.Next, facts.Number = letterTime(n.Next[name]), n.Number
		letter, err := text.letter(facts)
		if err != nil {
			return Notice{}, fmt.Errorf("compose %s for %s: %w", d.Template, name, err)
		}
		if facts.Runbook != "" && strings.Contains(letter.Body, facts.Runbook) {
			letter.Links = []string{facts.Runbook}
		}
		if err := fitsLetter(letter, audience, d, v.Incident); err != nil {
			return Notice{}, err
		}
		letter.Audience, letter.Title = name, audience.Title
		letter.To, letter.Not = destinations(v.Incident, audience, members)
		n.Letters = append(n.Letters, letter)
	}
	return n, nil
}

// maxLetter bounds the body of a letter in characters, so that it stands in one message
// of Slack as a whole. What would be cut there would not be what was previewed.
const maxLetter = 6000

func fitsLetter(l Letter, a Audience, d Draft, i Incident) error {
	if n := len([]rune(l.Body)); n > maxLetter {
		return &Refusal{
			Sentence: fmt.Sprintf("The text for %s would have %d characters; at most %d are possible. Say it in fewer words.", a.Title, n, maxLetter),
			Try:      noticeExample(d.Template, i),
		}
	}
	return nil
}

// audience gives an audience that is known, by its name.
func (r Rules) audience(name string) Audience {
	for _, a := range r.Audiences {
		if a.Name == name {
			if a.Title == "" {
				a.Title = a.Name
			}
			return a
		}
	}
	return Audience{}
}

// audiencesOf are those that are told, in the order of the config, each once.
func (r Rules) audiencesOf(template string, asked []string) ([]string, error) {
	var known, told []string
	for _, a := range r.Audiences {
		known = append(known, a.Name)
		if slices.Contains(asked, a.Name) || len(asked) == 0 && slices.Contains(a.Templates, template) {
			told = append(told, a.Name)
		}
	}
	if len(known) == 0 {
		return nil, &Refusal{Sentence: "The config names no audience, so there is nobody to tell: an admin adds them under incidents."}
	}
	for _, name := range asked {
		if !slices.Contains(known, name) {
			return nil, &Refusal{
				Sentence: fmt.Sprintf("There is no audience called %q; there are %s.", name, strings.Join(known, ", ")),
				Try:      "notify " + template + " --audience " + known[0],
			}
		}
	}
	if len(told) == 0 {
		return nil, &Refusal{
			Sentence: fmt.Sprintf("No audience gets %q by itself: name those that are to get it, of %s.", template, strings.Join(known, ", ")),
			Try:      "notify " + template + " --audience " + known[0],
		}
	}
	return told, nil
}
