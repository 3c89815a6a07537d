package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/workspace"
)

// transcript types these things as Alice, or the usual ones to try, and prints what
// a person would then see, for those without a browser.
func transcript(ctx context.Context, out io.Writer, w *workspace.Workspace, tries []string) error {
	if len(tries) == 0 {
		tries = demoTries()
	}
	for _, text := range tries {
		before, err := conversation(w)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "\n── Alice types: %s\n\n", text)
		if _, err := w.Say(demoAlice, demoIncident, "", text); err != nil {
			return fmt.Errorf("typing %q: %w", text, err)
		}
		if err := settle(ctx, w, before); err != nil {
			return err
		}
		if err := printSince(out, w, before); err != nil {
			return err
		}
	}
	return nil
}

// conversation is every message of the channel and its threads as text, by ts.
func conversation(w *workspace.Workspace) (map[string]string, error) {
	seen := map[string]string{}
	top, _, err := w.Messages(demoAlice, demoIncident)
	if err != nil {
		return nil, fmt.Errorf("reading the channel: %w", err)
	}
	for _, m := range top {
		seen[m.TS] = plain(m)
		if m.ReplyCount == 0 {
			continue
		}
		thread, err := w.Thread(demoAlice, demoIncident, m.TS)
		if err != nil {
			return nil, fmt.Errorf("reading a thread: %w", err)
		}
		for _, r := range thread[1:] {
			seen[r.TS] = plain(r)
		}
	}
	return seen, nil
}

// settle waits until something new stands in the channel and nothing has
// changed for a while.
func settle(ctx context.Context, w *workspace.Workspace, before map[string]string) error {
	const quiet, most = 4 * time.Second, 2 * time.Minute
	last, changed := fmt.Sprint(before), time.Time{}
	for deadline := time.Now().Add(most); time.Now().Before(deadline); {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(200 * time.Millisecond):
		}
		now, err := conversation(w)
		if err != nil {
			return err
		}
		if text := fmt.Sprint(now); text != last {
			last, changed = text, time.Now()
		}
		if !changed.IsZero() && time.Since(changed) > quiet && !strings.Contains(last, "⏳") {
			return nil
		}
	}
	return errors.New("no answer came within 2 min")
}

func printSince(out io.Writer, w *workspace.Workspace, before map[string]string) error {
	top, _, err := w.Messages(demoAlice, demoIncident)
	if err != nil {
		return fmt.Errorf("reading the channel: %w", err)
	}
	for _, m := range top {
		if before[m.TS] == plain(m) {
			continue
		}
		fmt.Fprintln(out, indent("", m))
		if m.ReplyCount == 0 {
			continue
		}
		thread, err := w.Thread(demoAlice, demoIncident, m.TS)
		if err != nil {
			return fmt.Errorf("reading a thread: %w", err)
		}
		for _, r := range thread[1:] {
			fmt.Fprintln(out, indent("    │ ", r))
		}
	}
	return nil
}

func indent(prefix string, m workspace.Message) string {
	who := "Alice"
	if m.BotID != "" {
		who = "integrity APP"
	}
	if m.Ephemeral {
		who += " (only visible to you)"
	}
	lines := strings.Split(strings.TrimRight(plain(m), "\n"), "\n")
	return prefix + who + ":\n" + prefix + "  " + strings.Join(lines, "\n"+prefix+"  ")
}

// plain is a message as text: what its blocks say, or its text without blocks.
func plain(m workspace.Message) string {
	var b strings.Builder
	for _, block := range m.Blocks {
		if one, ok := block.(map[string]any); ok {
			b.WriteString(blockText(one))
		}
	}
	if b.Len() == 0 && m.Text != "" {
		b.WriteString(m.Text + "\n")
	}
	for _, f := range m.Files {
		fmt.Fprintf(&b, "[file %s, %d bytes]\n", f.Name, f.Size)
	}
	return b.String()
}

func blockText(block map[string]any) string {
	switch block["type"] {
	case "actions":
		var labels []string
		for _, e := range list(block["elements"]) {
			labels = append(labels, "["+leaves(e)+"]")
		}
		return strings.Join(labels, " ") + "\n"
	case "table":
		var b strings.Builder
		for _, row := range list(block["rows"]) {
			var cells []string
			for _, cell := range list(row) {
				cells = append(cells, strings.TrimSpace(leaves(cell)))
			}
			b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
		}
		return b.String()
	default:
		return leaves(block) + "\n"
	}
}

// leaves joins all text inside a block, in order.
func leaves(v any) string {
	switch v := v.(type) {
	case string:
		return ""
	case []any:
		var parts []string
		for _, one := range v {
			parts = append(parts, leaves(one))
		}
		return strings.Join(parts, "")
	case map[string]any:
		if text, ok := v["text"].(string); ok {
			return text
		}
		if fallback, ok := v["fallback"].(string); ok {
			return fallback
		}
		if id, ok := v["user_id"].(string); ok {
			return "@" + id
		}
		if id, ok := v["channel_id"].(string); ok {
			return "#" + id
		}
		var b strings.Builder
		for _, key := range []string{"text", "fields", "elements"} {
			b.WriteString(leaves(v[key]))
		}
		return b.String()
	}
	return ""
}

func list(v any) []any {
	items, _ := v.([]any)
	return items
}
