package commands_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/message"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("-want +got; if meant: go test ./commands -update\n%s", diff)
	}
}

// written is everything that an intent records and says, to be read.
func written(in commands.Intent) string {
	var b strings.Builder
	for _, e := range in.Events {
		b.WriteString("  " + eventText(e) + "\n")
	}
	for _, c := range in.Incidents {
		fmt.Fprintf(&b, "  %s moves from version %d\n", c.Incident.Ref(), c.Incident.Version)
	}
	for _, e := range in.Entries {
		fmt.Fprintf(&b, "  entry %s %s: %s\n", e.Key, e.Kind, e.Text)
	}
	for _, n := range in.Notices {
		fmt.Fprintf(&b, "  notice %s %s\n", n.Ref(), n.Template)
	}
	if in.Draft != nil {
		b.WriteString("  a draft is kept\n")
	}
	if in.Discard != "" {
		b.WriteString("  a draft is thrown away\n")
	}
	if in.Run != nil {
		fmt.Fprintf(&b, "  run %s: %s\n", in.Run.Ref(), in.Run.Words)
	}
	for _, p := range in.Posts {
		to := "all in " + p.Channel
		if p.OnlyTo != "" {
			to = "the asker alone"
		}
		fmt.Fprintf(&b, "  to %s:\n%s", to, indented(p.Message))
	}
	return b.String()
}

func eventText(e audit.Event) string {
	text := fmt.Sprintf("audit: %s %s, incident %q, target %q", e.Action, e.Outcome, e.Incident, e.Target)
	if e.Before != "" || e.After != "" {
		text += fmt.Sprintf(", %q → %q", e.Before, e.After)
	}
	for _, name := range slices.Sorted(maps.Keys(e.Args)) {
		if name != "words" && name != "seal" { // the seal is of the notice's package
			text += fmt.Sprintf(", %s=%q", name, e.Args[name])
		}
	}
	return text + ", by " + e.Rule
}

func indented(m message.Message) string {
	text := strings.TrimRight(m.PlainText(), "\n")
	return "    " + strings.ReplaceAll(text, "\n", "\n    ") + "\n"
}

// formText is a form to be read.
func formText(f *message.Form) string {
	if f == nil {
		return "  no form\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "  form %q for %q %q, button %q\n", f.Title, f.Verb, f.Ref, f.Submit)
	for _, name := range slices.Sorted(maps.Keys(f.Carried)) {
		fmt.Fprintf(&b, "    carries %s\n", name)
	}
	for _, l := range f.Intro {
		b.WriteString("    " + l.String() + "\n")
	}
	for _, field := range f.Fields {
		fmt.Fprintf(&b, "    [%s] %s %q = %q (%s)\n", field.Kind, field.Name, field.Label, field.Value, field.Hint)
	}
	if len(f.Preview) > 0 {
		b.WriteString(indented(message.Message{Headline: message.Text("preview:"), Parts: f.Preview}))
	}
	return b.String()
}
