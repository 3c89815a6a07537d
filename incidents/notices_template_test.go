package incidents_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/integritybot/integritybot/incidents"
)

const letterHead = "Subject: s\n\nbody "

func checkTemplate(t *testing.T, source string) []error {
	t.Helper()
	r := noticeWords().Rules
	r.Templates = map[string]string{"update": source}
	ended := make(chan []error, 1)
	go func() { ended <- r.CheckTemplates() }()
	select {
	case problems := <-ended:
		return problems
	case <-time.After(20 * time.Second):
		t.Fatal("it never ends")
		return nil
	}
}

func TestTheBuiltInTemplatesHoldTheRules(t *testing.T) {
	if problems := noticeWords().Rules.CheckTemplates(); len(problems) > 0 {
		t.Errorf("%v", problems)
	}
}

func TestATemplateThatMightNeverEndOrSaysTooMuchIsRefused(t *testing.T) {
	deep := letterHead
	for range 12 {
		deep += "{{range $.Data}}"
	}
	deep += strings.Repeat("{{end}}", 12)
	doubling := letterHead + `{{template "t0" .}}`
	for n := range 60 {
		next := "t" + string(rune('0'+n/10)) + string(rune('0'+n%10))
		name := "t0"
		if n > 0 {
			name = "t" + string(rune('0'+(n-1)/10)) + string(rune('0'+(n-1)%10))
		}
		doubling += `{{define "` + name + `"}}{{template "` + next + `" .}}{{template "` + next + `" .}}{{end}}`
	}
	doubling += `{{define "t59"}}x{{end}}`
	for name, tt := range map[string]struct{ source, want string }{
		"counts for ever":              {letterHead + "{{range 9223372036854775807}}{{end}}", "might never end"},
		"counts a fact":                {letterHead + "{{range .Number}}x{{end}}", "might never end"},
		"counts the length of a text":  {letterHead + "{{range len .Says}}{{end}}", "might never end"},
		"goes through a variable":      {letterHead + "{{$x := 1000000000}}{{range $x}}{{end}}", "might never end"},
		"uses itself":                  {letterHead + `{{define "a"}}{{template "a" .}}{{end}}{{template "a" .}}`, `"a" uses itself`},
		"uses itself by another":       {letterHead + `{{define "a"}}{{template "b" .}}{{end}}{{define "b"}}{{if .Says}}{{template "a" .}}{{end}}{{end}}{{template "a" .}}`, `"a" uses itself`},
		"is itself":                    {letterHead + `{{template "update" .}}`, `"update" uses itself`},
		"lists in lists in lists":      {deep, "too much"},
		"doubles sixty times":          {doubling, "too much"},
		"makes a huge text":            {letterHead + `{{printf "%1000000d" 1}}`, "the function printf cannot be used here"},
		"calls":                        {letterHead + `{{call .Says}}`, "the function call cannot be used here"},
		"is huge":                      {letterHead + strings.Repeat("x", 70_000), "at most 65536"},
		"makes more than it may":       {letterHead + strings.Repeat("{{range .Data}}"+strings.Repeat("x", 4000)+"{{end}}", 3), "makes more than 65536 bytes"},
		"names what is not there":      {letterHead + "{{.Customer}}", "there is no fact called Customer"},
		"names it where nobody goes":   {letterHead + "{{if .Drill}}{{if not .Drill}}{{.Rwos}}{{end}}{{end}}", "there is no fact called Rwos"},
		"a template that is not there": {letterHead + `{{template "nothing" .}}`, `the template "nothing", which is not there`},
		"cannot be read":               {letterHead + "{{if}}", "missing value for if"},
		"has no subject":               {"Hello", "its first line has to be"},
		"has an empty subject":         {"Subject: {{.Says}}\n\nbody", "its subject is empty"},
		"says nothing":                 {"Subject: s\n\n{{.Cause}}", "says nothing but its subject"},
		"a subject without end":        {"Subject: {{.Says}}x\n\nbody", "more than 200"},
		"takes a list for a text":      {letterHead + "{{.Data.Title}}", "can't evaluate field Title"},
	} {
		t.Run(name, func(t *testing.T) {
			problems := checkTemplate(t, tt.source)
			if len(problems) == 0 || !strings.Contains(problems[0].Error(), tt.want) || !strings.Contains(problems[0].Error(), "template update") {
				t.Errorf("got %v, want that the template update has: %s", problems, tt.want)
			}
			w := noticeWords()
			w.Rules.Templates = map[string]string{"update": tt.source}
			if strings.Contains(tt.want, "never end") || strings.Contains(tt.want, "too much") {
				if n, err := incidents.Compose(orders(), w, incidents.Draft{Template: "update", At: noticeNow}, inGroup); err == nil {
					t.Errorf("it was composed all the same: %v", n)
				}
			}
		})
	}
}

func TestATemplateOfTheConfigTakesThePlaceOfTheBuiltInOne(t *testing.T) {
	w := noticeWords()
	w.Rules.Templates = map[string]string{"update": "Subject: [{{.Severity}}] Störung {{.Incident}}\n\n{{range $i, $d := .Data}}{{if $i}}; {{end}}{{$d.Title}}: {{$d.Rows}}{{end}}\n{{template \"next\" .}}"}
	if problems := w.Rules.CheckTemplates(); len(problems) > 0 {
		t.Fatalf("%v", problems)
	}
	n, err := incidents.Compose(orders(), w, incidents.Draft{Template: "update", Audiences: []string{"responders"}, At: noticeNow}, inGroup)
	if err != nil {
		t.Fatal(err)
	}
	want := "Subject: [P0] Störung INC-12\n\nOrder totals: 60; Payments: 43; Orphaned orders: 30\nNext update by 13:00 UTC on 21 November 2026."
	if got := n.Letters[0].Text(); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestATemplateOfNoNoticeIsNamed(t *testing.T) {
	r := noticeWords().Rules
	r.Templates = map[string]string{"uptade": "Subject: s\n\nb"}
	if problems := r.CheckTemplates(); len(problems) != 1 || !strings.Contains(problems[0].Error(), "template uptade: there is no such notice") {
		t.Errorf("got %v", problems)
	}
}

// The template of docs/notices.md is one that works.
func TestTheTemplateOfTheDocsHoldsTheRules(t *testing.T) {
	page, err := os.ReadFile("../docs/notices.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := strings.Cut(string(page), "    update: |\n")
	if !found {
		t.Fatal("docs/notices.md has no template")
	}
	text, _, _ = strings.Cut(text, "```")
	var source strings.Builder
	for _, line := range strings.Split(text, "\n") {
		source.WriteString(strings.TrimPrefix(line, "      ") + "\n")
	}
	if problems := checkTemplate(t, source.String()); len(problems) > 0 {
		t.Errorf("%v", problems)
	}
}
