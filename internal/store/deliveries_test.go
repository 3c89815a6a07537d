package store_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/keeper"
	"github.com/integritybot/integritybot/internal/store"
)

// nextLetter claims a letter for a minute; there must be one.
func nextLetter(t testing.TB, s *store.Store) *keeper.Letter {
	t.Helper()
	l, err := s.NextDelivery(t.Context(), time.Minute)
	must(t, err)
	if l == nil {
		t.Fatal("no letter is due")
	}
	return l
}

func noLetter(t testing.TB, s *store.Store) {
	t.Helper()
	if l, err := s.NextDelivery(t.Context(), time.Minute); l != nil || err != nil {
		t.Errorf("a letter is due: %+v, %v", l, err)
	}
}

func end(t testing.TB, s *store.Store, d incidents.Delivery, state incidents.DeliveryState, after time.Duration) error {
	t.Helper()
	d.State, d.Reason = state, "It said: "+string(state)+"."
	return s.EndDelivery(t.Context(), d, after, nil, event("notice.delivery"))
}

// delivery reads one as it stands.
func delivery(t testing.TB, s *store.Store, d incidents.Delivery) incidents.Delivery {
	t.Helper()
	v, err := s.IncidentView(t.Context(), d.Incident)
	must(t, err)
	for _, n := range v.Notices {
		for _, one := range n.Deliveries {
			if one.Notice == d.Notice && one.N == d.N {
				return one
			}
		}
	}
	t.Fatal("there is no such delivery")
	return d
}

func TestEachLetterIsClaimedByOne(t *testing.T) {
	stores := replicas(t, database(t))
	i := declared(t, stores[0], "orders", "C1")
	i.Drill, i.Severity = true, incidents.P1
	must(t, record(t, stores[0], change(i)))
	var to []incidents.Destination
	for n := range 20 {
		to = append(to, email(fmt.Sprint("p", n)))
	}
	must(t, tell(t, stores[0], noticeTo(900, i, to...)))
	var mu sync.Mutex
	var got []*keeper.Letter
	var wg sync.WaitGroup
	for n := range 6 {
		wg.Go(func() {
			for {
				l, err := stores[n%3].NextDelivery(t.Context(), time.Minute)
				if err != nil {
					t.Error(err)
				}
				if l == nil {
					return
				}
				mu.Lock()
				got = append(got, l)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	seen := map[string]bool{}
	for _, l := range got {
		seen[l.To.To] = true
	}
	if len(got) != 20 || len(seen) != 20 {
		t.Errorf("%d letters, %d different", len(got), len(seen))
	}
	l := *got[0]
	want := keeper.Letter{
		Delivery: l.Delivery, Letter: noticeTo(900, i, to...).Letters[0], Notice: noticeTo(900, i, to...),
		Channel: "C1", Severity: incidents.P1, Status: incidents.Investigating, Ref: i.Ref(), Drill: true,
	}
	if diff := cmp.Diff(want, l); diff != "" {
		t.Errorf("letter (-want +got):\n%s", diff)
	}
}

func TestALetterIsTriedAgainWhenItIsTime(t *testing.T) {
	clock := noon
	s := open(t, database(t), at(&clock))
	i := declared(t, s, "orders", "C1")
	must(t, tell(t, s, noticeTo(900, i, email("broken"), email("fine"))))
	broken := nextLetter(t, s)
	must(t, s.BeginDelivery(t.Context(), broken.Delivery))
	must(t, end(t, s, broken.Delivery, incidents.Waiting, time.Minute))
	fine := nextLetter(t, s) // one that is broken holds up nobody
	if fine.To != email("fine") {
		t.Errorf("the next is for %s", fine.To.To)
	}
	must(t, s.BeginDelivery(t.Context(), fine.Delivery))
	must(t, end(t, s, fine.Delivery, incidents.Delivered, 0))
	noLetter(t, s)
	clock = clock.Add(time.Minute)
	again := nextLetter(t, s)
	if again.To != email("broken") || again.Attempts != 1 || again.Reason != "It said: waiting." {
		t.Errorf("%+v", again.Delivery)
	}
	must(t, s.BeginDelivery(t.Context(), again.Delivery))
	must(t, end(t, s, again.Delivery, incidents.Refused, 0))
	clock = clock.Add(time.Hour)
	noLetter(t, s)
	if d := delivery(t, s, again.Delivery); d.State != incidents.Refused || d.Attempts != 2 || !d.At.Equal(noon.Add(time.Minute)) {
		t.Errorf("%+v", d)
	}
	if err := end(t, s, again.Delivery, incidents.Delivered, 0); !errors.Is(err, store.ErrClaimLost) {
		t.Errorf("ended twice: %v", err)
	}
	if n := count(t, s, `SELECT count(*) FROM audit_events WHERE action = 'notice.delivery'`); n != 3 {
		t.Errorf("%d events", n)
	}
}

// A sender that goes silent before it sends, and one that does while it sends.
func TestASenderGoesSilent(t *testing.T) {
	for name, c := range map[string]struct {
		to    incidents.Destination
		begin bool
		again bool
	}{
		"before an email is begun":       {email("alice"), false, true},
		"while an email is sent":         {email("alice"), true, false},
		"while a webhook is called":      {incidents.Destination{Kind: incidents.ToWebhook, To: "status"}, true, false},
		"while a message is handed over": {person("U2"), true, true},
	} {
		t.Run(name, func(t *testing.T) {
			clock := noon
			stores := replicas(t, database(t), at(&clock))
			s := stores[0]
			i := declared(t, s, "orders", "C1")
			must(t, tell(t, s, noticeTo(900, i, c.to)))
			first := nextLetter(t, s)
			if c.begin {
				must(t, s.BeginDelivery(t.Context(), first.Delivery))
			}
			clock = clock.Add(59 * time.Second)
			noLetter(t, stores[1])
			clock = clock.Add(time.Second)
			if c.again {
				second := nextLetter(t, stores[1])
				if second.N != first.N || second.Claim <= first.Claim {
					t.Errorf("claim %d after %d", second.Claim, first.Claim)
				}
				if err := s.BeginDelivery(t.Context(), first.Delivery); !errors.Is(err, store.ErrClaimLost) {
					t.Errorf("the first one begins: %v", err)
				}
				if err := end(t, s, first.Delivery, incidents.Delivered, 0); !errors.Is(err, store.ErrClaimLost) {
					t.Errorf("the first one ends: %v", err)
				}
				return
			}
			var wg sync.WaitGroup
			for _, s := range stores {
				wg.Go(func() { noLetter(t, s) })
			}
			wg.Wait()
			if d := delivery(t, s, first.Delivery); d.State != incidents.Unclear || d.Reason == "" {
				t.Errorf("%+v", d)
			}
			wantLost(t, s, i, c.to)
			clock = clock.Add(time.Hour)
			noLetter(t, s)
		})
	}
}

// wantLost wants the one event of a letter that was lost.
func wantLost(t *testing.T, s *store.Store, i incidents.Incident, to incidents.Destination) {
	t.Helper()
	entries, err := s.Events(t.Context(), commands.EventFilter{Incident: i.Ref(), Action: "notice.delivery"})
	must(t, err)
	if len(entries) != 1 {
		t.Fatalf("%d events", len(entries))
	}
	want := i.Log("notice.delivery", map[string]string{"notice": "N-900", "audience": "executives", "kind": string(to.Kind), "to": "a…@example.com", "state": "unclear"})
	if to.Kind == incidents.ToWebhook {
		want.Args["to"] = "status"
	}
	want.Request, want.Target, want.Outcome, want.Version = "N-900/1", "N-900/1", audit.Failed, "test"
	want.Error = "The bot stopped while it was sending this, so it may have arrived or not."
	if diff := cmp.Diff(want, entries[0].Event); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
}

// Whoever was too slow knows what became of it, as long as nobody sent it again.
func TestALateAnswerAndAnotherTry(t *testing.T) {
	clock := noon
	s := open(t, database(t), at(&clock))
	i := declared(t, s, "orders", "C1")
	must(t, tell(t, s, noticeTo(900, i, email("a"), email("b"))))
	first, second := nextLetter(t, s), nextLetter(t, s)
	for _, l := range []*keeper.Letter{first, second} {
		must(t, s.BeginDelivery(t.Context(), l.Delivery))
	}
	clock = clock.Add(time.Minute)
	noLetter(t, s)
	must(t, end(t, s, first.Delivery, incidents.Delivered, 0))
	if d := delivery(t, s, first.Delivery); d.State != incidents.Delivered {
		t.Errorf("%+v", d)
	}
	again := func(l *keeper.Letter, was incidents.DeliveryState) error {
		return record(t, s, commands.Intent{Again: &incidents.Again{Notice: l.Delivery.Notice, N: l.N, State: was}})
	}
	for name, err := range map[string]error{
		"one that arrived":           again(first, incidents.Delivered),
		"one that is otherwise":      again(second, incidents.Refused),
		"one that is otherwise, too": again(first, incidents.Unclear),
	} {
		if !errors.Is(err, incidents.ErrMoved) {
			t.Errorf("%s is sent again: %v", name, err)
		}
	}
	must(t, again(second, incidents.Unclear))
	if err := again(second, incidents.Unclear); !errors.Is(err, incidents.ErrMoved) {
		t.Errorf("a second click: %v", err)
	}
	if err := end(t, s, second.Delivery, incidents.Delivered, 0); !errors.Is(err, store.ErrClaimLost) {
		t.Errorf("the try before: %v", err)
	}
	third := nextLetter(t, s)
	if third.N != second.N || third.Attempts != 0 || third.Begun {
		t.Errorf("%+v", third.Delivery)
	}
	must(t, s.BeginDelivery(t.Context(), third.Delivery))
	must(t, end(t, s, third.Delivery, incidents.Delivered, 0))
}

func TestLettersInSlackEndAsTheirPosts(t *testing.T) {
	stores := replicas(t, database(t))
	s := stores[0]
	i := declared(t, s, "orders", "C1")
	must(t, tell(t, s, noticeTo(900, i, person("U1"), person("U2"), person("U3"))))
	for range 3 {
		l := nextLetter(t, s)
		p := post(incidents.LetterKey(l.Delivery.Notice, l.N), fmt.Sprint("D", l.N), "letter")
		l.State = incidents.Handed
		must(t, s.EndDelivery(t.Context(), l.Delivery, 0, &p, audit.Event{}))
	}
	for n := 1; n <= 2; n++ {
		d := next(t, s)
		must(t, s.Begin(t.Context(), d))
		if n == 1 {
			must(t, s.Sent(t.Context(), d, "1.1", 0))
		} else {
			must(t, s.Failed(t.Context(), d, "The account is deactivated."))
		}
	}
	want := map[int]incidents.DeliveryState{1: incidents.Delivered, 2: incidents.Refused, 3: incidents.Handed}
	var total atomic.Int64
	var wg sync.WaitGroup
	for _, s := range stores {
		wg.Go(func() {
			n, err := s.SettleHanded(t.Context(), func(d incidents.Delivery) audit.Event {
				return i.Log("notice.delivery", map[string]string{"state": string(d.State), "why": d.Reason})
			})
			if err != nil {
				t.Error(err)
			}
			total.Add(int64(n))
		})
	}
	wg.Wait()
	v, err := s.IncidentView(t.Context(), i.ID)
	must(t, err)
	got := map[int]incidents.DeliveryState{}
	for _, d := range v.Notices[0].Deliveries {
		got[d.N] = d.State
	}
	if diff := cmp.Diff(want, got); diff != "" || total.Load() != 2 {
		t.Errorf("%d ended (-want +got):\n%s", total.Load(), diff)
	}
	if reason := v.Notices[0].Deliveries[1].Reason; reason != "The account is deactivated." {
		t.Errorf("the reason is %q", reason)
	}
	if n := count(t, s, `SELECT count(*) FROM audit_events WHERE action = 'notice.delivery'`); n != 2 {
		t.Errorf("%d events", n)
	}
	noLetter(t, s)
}

// A message that Slack refused is posted anew when somebody wants it sent again.
func TestARefusedMessageIsSentAgain(t *testing.T) {
	s := open(t, database(t))
	i := declared(t, s, "orders", "C1")
	must(t, tell(t, s, noticeTo(900, i, person("U1"))))
	settle := func(refuse bool) incidents.Delivery {
		l := nextLetter(t, s)
		p := post(incidents.LetterKey(l.Delivery.Notice, l.N), "D1", "letter")
		l.State = incidents.Handed
		must(t, s.EndDelivery(t.Context(), l.Delivery, 0, &p, audit.Event{}))
		d := next(t, s)
		must(t, s.Begin(t.Context(), d))
		if refuse {
			must(t, s.Failed(t.Context(), d, "The account is deactivated."))
		} else {
			must(t, s.Sent(t.Context(), d, "1.1", 0))
		}
		if n, err := s.SettleHanded(t.Context(), func(incidents.Delivery) audit.Event { return event("x") }); n != 1 || err != nil {
			t.Fatalf("%d ended, %v", n, err)
		}
		return delivery(t, s, l.Delivery)
	}
	if d := settle(true); d.State != incidents.Refused {
		t.Fatalf("%+v", d)
	}
	must(t, record(t, s, commands.Intent{Again: &incidents.Again{Notice: 900, N: 1, State: incidents.Refused}}))
	if d := settle(false); d.State != incidents.Delivered || d.Reason != "" {
		t.Errorf("%+v", d)
	}
}
