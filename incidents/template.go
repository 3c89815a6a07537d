package incidents

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/template"
)

// The built-in templates. parts.tmpl holds what they have in common.
//
//go:embed templates/*.tmpl
var builtIn embed.FS

// Bounds of a template, in bytes: of its source, and of what it makes.
const (
	maxSource  = 64 << 10
	maxOutput  = 64 << 10
	maxSubject = 200
)

// letterText is a template that was found to end, and to say nothing but Facts.
type letterText struct{ parsed *template.Template }

// letterTemplate gives a template by name: the one of the config, or the built-in one.
func (r Rules) letterTemplate(name string) (letterText, error) {
	source, own := r.Templates[name]
	if !own {
		text, err := builtIn.ReadFile("templates/" + name + ".tmpl")
		if err != nil {
			return letterText{}, fmt.Errorf("template %s: %w", name, err)
		}
		source = string(text)
	}
	if len(source) > maxSource {
		return letterText{}, fmt.Errorf("template %s: it has %d bytes; at most %d are possible", name, len(source), maxSource)
	}
	parts, err := builtIn.ReadFile("templates/parts.tmpl")
	if err != nil {
		return letterText{}, fmt.Errorf("template %s: %w", name, err)
	}
	all, err := template.New("parts").Option("missingkey=error").Parse(string(parts))
	if err != nil {
		return letterText{}, fmt.Errorf("template parts: %w", err)
	}
	parsed, err := all.New(name).Parse(source)
	if err != nil {
		return letterText{}, fmt.Errorf("template %s: %w", name, plainTemplateError(err))
	}
	if err := guardTemplate(parsed); err != nil {
		return letterText{}, fmt.Errorf("template %s: %w", name, err)
	}
	return letterText{parsed: parsed}, nil
}

// letter renders a template: its subject and its body, in clean text.
func (t letterText) letter(f Facts) (Letter, error) {
	out := bounded{left: maxOutput}
	if err := t.parsed.Execute(&out, f); err != nil {
		return Letter{}, plainTemplateError(err)
	}
	head, body, _ := strings.Cut(strings.TrimLeft(strings.ReplaceAll(out.String(), "\r\n", "\n"), "\n "), "\n")
	subject, named := strings.CutPrefix(head, "Subject:")
	subject = strings.Join(strings.Fields(cleanLetter(subject)), " ")
	body = cleanLetter(body)
	switch {
	case !named:
		return Letter{}, errors.New(`its first line has to be "Subject: …", with an empty line behind it`)
	case subject == "":
		return Letter{}, errors.New("its subject is empty")
	case len([]rune(subject)) > maxSubject:
		return Letter{}, fmt.Errorf("its subject has more than %d characters", maxSubject)
	case body == "":
		return Letter{}, errors.New("it says nothing but its subject")
	}
	return Letter{Subject: subject, Body: body}, nil
}

// bounded keeps so many bytes and fails with the first one more.
type bounded struct {
	bytes.Buffer
	left int
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, fmt.Errorf("it makes more than %d bytes", maxOutput)
	}
	return b.Buffer.Write(p)
}

// plainTemplateError leaves out of an error who reports it.
func plainTemplateError(err error) error {
	return errors.New(strings.TrimPrefix(err.Error(), "template: "))
}

// CheckTemplates renders every template for every audience with made-up facts, and says
// what is wrong with those that were given in the config.
func (r Rules) CheckTemplates() []error {
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(r.Templates)) {
		if !slices.Contains(Templates(), name) {
			problems = append(problems, fmt.Errorf("template %s: there is no such notice; there are %s", name, strings.Join(Templates(), ", ")))
		}
	}
	for _, name := range Templates() {
		text, err := r.letterTemplate(name)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		if err := r.tryTemplate(text); err != nil {
			problems = append(problems, fmt.Errorf("template %s: %w", name, err))
		}
	}
	return problems
}

// tryTemplate gives the first thing that goes wrong with a template.
func (r Rules) tryTemplate(text letterText) error {
	for _, facts := range madeUpFacts() {
		for _, a := range append(slices.Clone(r.Audiences), Audience{Name: "anybody"}, Audience{Name: CustomersDraft}) {
			facts := facts
			facts.Audience, facts.Customers = a.Title, a.Name == CustomersDraft
			if _, err := text.letter(facts); err != nil {
				return err
			}
		}
	}
	return nil
}

// madeUpFacts are everything there can be, nothing at all, and as much of it as there can
// be.
func madeUpFacts() []Facts {
	const when = "10:02 UTC on 21 November 2026"
	empty := Facts{Incident: "INC-1", Severity: "P3", Subject: "Data Inconsistency", Number: 1, Areas: "data", Avoid: "data"}
	full := Facts{
		Incident: "INC-1042", Severity: "P0", Subject: "Data Inconsistency", Drill: true, Area: "Orders", Areas: "orders data", Avoid: "orders data", Number: 2,
		Says: "We are at it.", Repair: "in about 30 minutes", Confidence: "medium", Known: true, Wrong: true, Unanswered: true,
		Rows: "133 wrong rows", Money: "$18,204.10", More: "7 more", Asks: []string{"Payments", "Stock"}, First: when, Last: when, From: when,
		Data:   []Datum{{Title: "Orphaned orders", Rows: "30", Of: "3,000,000", Noun: "orders", Means: "belong to nobody", Money: "$1.00"}},
		Places: "production/shop", Contained: when, Steady: when, Grew: when, WritesStopped: when, Preparing: true, Repairing: true, Repaired: when,
		Repairs: []Fixed{{Title: "Orphaned orders", Rows: "30", Was: "30", Is: "0", At: when, TakenBack: true, PartlyFixed: true}},
		Was:     "133", Is: "103", WasAt: when, Cause: "a deploy", Owner: "Alice", Next: when, Channel: "#inc-1", Runbook: "https://wiki.example.com/runbook",
	}
	over := full
	over.Drill, over.Wrong, over.Unanswered, over.Clear, over.Data, over.Next, over.Final = false, false, false, true, nil, "", true
	extreme := full
	extreme.Says = strings.Repeat("This is a long sentence. ", maxSays/25)
	extreme.Repair, extreme.Areas = strings.Repeat("r", maxRepair), strings.Repeat("orders and ", 20)+"more data"
	extreme.Data = slices.Repeat(full.Data, maxData)
	extreme.Repairs = slices.Repeat(full.Repairs, maxRepairs)
	extreme.Asks = slices.Repeat([]string{"Payments without order"}, maxData)
	return []Facts{full, empty, over, extreme}
}
