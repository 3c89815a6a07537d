package kafka

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/kafkatest"
)

// dead is a letter in Spring's form.
func dead(topic string, part int32, key, class, from string, at time.Time) *kgo.Record {
	return &kgo.Record{
		Topic: topic, Partition: part, Key: []byte(key), Value: []byte(`{"orderId":"o-1","email":"alice@example.com"}`), Timestamp: at,
		Headers: heads("kafka_dlt-original-topic", from, "kafka_dlt-exception-fqcn", class, "kafka_dlt-exception-message", "of bob@example.com"),
	}
}

// judged is a run of the check from its cursor.
func judged(t *testing.T, target *Target, text string, s Sources, o check.Options, rec *recorder) check.Result {
	t.Helper()
	res, err := words(t, "dead-letters", text).Detector(target, s).Detect(t.Context(), o, rec.cursor, rec)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestDeadLetters(t *testing.T) {
	t.Parallel()
	eachPeer(t, func(t *testing.T, peer kafkatest.Peer) {
		c := kafkatest.Start(t, kafkatest.Options{Peer: peer})
		topic := c.Topic(t, "ecommerce-dlq", 2, forever())
		now := time.Now().Truncate(time.Millisecond)
		target := open(t, c, func(o *Options) { o.Now = func() time.Time { return now } })
		back := dead(topic, 1, "o-3", "a.TimeoutException", "payments", now.Add(-2*time.Hour))
		back.Headers = append(back.Headers, heads("integritybot-plan", "P-7", "integritybot-attempt", "1")...)
		produce(t, c,
			dead(topic, 0, "o-1", "java.lang.NullPointerException", "orders", now.Add(-48*time.Hour)),
			dead(topic, 0, "o-1", "java.lang.NullPointerException", "orders", now.Add(-time.Minute)),
			dead(topic, 0, "o-2", "java.lang.NullPointerException", "orders", now.Add(-time.Minute)),
			back,
			&kgo.Record{Topic: topic, Partition: 1, Timestamp: now.Add(-30 * 24 * time.Hour)},
		)
		sent := Sources{Ledger: ledger{
			{Plan: 7, Hold: fix.Sent, Part: 0, Spans: []fix.Span{{From: 2, To: 3}}},
			{Plan: 9, Hold: fix.Taken, Part: 0, Spans: []fix.Span{{From: 1, To: 2}}},
		}}
		text := "topic: " + topic + "\nshow: {order: $.orderId, email: $.email}\nmask: {email: email}"

		rec := &recorder{t: t}
		res := judged(t, target, text, sent, check.Options{Overview: true}, rec)
		var keys []string
		for _, row := range rec.rows() {
			keys = append(keys, strings.Join(row.Key, "/"))
		}
		if got := strings.Join(keys, " "); got != "0/0 0/1 1/0 1/1" {
			t.Errorf("failing: %s", got)
		}
		first := rec.rows()[0]
		var shown []string
		for i, v := range first.Values {
			shown = append(shown, rec.columns[i].Name+"="+check.Mask(rec.columns[i].Class, *orNull(v)))
		}
		want := "partition=0 offset=0 died=" + now.Add(-48*time.Hour).UTC().Format(time.RFC3339) + " topic=orders error=NullPointerException attempts=0 " +
			"key=••• (3 characters) id=NULL message=••• (18 characters) order=••• (3 characters) email=a•••@example.com"
		if got := strings.Join(shown, " "); got != want {
			t.Errorf("shown: %s\nwant:  %s", got, want)
		}
		if first.At != now.Add(-48*time.Hour).UTC() {
			t.Errorf("it went bad at %s", first.At)
		}
		if diff := cmp.Diff(check.Result{
			Scanned: 5, Read: 5, Plan: "read from the first record to the end of each partition", Position: "0:3 1:2",
			Says: "4 dead letters, 2 of them NullPointerException, the oldest 30 d old",
			Overview: &check.Overview{
				Columns: []check.Column{{Name: "error", Class: "code"}, {Name: "letters", Class: "number"}, {Name: "oldest", Class: "time"}, {Name: "newest", Class: "time"}},
				Rows: [][]string{
					{"NullPointerException", "2", stamp(now, -48*time.Hour), stamp(now, -time.Minute)},
					{"TimeoutException", "1", stamp(now, -2*time.Hour), stamp(now, -2*time.Hour)},
					{"no error named", "1", stamp(now, -30*24*time.Hour), stamp(now, -30*24*time.Hour)},
				},
				Total: 3,
			},
			Notes: []string{
				"1 was sent on by P-7: not counted.",
				"1 of these is taken by P-9, which has not ended.",
				"1 of these was sent on before and died again.",
				"1 of these does not say which topic it is from: name it under origin or headers.",
			},
		}, res); diff != "" {
			t.Error(diff)
		}

		for by, want := range map[string]map[string]int{
			"":      {"NullPointerException": 2, "TimeoutException": 1, "no error named": 1},
			"topic": {"orders": 2, "payments": 1, "unknown topic": 1},
			"key":   {"key no. 1: ••• (3 characters)": 2, "key no. 2: ••• (3 characters)": 1, "no key": 1},
			"age":   {"last hour": 1, "last day": 1, "last week": 1, "older": 1},
		} {
			rec := &recorder{t: t}
			judged(t, target, text, sent, check.Options{GroupBy: by}, rec)
			if diff := cmp.Diff(want, rec.classes()); diff != "" {
				t.Errorf("by %s: %s", by, diff)
			}
		}
		rec = &recorder{t: t}
		judged(t, target, text+"\ngroup_by: key", sent, check.Options{}, rec)
		if rec.classes()["no key"] != 1 {
			t.Errorf("the config's group_by is not kept: %v", rec.classes())
		}
		rec = &recorder{t: t}
		judged(t, target, "topic: "+topic+"\nmask: {key: code}", Sources{}, check.Options{GroupBy: "key"}, rec)
		if diff := cmp.Diff(map[string]int{"o-1": 2, "o-2": 1, "o-3": 1, "no key": 1}, rec.classes()); diff != "" {
			t.Errorf("by keys that may be shown: %s", diff)
		}
		rec = &recorder{t: t}
		res = judged(t, target, text, sent, check.Options{Since: time.Hour}, rec)
		if res.Scanned != 2 || res.Read != 5 || len(rec.rows()) != 1 {
			t.Errorf("since an hour: %d of %d, read %d", len(rec.rows()), res.Scanned, res.Read)
		}
		_, err := words(t, "dead-letters", text).Detector(target, sent).Detect(t.Context(), check.Options{GroupBy: "eror"}, nil, rec)
		if got := sentence(t, err); got != `Dead letters cannot be grouped by "eror": did you mean error? They are grouped by error, topic, key, age.` {
			t.Errorf("it says %q", got)
		}
		leavesNoTrace(t, c)
	})
}

func stamp(now time.Time, d time.Duration) string { return now.Add(d).UTC().Format(time.RFC3339) }

func orNull(v *string) *string {
	if v == nil {
		return text("NULL")
	}
	return v
}

// leavesNoTrace: reading made no group and committed nothing. On a broker that
// is shared with other tests theirs are there.
func leavesNoTrace(t *testing.T, c *kafkatest.Cluster) {
	t.Helper()
	if c.Peer == kafkatest.Apache {
		return // TestPeekingCommitsNothing has a broker of its own
	}
	groups, err := c.Admin(t).ListGroups(t.Context())
	if err != nil || len(groups) > 0 {
		t.Errorf("groups %v, %v", groups.Groups(), err)
	}
}

func TestPeekingCommitsNothing(t *testing.T) {
	t.Parallel()
	eachPeer(t, func(t *testing.T, peer kafkatest.Peer) {
		c := kafkatest.Start(t, kafkatest.Options{Peer: peer, Proxy: true}) // so that it is the test's own
		topic := c.Topic(t, "dlq", 2, forever())
		produce(t, c, dead(topic, 0, "k", "X", "orders", died))
		target := open(t, c)
		if err := words(t, "dead-letters", "topic: "+topic).Validate(t.Context(), target); err != nil {
			t.Fatal(err)
		}
		judged(t, target, "topic: "+topic, Sources{}, check.Options{}, &recorder{t: t})
		d := words(t, "dead-letters", "topic: "+topic).(*DeadLetters)
		if n, err := d.Export(t.Context(), target, Sources{}, Selection{}, 0, 0, func([]byte) error { return nil }); err != nil || n != 1 {
			t.Errorf("exported %d, %v", n, err)
		}
		groups, err := c.Admin(t).ListGroups(t.Context())
		if err != nil || len(groups) > 0 {
			t.Errorf("groups %v, %v", groups.Groups(), err)
		}
	})
}

func TestInnocentDeadLetters(t *testing.T) {
	t.Parallel()
	c := kafkatest.Start(t, kafkatest.Options{})
	topic := c.Topic(t, "dlq", 1, forever())
	target := open(t, c)
	for range 3 {
		produce(t, c, dead(topic, 0, "k", "X", "orders", died))
	}
	for _, tt := range []struct {
		max, rows int
		by        string
	}{{2, 3, ""}, {3, 0, ""}, {3, 0, "key"}, {0, 3, "key"}, {100, 0, ""}} {
		rec := &recorder{t: t}
		res := judged(t, target, fmt.Sprintf("topic: %s\nmax: %d", topic, tt.max), Sources{}, check.Options{GroupBy: tt.by, Overview: true}, rec)
		if len(rec.rows()) != tt.rows || res.Scanned != 3 || res.Overview.Rows[0][1] != "3" {
			t.Errorf("max %d: %d rows, %+v", tt.max, len(rec.rows()), res)
		}
		note := fmt.Sprintf("3 dead letters stand there: up to %d are innocent (max).", tt.max)
		if slices.Contains(res.Notes, note) != (tt.rows == 0) {
			t.Errorf("max %d: %q", tt.max, res.Notes)
		}
	}
}

// TestDeadLettersGoOnAfterACrash at each save: every letter of the frozen range
// is shown once, and what came meanwhile is not.
func TestDeadLettersGoOnAfterACrash(t *testing.T) {
	t.Parallel()
	c := kafkatest.Start(t, kafkatest.Options{})
	topic := c.Topic(t, "dlq", 3, forever())
	target := open(t, c)
	const n = 9_000
	var records []*kgo.Record
	for i := range n {
		records = append(records, dead(topic, int32(i%3), fmt.Sprintf("k-%d", i%70), fmt.Sprintf("E%d", i%80), "orders", died.Add(time.Duration(i)*time.Second)))
	}
	produce(t, c, records...)
	crashes := 0
	for killAt := 1; ; killAt++ {
		rec := &recorder{t: t, killAt: killAt}
		d := words(t, "dead-letters", "topic: "+topic+"\nmax: 10").Detector(target, Sources{})
		res, err := d.Detect(t.Context(), check.Options{Overview: true}, nil, rec)
		if err != nil {
			if !errors.Is(err, errKilled) {
				t.Fatal(err)
			}
			crashes++
			rec.unsaved, rec.killAt = nil, 0
			if rec.cursor != nil {
				produce(t, c, dead(topic, 0, "late", "Late", "orders", died)) // not within the frozen ends
			}
			if res, err = d.Detect(t.Context(), check.Options{Overview: true}, rec.cursor, rec); err != nil {
				t.Fatal(err)
			}
		}
		seen := map[string]bool{}
		for _, row := range rec.rows() {
			seen[strings.Join(row.Key, "/")] = true
		}
		if int64(len(rec.rows())) != res.Scanned || len(seen) != len(rec.rows()) || res.Read != res.Scanned || len(seen) < n {
			t.Errorf("killed at save %d: %d rows, %d places, scanned %d", killAt, len(rec.rows()), len(seen), res.Scanned)
		}
		if rec.most > saveEveryRows {
			t.Errorf("%d rows waited for a save", rec.most)
		}
		total := 0
		for _, k := range rec.classes() {
			total += k
		}
		if len(rec.classes()) > mostClasses || total != len(seen) || rec.classes()[others] == 0 || len(res.Overview.Rows) != mostClasses {
			t.Errorf("%d classes", len(rec.classes()))
		}
		if rec.killAt != 0 { // it came to its end without a crash
			break
		}
	}
	if crashes < 5 {
		t.Errorf("only %d crashes", crashes)
	}
}

func TestDeadLettersOfAnEmptyTopicPass(t *testing.T) {
	t.Parallel()
	c := kafkatest.Start(t, kafkatest.Options{})
	topic := c.Topic(t, "dlq", 2, forever())
	rec := &recorder{t: t}
	res := judged(t, open(t, c), "topic: "+topic, Sources{}, check.Options{}, rec)
	if len(rec.rows()) > 0 || res.Scanned != 0 || res.Position != "0:0 1:0" || res.Overview != nil {
		t.Errorf("%d rows, %+v", len(rec.rows()), res)
	}
}

func TestDeadLettersOfNoTopic(t *testing.T) {
	t.Parallel()
	eachPeer(t, func(t *testing.T, peer kafkatest.Peer) {
		c := kafkatest.Start(t, kafkatest.Options{Peer: peer, Proxy: true})
		topic := c.Topic(t, "ecommerce-dlq", 1, forever())
		d := words(t, "dead-letters", "topic: "+topic+"x")
		target := open(t, c)
		want := fmt.Sprintf("There is no topic %sx on Kafka production/events: did you mean %s? Or the bot may not see it.", topic, topic)
		if got := sentence(t, d.Validate(t.Context(), target)); got != want {
			t.Errorf("it says %q", got)
		}
		_, err := d.Detector(target, Sources{}).Detect(t.Context(), check.Options{}, nil, &recorder{t: t})
		if got := sentence(t, err); got != want {
			t.Errorf("it says %q", got)
		}
	})
}

func TestHeld(t *testing.T) {
	t.Parallel()
	h := newHeld([]fix.Held{
		{Plan: 1, Hold: fix.Sent, Part: 0, Spans: []fix.Span{{From: 10, To: 20}, {From: 30, To: 31}}},
		{Plan: 2, Hold: fix.Taken, Part: 0, Spans: []fix.Span{{From: 20, To: 25}, {From: 0, To: 1}}},
	})
	for offset, want := range map[int64]string{0: "2 taken", 1: "", 9: "", 10: "1 sent", 19: "1 sent", 20: "2 taken", 24: "2 taken", 25: "", 30: "1 sent", 31: ""} {
		got := ""
		switch plan, sent, taken := h.at(0, offset); {
		case sent:
			got = fmt.Sprint(plan, " sent")
		case taken:
			got = fmt.Sprint(plan, " taken")
		}
		if got != want {
			t.Errorf("offset %d: %q, want %q", offset, got, want)
		}
	}
	if _, sent, _ := h.at(1, 10); sent {
		t.Error("of another partition")
	}
}
