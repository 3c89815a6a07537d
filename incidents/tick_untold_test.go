package incidents_test

import (
	"testing"
	"time"

	"github.com/integritybot/integritybot/incidents"
)

// TestAnAudienceOfWhichNobodyCouldBeToldIsStillDue: a notice moves the clock on when it is
// sent, and what became of it is known later.
func TestAnAudienceOfWhichNobodyCouldBeToldIsStillDue(t *testing.T) {
	const m = time.Minute
	at := opened.Add
	to := []incidents.Destination{{Kind: incidents.ToChannel, To: "C9"}, {Kind: incidents.ToEmail, To: "a@example.com"}}
	update := incidents.Notice{ID: 1001, Template: "update", At: at(10 * m), SentAt: at(12 * m), Letters: []incidents.Letter{{Audience: "executives", To: to}, {Audience: "support", To: to[:1]}}}
	due := declared().Clocks
	told := declared().Sent(update).Clocks
	both := func(e, s incidents.Clock) map[string]incidents.Clock {
		return map[string]incidents.Clock{"executives": e, "support": s}
	}
	states := func(executives ...incidents.DeliveryState) []incidents.Delivery {
		out := []incidents.Delivery{{Notice: 1001, Audience: "support", State: incidents.Delivered}}
		for _, s := range executives {
			out = append(out, incidents.Delivery{Notice: 1001, Audience: "executives", State: s})
		}
		return out
	}
	for _, tt := range []struct {
		name       string
		deliveries []incidents.Delivery
		now        time.Duration
		want       map[string]incidents.Clock
	}{
		{"nothing is known of it", nil, 13 * m, told},
		{"one is still waiting", states(incidents.Refused, incidents.Waiting), 13 * m, told},
		{"one was taken", states(incidents.Refused, incidents.Delivered), 13 * m, told},
		{"one may have arrived", states(incidents.Refused, incidents.Unclear), 13 * m, told},
		{"all were refused", states(incidents.Refused, incidents.NotSent), 13 * m, both(due["executives"], told["support"])},
		{"all were refused, after it was due", states(incidents.Refused, incidents.Refused), 34 * m, both(
			incidents.Clock{Every: 30 * m, Due: at(34 * m), Reminded: at(34 * m), Asked: at(34 * m)}, told["support"])},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := incidents.View{Incident: again(t, declared().Sent(update)), Now: at(tt.now), Notices: []incidents.Sent{{Notice: update, Deliveries: tt.deliveries}}}
			out, e, _ := incidents.Tick(v, movesWords(), whoIsIn)
			same(t, "clocks", tt.want, out.Clocks)
			v.Incident = again(t, out)
			if _, _, did := incidents.Tick(v, movesWords(), whoIsIn); did {
				t.Error("and it moves again")
			}
			if len(e.Events) > 0 {
				same(t, "event", map[string]string{"audience": "executives", "due": tt.want["executives"].Due.Format(time.RFC3339)}, e.Events[0].Args)
			}
		})
	}
}

func TestANoticeThatWasRefusedEndsNoClock(t *testing.T) {
	to := []incidents.Destination{{Kind: incidents.ToChannel, To: "C9"}}
	for _, tt := range []struct {
		name string
		n    incidents.Notice
		want incidents.Clock
	}{
		{"an all-clear", incidents.Notice{Template: "all-clear"}, declared().Clocks["executives"]},
		{"a next one that is far", incidents.Notice{Template: "postponed", Next: map[string]time.Time{"executives": opened.Add(9 * time.Hour)}}, declared().Clocks["executives"]},
		{"a next one that is sooner", incidents.Notice{Template: "update", Next: map[string]time.Time{"executives": opened.Add(20 * time.Minute)}}, incidents.Clock{Every: 30 * time.Minute, Due: opened.Add(20 * time.Minute)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.n.At, tt.n.Letters = opened.Add(time.Minute), []incidents.Letter{{Audience: "executives", To: to}}
			v := incidents.View{Incident: declared().Sent(tt.n), Now: opened.Add(5 * time.Minute), Notices: []incidents.Sent{
				{Notice: tt.n, Deliveries: []incidents.Delivery{{Audience: "executives", State: incidents.Refused}}},
			}}
			out, _, _ := incidents.Tick(v, movesWords(), whoIsIn)
			same(t, "clock", tt.want, out.Clocks["executives"])
		})
	}
}

// TestANoticeCountsFromWhenItWasSent and not from when it was written, which may be half
// an hour before.
func TestANoticeCountsFromWhenItWasSent(t *testing.T) {
	n := incidents.Notice{
		Template: "update", At: opened.Add(2 * time.Minute), SentAt: opened.Add(25 * time.Minute), By: "U2BOB",
		Letters: []incidents.Letter{{Audience: "executives", To: []incidents.Destination{{Kind: incidents.ToChannel, To: "C9"}}}},
	}
	i := declared().Sent(n)
	same(t, "clock", incidents.Clock{Every: 30 * time.Minute, Due: opened.Add(55 * time.Minute), Last: n.SentAt}, i.Clocks["executives"])
	same(t, "step", n.SentAt, i.Steps[8].At)
}

// TestARefusedNoticeGivesThePromiseBack as it was: also one that the present severity
// does not ask for, or that somebody had put off.
func TestARefusedNoticeGivesThePromiseBack(t *testing.T) {
	ok := moved(t)
	w := movesWords()
	n := incidents.Notice{Template: "update", At: opened.Add(20 * time.Minute), Letters: []incidents.Letter{{Audience: "executives", To: []incidents.Destination{{Kind: incidents.ToChannel, To: "C9"}}}}}
	refusedAt := func(i incidents.Incident, at time.Duration) incidents.Incident {
		out, _, _ := incidents.Tick(incidents.View{Incident: i, Now: opened.Add(at), Notices: []incidents.Sent{
			{Notice: n, Deliveries: []incidents.Delivery{{Audience: "executives", State: incidents.Refused}}},
		}}, w, whoIsIn)
		return out
	}
	calm := refusedAt(ok(declared().Sent(n).SetSeverity(after(21*time.Minute), incidents.P2, w.Rules)), 22*time.Minute)
	same(t, "P2: they have no clock", []string{"support"}, keys(calm.Clocks))
	same(t, "P0 again: as promised before", opened.Add(30*time.Minute), ok(calm.SetSeverity(after(23*time.Minute), incidents.P0, w.Rules)).Clocks["executives"].Due)

	put := ok(declared().Snooze(after(time.Minute), "executives", w.Rules)) // until 12:45
	late := refusedAt(put.Sent(n), 46*time.Minute).Clocks["executives"]
	same(t, "due now, which nobody put off", []any{opened.Add(46 * time.Minute), ""}, []any{late.Due, late.SnoozedBy})
	same(t, "put off before it is due again", put.Clocks["executives"], refusedAt(put.Sent(n), 44*time.Minute).Clocks["executives"])
}
