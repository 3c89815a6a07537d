package kafka

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/kafkatest"
)

func (r *rig) storeWords() string {
	return "modes: aggregate\n" + processedWords + "event_store: {target: shop, table: domain_events, aggregate: aggregate_id, sequence: version, " +
		"id: event_id, type: event_type, payload: payload, time: occurred_at, topic: " + r.events + "}"
}

func storedOf(aggregate string, sequences ...int64) []Event {
	var out []Event
	for i, n := range sequences {
		out = append(out, Event{
			ID: fmt.Sprintf("%s/%d-%d", aggregate, n, i), Sequence: n, Type: "OrderPlaced", Payload: []byte(fmt.Sprintf(`{"n": %d}`, n)),
			At: time.UnixMilli(1_700_000_000_000 + n),
		})
	}
	return out
}

// TestAnAggregateIsSentInTheOrderOfItsSequence: what is missing or double in it is
// said first, and what was processed is left out.
func TestAnAggregateIsSentInTheOrderOfItsSequence(t *testing.T) {
	t.Parallel()
	onPeers(t, kafkatest.Options{}, func(t *testing.T, r *rig) {
		r.tables.events = append(storedOf("o-16", 1), storedOf("o-17", 1, 2, 4, 5, 5, 9)...)
		r.tables.know("o-17/2-1")
		f := r.fixOf("", r.storeWords())
		order := fix.Order{ID: 7, Mode: wayAggregate, Argument: "o-17"}
		p := r.draft(f, order)
		if want := "The sequence of o-17 has gaps: 3, 6–8 missing. The sequence of o-17 has numbers more than once: 5. All of them are sent."; !strings.HasPrefix(p.Draft.Risk, want) {
			t.Errorf("the risk is: %s", p.Draft.Risk)
		}
		if want := "send 5 events of o-17 from domain_events of shop to " + r.events + " again, with 4 missing from the sequence and 1 of its numbers there more than once"; p.Draft.Does != want {
			t.Errorf("it is to %s", p.Draft.Does)
		}
		if len(p.Draft.Left) != 1 || p.Draft.Left[0].Rows != 1 {
			t.Errorf("left alone: %+v", p.Draft.Left)
		}
		r.done(r.sending(), p)
		var got [][]string
		for _, record := range r.committed(r.events) {
			got = append(got, []string{
				string(record.Key), string(record.Value), lastHeader(record.Headers, headerEventID), lastHeader(record.Headers, headerEventType),
				lastHeader(record.Headers, headerSequence), lastHeader(record.Headers, headerPlan), fmt.Sprint(record.Timestamp.UnixMilli()),
			})
		}
		want := [][]string{
			{"o-17", `{"n": 1}`, "o-17/1-0", "OrderPlaced", "1", "P-7", "1700000000001"},
			{"o-17", `{"n": 4}`, "o-17/4-2", "OrderPlaced", "4", "P-7", "1700000000004"},
			{"o-17", `{"n": 5}`, "o-17/5-3", "OrderPlaced", "5", "P-7", "1700000000005"},
			{"o-17", `{"n": 5}`, "o-17/5-4", "OrderPlaced", "5", "P-7", "1700000000005"},
			{"o-17", `{"n": 9}`, "o-17/9-5", "OrderPlaced", "9", "P-7", "1700000000009"},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("what arrived (-want +got):\n%s", diff)
		}
		order.ID = 8
		if again := r.draft(f, order); again.Draft.Rows != 5 {
			t.Errorf("it cannot be sent again: %+v", again.Draft)
		}
	})
}

func TestAnAggregateThatIsNoPlan(t *testing.T) {
	t.Parallel()
	r := newRig(t, kafkatest.Start(t, kafkatest.Options{}))
	r.tables.events = storedOf("o-17", 1, 2)
	f := r.fixOf("", r.storeWords())
	for name, c := range map[string]struct {
		order fix.Order
		want  string
	}{
		"no name":      {fix.Order{Mode: wayAggregate}, "Which aggregate's events"},
		"nobody":       {fix.Order{Mode: wayAggregate, Argument: "o-1"}, `There are no events of aggregate "o-1" in domain_events of shop. Ids are those of column aggregate_id`},
		"another time": {fix.Order{Mode: wayAggregate, Argument: "o-17", From: time.UnixMilli(1_800_000_000_000)}, "in that time"},
		"by words":     {fix.Order{Mode: wayAggregate, Argument: "o-17", Select: []string{"key=a"}}, "--from, --to"},
		"not declared": {fix.Order{Mode: wayAside}, "its config allows replay, aggregate"},
	} {
		c.order.ID = 7
		_, err := r.planner(f).Draft(t.Context(), c.order, f.Rules().Caps, nil)
		var problem *check.Problem
		if !errors.As(err, &problem) || !strings.Contains(problem.Sentence, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
