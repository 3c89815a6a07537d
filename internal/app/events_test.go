package app_test

import (
	"context"
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/integritybot/integritybot/internal/kafkatest"
	"github.com/integritybot/integritybot/internal/pgtest"
	"github.com/integritybot/integritybot/internal/shop"
	"github.com/integritybot/integritybot/internal/workspace"
)

// eventful is a world with a Kafka cluster, in which the shop's consumer failed.
type eventful struct {
	*world
	cluster *kafkatest.Cluster
	events  *shop.Events
}

// newEventful plays the incident. The handler is still broken: see shop.Events.
func newEventful(t *testing.T, o kafkatest.Options) eventful {
	t.Helper()
	w := newWorld(t, workspace.Options{})
	w.repairable()
	cluster := kafkatest.Start(t, o)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	events, err := shop.OpenEvents(ctx, shop.EventsOptions{Brokers: cluster.Brokers, DSN: w.dsn, Truth: w.truth, Plain: *screenshots != ""})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := events.Close(); err != nil {
			t.Errorf("the shop's consumer: %v", err)
		}
	})
	w.env["KAFKA_BROKERS"] = strings.Join(cluster.Brokers, ",")
	w.env["KAFKA_REPLAY"], w.env["KAFKA_REPLAY_WINDOW"] = "on", "1s"
	return eventful{world: w, cluster: cluster, events: events}
}

func (w eventful) in(t *testing.T) eventful {
	w.world = w.world.in(t)
	return w
}

// caughtUp waits until the shop has consumed what was sent.
func (w eventful) caughtUp() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(w.t.Context()), time.Minute)
	defer cancel()
	if err := w.events.CaughtUp(ctx); err != nil {
		w.t.Fatal(err)
	}
}

// processed compares which events took items from the stock with those that
// should have: each once.
func (w eventful) processed(letters shop.Letters) {
	w.t.Helper()
	got := map[string]int64{}
	type line struct {
		Event string
		Times int64
	}
	for _, l := range ask[line](w.t, w.dsn, `SELECT split_part(id, '-', 2) || '-' || split_part(id, '-', 3), count(*) FROM inventory WHERE id LIKE 'reserved-%' GROUP BY 1`) {
		got[l.Event] = l.Times
	}
	want := map[string]int64{}
	for _, l := range slices.Concat(letters, w.events.Letters.Of(shop.LetterProcessed)) {
		if l.Kind != shop.LetterTombstone { // it has nothing to take
			want[l.EventID] = 1
		}
	}
	for _, l := range w.events.Letters {
		if got[l.EventID] != want[l.EventID] {
			w.t.Errorf("%s %s took items %d times, want %d", l.Kind, l.EventID, got[l.EventID], want[l.EventID])
		}
	}
}

// places reads partition and offset from a check's file.
func places(t *testing.T, file string) []string {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(file)).ReadAll()
	if err != nil || len(rows) == 0 {
		t.Fatalf("a file of %d rows: %v", len(rows), err)
	}
	p, o := slices.Index(rows[0], "partition"), slices.Index(rows[0], "offset")
	if p < 0 || o < 0 {
		t.Fatalf("the file's columns are %q", rows[0])
	}
	var out []string
	for _, row := range rows[1:] {
		out = append(out, row[p]+"/"+row[o])
	}
	slices.Sort(out)
	return out
}

// counted asks for dead letters and waits for the answer.
func (w eventful) counted(words string) workspace.Message {
	w.t.Helper()
	before := len(w.heads())
	w.say("/integrity events dlq " + words)
	return await(w.t, "the dead letters being counted", time.Minute, func() (workspace.Message, bool) {
		heads := w.heads()
		if len(heads) <= before {
			return workspace.Message{}, false
		}
		m := heads[len(heads)-1]
		return m, !strings.Contains(m.Text, "⏳")
	})
}

// confirmed presses Confirm and waits for what came of it.
func (w eventful) confirmed(by string, preview workspace.Message) workspace.Message {
	w.t.Helper()
	w.press(by, preview.TS, "confirm")
	return w.outcome(preview)
}

// outcome waits until a plan's message tells its end.
func (w eventful) outcome(preview workspace.Message) workspace.Message {
	w.t.Helper()
	return await(w.t, "the plan's end", 2*time.Minute, func() (workspace.Message, bool) {
		m := w.message(preview)
		return m, !strings.Contains(m.Text, "waiting: ") && !strings.Contains(m.Text, "⏳")
	})
}

// message is how a message reads now.
func (w eventful) message(m workspace.Message) workspace.Message {
	w.t.Helper()
	root := m.ThreadTS
	if root == "" {
		root = m.TS
	}
	thread, err := w.slack.Thread(alice, incident, root)
	if err != nil {
		w.t.Fatal(err)
	}
	i := slices.IndexFunc(thread, func(one workspace.Message) bool { return one.TS == m.TS })
	if i < 0 {
		w.t.Fatalf("the message %q is gone", m.Text)
	}
	return thread[i]
}

func says(t *testing.T, m workspace.Message, parts ...string) {
	t.Helper()
	text := m.Text + "\n" + fmt.Sprint(m.Blocks)
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("no %q in %s", p, text)
		}
	}
}

// TestDeadLettersFromTheCountToTheReplay: they are counted, exactly; a replay is
// previewed, confirmed, watched and verified; what it may not send it leaves;
// again it sends nothing; the rest is put aside. The audit tells it.
func TestDeadLettersFromTheCountToTheReplay(t *testing.T) {
	t.Parallel()
	w := newEventful(t, kafkatest.Options{})
	w.events.Heal()
	w.replica()
	head := w.counted("")
	says(t, head, "FAIL Failed events", "412")
	files := w.files(head, 1)
	if diff := cmp.Diff(w.events.Letters.Places(), places(t, files["failed-events-R-"+runOf("", files)+".csv"])); diff != "" {
		t.Errorf("missed (-), false alarms (+):\n%s", diff)
	}
	for class, n := range w.events.Letters.ByClass() {
		w.inThread(head, fmt.Sprintf("%s %d", class, n))
	}
	if groups, err := w.cluster.Admin(t).ListGroups(t.Context()); err != nil || !slices.Equal(groups.Groups(), []string{shop.EventsGroup}) {
		t.Errorf("after looking there are the groups %v (%v)", groups.Groups(), err)
	}

	ref, preview := w.planned(alice, "events replay")
	says(t, preview, "390", "Cannot be undone", "18 left alone", "3 left alone", "DeserializationException")
	w.processed(nil) // the preview sends nothing
	applied := w.confirmed(bob, preview)
	says(t, applied, ref+" applied", "412 → 21")
	w.caughtUp()
	w.processed(w.events.Letters.Transient())
	if aside := w.cluster.Committed(t, shop.QuarantineTopic); len(aside) != 1 || header(aside[0], "event_id") != w.events.Letters.Of(shop.LetterExhausted)[0].EventID {
		t.Errorf("put aside: %d records", len(aside))
	}

	sent := len(w.cluster.Committed(t, shop.EventsTopic))
	w.say("/integrity events replay")
	w.said("not made")
	w.settled(time.Minute)
	if n := len(w.cluster.Committed(t, shop.EventsTopic)); n != sent {
		t.Errorf("asked again, it sent %d", n-sent)
	}
	before := w.seq()
	w.say("/integrity undo " + ref)
	w.ephemeral(alice, incident, "cannot be taken back")
	w.onlyRow(before, "undo", "refused", "refused")

	second, preview := w.planned(alice, "events replay --quarantine")
	applied = w.confirmed(bob, preview)
	says(t, applied, second+" applied", "21 → 0, PASS")
	if aside := w.cluster.Committed(t, shop.QuarantineTopic); len(aside) != 22 {
		t.Errorf("put aside: %d records, want 22", len(aside))
	}
	says(t, w.counted(""), "PASS Failed events")
	w.settled(time.Minute)
	w.eventStory(ref, second)
	w.noViolations()
	w.auditIsSound()
}

func header(r *kgo.Record, name string) string {
	for _, h := range r.Headers {
		if h.Key == name {
			return string(h.Value)
		}
	}
	return ""
}

// inThread waits for a message in a thread whose text, blanks aside, holds this.
func (w eventful) inThread(head workspace.Message, text string) {
	w.t.Helper()
	words := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	var last []string
	defer func() {
		if w.t.Failed() {
			w.t.Logf("there stands:\n%s", strings.Join(last, "\n"))
		}
	}()
	await(w.t, fmt.Sprintf("%q in the thread", text), time.Minute, func() (bool, bool) {
		thread, err := w.slack.Thread(alice, incident, head.TS)
		if err != nil {
			w.t.Fatal(err)
		}
		last = nil
		for _, m := range thread {
			last = append(last, words(plainText(m)))
			if strings.Contains(words(plainText(m)), text) {
				return true, true
			}
		}
		return false, false
	})
}

// plainText is all texts of a message's blocks, with blanks between.
func plainText(m workspace.Message) string {
	var b strings.Builder
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, one := range v {
				walk(one)
			}
		case map[string]any:
			if text, ok := v["text"].(string); ok {
				b.WriteString(text + " ")
			}
			for _, key := range []string{"text", "elements", "rows", "fields"} {
				if _, isText := v[key].(string); !isText {
					walk(v[key])
				}
			}
		}
	}
	for _, one := range m.Blocks {
		walk(one)
	}
	return b.String()
}

// eventStory compares the audit of the two plans with what happened.
func (w eventful) eventStory(plans ...string) {
	w.t.Helper()
	type line struct{ Who, Source, Action, Target, Outcome string }
	got := ask[line](w.t, w.store(), `SELECT coalesce(actor, ''), source, action, target, outcome FROM audit_events WHERE target = ANY ($1) AND actor <> '' AND action <> 'undo' ORDER BY seq`, plans)
	var want []line
	for _, ref := range plans {
		want = append(want,
			line{alice, "slash", "events.replay", ref, "intended"},
			line{alice, "system", "plan", ref, "done"},
			line{bob, "button", "confirm", ref, "intended"},
			line{bob, "system", "fix.apply", ref, "intended"},
			line{bob, "system", "fix.applied", ref, "done"},
			line{bob, "system", "fix.verified", ref, "done"})
	}
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Errorf("the audit (-want +got):\n%s", diff)
	}
	w.none("plans with two hashes", `SELECT target FROM audit_events WHERE body::json->>'plan_hash' <> '' GROUP BY target HAVING count(DISTINCT body::json->>'plan_hash') > 1`)
}

// TestCanariesComeBack: while the handler is broken all of the first ten come
// back, and the others are not sent; after the repair everything is sent once.
func TestCanariesComeBack(t *testing.T) {
	t.Parallel()
	w := newEventful(t, kafkatest.Options{})
	w.env["KAFKA_REPLAY_WINDOW"] = "20s" // it ends as soon as enough have come back
	w.replica()
	before := len(w.cluster.Committed(t, shop.EventsTopic))
	ref, preview := w.planned(alice, "events replay --match error=NullPointer")
	halted := w.confirmed(bob, preview)
	says(t, halted, ref, "came back", "were not sent")
	if n := len(w.cluster.Committed(t, shop.EventsTopic)) - before; n != 10 {
		t.Errorf("%d records were sent, want the canaries", n)
	}
	w.caughtUp()
	w.processed(nil)

	w.events.Heal()
	says(t, w.counted(""), "FAIL Failed events", "412") // 10 were sent, and are back
	second, preview := w.planned(alice, "events replay")
	says(t, w.confirmed(bob, preview), second+" applied", "412 → 21")
	w.caughtUp()
	w.processed(w.events.Letters.Transient())
	w.settled(time.Minute)
	w.noViolations()
	w.auditIsSound()
}

// TestLagThroughSlack: how far the consumer is behind, exactly, whether that is
// too far or not.
func TestLagThroughSlack(t *testing.T) {
	t.Parallel()
	w := newEventful(t, kafkatest.Options{})
	w.yaml = []byte(strings.Replace(string(w.yaml), "max_lag: 10000", "max_lag: 20", 1))
	w.events.Heal()
	w.replica()
	w.say("/integrity events lag")
	says(t, w.finished("Consumer lag", time.Minute), "PASS Consumer lag")
	w.events.Pause()
	if err := w.events.Place(t.Context(), 200); err != nil {
		t.Fatal(err)
	}
	w.say("/integrity events lag")
	behind := await(t, "the consumer being found behind", time.Minute, func() (workspace.Message, bool) {
		heads := w.heads()
		m := heads[len(heads)-1]
		return m, strings.Contains(m.Text, "FAIL Consumer lag")
	})
	says(t, behind, "200")
	w.events.Resume()
	w.caughtUp()
	w.say("/integrity check consumer-lag")
	await(t, "the consumer having caught up", time.Minute, func() (bool, bool) {
		heads := w.heads()
		return true, strings.Contains(heads[len(heads)-1].Text, "PASS Consumer lag")
	})
	w.noViolations()
	w.auditIsSound()
}

// TestReplayOfAnAggregate: the stored events of one order go out again in their
// sequence; what the consumer has processed is left alone.
func TestReplayOfAnAggregate(t *testing.T) {
	t.Parallel()
	w := newEventful(t, kafkatest.Options{})
	w.events.Heal()
	w.replica()
	type stored struct{ Order, Events string }
	one := ask[stored](t, w.dsn, `SELECT aggregate_id, string_agg(event_id, ' ' ORDER BY version) FROM domain_events
		WHERE aggregate_id ~ '^o[0-9]+$' GROUP BY aggregate_id HAVING count(*) = 2 AND array_agg(version ORDER BY version) = '{1,2}' ORDER BY 1 LIMIT 1`)[0]
	w.say("/integrity events replay-aggregate " + one.Order)
	w.said("not made") // both were processed

	pgtest.Exec(t, w.dsn, "DELETE FROM processed_events WHERE event_id = ANY ($1)", strings.Fields(one.Events))
	before := len(w.cluster.Committed(t, shop.EventsTopic))
	ref, preview := w.planned(alice, "events replay-aggregate "+one.Order)
	says(t, preview, one.Order, "2", "Cannot be undone")
	says(t, w.confirmed(bob, preview), ref+" applied")
	var got []string
	all := w.cluster.Committed(t, shop.EventsTopic)
	for _, r := range all {
		if string(r.Key) == one.Order && header(r, "integritybot-plan") == ref {
			got = append(got, header(r, "event_id"))
		}
	}
	if diff := cmp.Diff(strings.Fields(one.Events), got); diff != "" || len(all) != before+2 {
		t.Errorf("%d records; the order's (-want +got):\n%s", len(all)-before, diff)
	}
	w.say("/integrity events replay-aggregate o-none")
	w.said("o-none")
	w.settled(time.Minute)
	w.noViolations()
	w.auditIsSound()
}

// TestRefusalsOfEvents: words that make no sense, and people and places without
// the right: one sentence, one audit row, no run.
func TestRefusalsOfEvents(t *testing.T) {
	t.Parallel()
	w := newEventful(t, kafkatest.Options{})
	w.replica()
	for _, c := range []struct{ name, as, channel, text, want, action string }{
		{"no such part", alice, incident, "events dql", `events has no "dql". Did you mean "events dlq"?`, "events"},
		{"offsets of a group", alice, incident, "events reset-offsets", "I never move a consumer group's offsets", "events"},
		{"no such check", alice, incident, "events dlq failed-event", `There is no check called "failed-event". Did you mean "failed-events"?`, "events.dlq"},
		{"a check of another kind", alice, incident, "events dlq consumer-lag", "consumer-lag is a check of kind lag", "events.dlq"},
		{"no such grouping", alice, incident, "events dlq --group-by erorr", `Dead letters cannot be counted by "erorr"`, "events.dlq"},
		{"no such word", alice, incident, "events replay --match kye=1", "kye", "events.replay"},
		{"nothing", alice, incident, "events replay --limit 0", "0", "events.replay"},
		{"no speed", alice, incident, "events replay --rate 0", "--rate is 0; give a number from 1", "events.replay"},
		{"no time", alice, incident, "events replay-aggregate o17 --from yesterday", "is not a time", "events.replay-aggregate"},
		{"no right to look", "U0DAVE", incident, "events dlq", "check:events", "events.dlq"},
		{"no right to send", "U0DAVE", incident, "events replay", "fix:events", "events.replay"},
		{"no right to take records out", alice, incident, "events export", "export:events", "events.export"},
		{"a replay in a shared channel", alice, "C0PARTNER", "events replay", "This channel is shared with another organisation", "events.replay"},
		{"an export in a shared channel", bob, "C0PARTNER", "events export", "This channel is shared with another organisation", "events.export"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := w.in(t)
			before := w.seq()
			w.sayAs(c.as, c.channel, "", "/integrity "+c.text)
			w.ephemeral(c.as, c.channel, c.want)
			w.onlyRow(before, c.action, "refused", "refused")
		})
	}
	if n := ask[int64](t, w.store(), `SELECT (SELECT count(*) FROM runs) + (SELECT count(*) FROM plans)`)[0]; n != 0 {
		t.Errorf("%d runs and plans of what was refused", n)
	}
	t.Run("nothing matches", func(t *testing.T) {
		w := w.in(t)
		w.say("/integrity events replay --match key=o-none")
		w.said("none matches key=o-none")
	})
	if groups, err := w.cluster.Admin(t).ListGroups(t.Context()); err != nil || !slices.Equal(groups.Groups(), []string{shop.EventsGroup}) {
		t.Errorf("afterwards there are the groups %v (%v)", groups.Groups(), err)
	}
	w.settled(time.Minute)
	w.noViolations()
	w.auditIsSound()
}
