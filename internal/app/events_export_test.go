package app_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/integritybot/integritybot/internal/app"
	"github.com/integritybot/integritybot/internal/kafkatest"
	"github.com/integritybot/integritybot/internal/shop"
)

// asItStands is all that Kafka keeps of a record but its place.
func asItStands(records []*kgo.Record) map[int32][]string {
	out := map[int32][]string{}
	for _, r := range records {
		text := fmt.Sprintf("%d %x %v %x %v", r.Timestamp.UnixMilli(), r.Key, r.Key == nil, r.Value, r.Value == nil)
		for _, h := range r.Headers {
			text += fmt.Sprintf(" %q=%x %v", h.Key, h.Value, h.Value == nil)
		}
		out[r.Partition] = append(out[r.Partition], text)
	}
	return out
}

// TestWhatIsExportedImportsBackToTheByte: from Slack to a file and from the file
// into another topic; the file is for those who may have the data.
func TestWhatIsExportedImportsBackToTheByte(t *testing.T) {
	t.Parallel()
	w := newEventful(t, kafkatest.Options{})
	w.replica()
	w.sayAs(alice, incident, "", "/integrity events export")
	w.ephemeral(alice, incident, "This needs the permission export:events, which you do not have here. It is for approvers, admins")

	w.sayAs(bob, incident, "", "/integrity events export --match error=NullPointer --limit 5")
	says(t, w.said("📄 Failed events: 5 records exported, as they are and unmasked"), "Selected by error=NullPointer.")
	w.sayAs(bob, incident, "", "/integrity events export failed-events")
	all := w.said("📄 Failed events: 412 records exported")
	var file string
	for name, content := range w.files(all, 1) {
		if !strings.HasPrefix(name, "failed-events-R-") || !strings.HasSuffix(name, ".ndjson") {
			t.Errorf("the file is called %s", name)
		}
		file = content
	}
	if n := strings.Count(file, "\n"); n != 412 {
		t.Fatalf("the file has %d lines", n)
	}
	var shell bytes.Buffer
	if _, err := app.ExportEvents(t.Context(), w.config(), app.ExportOptions{Out: &shell, Log: slog.New(slog.DiscardHandler), Version: "test"}); err != nil {
		t.Fatal(err)
	}
	if shell.String() != file {
		t.Error("the shell gives another file")
	}

	was := asItStands(w.cluster.Committed(t, shop.DeadLetterTopic))
	copied := w.cluster.Topic(t, "copy", int32(len(was)), nil)
	done, err := app.ImportEvents(t.Context(), w.config(), app.ImportOptions{Topic: copied, In: strings.NewReader(file), Log: slog.New(slog.DiscardHandler), Version: "test"})
	if err != nil || done.Sent != 412 {
		t.Fatalf("%d were sent: %v", done.Sent, err)
	}
	if diff := cmp.Diff(was, asItStands(w.cluster.Committed(t, copied))); diff != "" {
		t.Errorf("what was exported (-), what came of it (+):\n%s", diff)
	}
	w.none("an export without its end", `SELECT body::json->>'request' FROM audit_events WHERE action IN ('events.export', 'events.import')
		GROUP BY 1 HAVING count(*) <> 2 AND bool_and(body::json->>'outcome' <> 'refused')`)
}
