package keeper_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/keeper"
	"github.com/integritybot/integritybot/internal/notify"
)

// mailbox is a sender that does what is wanted of it by address, and counts what it took.
type mailbox struct {
	mu    sync.Mutex
	took  map[string]int
	asked map[string]int
	does  map[string]func(ctx context.Context) error
	last  notify.Letter
}

func newMailbox() *mailbox {
	return &mailbox{took: map[string]int{}, asked: map[string]int{}, does: map[string]func(context.Context) error{}}
}

func (m *mailbox) Send(ctx context.Context, l notify.Letter) error {
	m.mu.Lock()
	m.asked[l.To]++
	does := m.does[l.To]
	m.mu.Unlock()
	if does != nil {
		if err := does(ctx); err != nil {
			return err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.took[l.To]++
	m.last = l
	return nil
}

func always(e *notify.Error) func(context.Context) error {
	return func(context.Context) error { return e }
}

// hangs until it is given up, and then knows nothing.
func hangs(ctx context.Context) error {
	<-ctx.Done()
	return &notify.Error{Unclear: true, Sentence: "The mail server did not answer."}
}

func email(to ...string) []incidents.Destination {
	var out []incidents.Destination
	for _, one := range to {
		out = append(out, incidents.Destination{Kind: incidents.ToEmail, To: one})
	}
	return out
}

// notify sends a notice with one letter to these destinations, as often as it is asked
// to: the seal makes it one.
func (w *world) notify(id int64, to ...incidents.Destination) int64 {
	w.t.Helper()
	n := incidents.Notice{Incident: id, Template: "update", Number: 1, By: "U1", At: w.clock.Now(), Letters: []incidents.Letter{{
		Audience: "responders", Title: "Responders", Subject: "P0 - Data Inconsistency", Body: "Orders are wrong.", To: to,
	}}}
	var number int64
	for again := range 4 {
		_, err := w.stores[again%len(w.stores)].Record(w.t.Context(), fmt.Sprintf("send/%d/%d", id, again), true, func(run int64) commands.Intent {
			one := n
			one.ID = run
			if again == 0 {
				number = run
			}
			return commands.Intent{Notices: []incidents.Notice{one}}
		})
		if again > 0 && !errors.Is(err, incidents.ErrMoved) || again == 0 && err != nil {
			w.t.Fatalf("sent %d times: %v", again+1, err)
		}
	}
	return number
}

// deliver has all replicas deliver at once.
func (w *world) deliver() {
	w.t.Helper()
	w.together(func(k *keeper.Keeper) {
		if err := k.Deliver(w.t.Context()); err != nil {
			w.t.Error(err)
		}
	})
	w.send()
	if err := w.keepers[0].Deliver(w.t.Context()); err != nil {
		w.t.Error(err)
	}
}

// states are what became of a notice, by destination.
func (w *world) states(id int64) map[string]string {
	w.t.Helper()
	out := map[string]string{}
	for _, sent := range w.view(id).Notices {
		for _, d := range sent.Deliveries {
			out[d.To.To] = strings.TrimSpace(fmt.Sprintf("%s, %d tries. %s", d.State, d.Attempts, d.Reason))
		}
	}
	return out
}

func TestANoticeGoesEverywhereOnce(t *testing.T) {
	mail, hook := newMailbox(), newMailbox()
	w := newWorld(t, 3, func(o *keeper.Options) {
		o.Mail, o.Webhooks = mail, map[string]keeper.Sender{"status-page": hook}
	})
	i := w.declare(0, "orders", func(d *incidents.Declaration) { d.Drill = true })
	w.settle()
	n := w.notify(i.ID, append(email("a@example.com", "b@example.com"),
		incidents.Destination{Kind: incidents.ToChannel, To: "incident"}, incidents.Destination{Kind: incidents.ToChannel, To: "C0EXEC"},
		incidents.Destination{Kind: incidents.ToPerson, To: "U7"}, incidents.Destination{Kind: incidents.ToWebhook, To: "status-page"},
		incidents.Destination{Kind: incidents.ToWebhook, To: "gone"})...)
	w.deliver()
	want := map[string]string{
		"a@example.com": "delivered, 1 tries.", "b@example.com": "delivered, 1 tries.", "incident": "delivered, 0 tries.", "C0EXEC": "delivered, 0 tries.",
		"U7": "delivered, 1 tries.", "status-page": "delivered, 1 tries.", "gone": `not sent, 0 tries. No webhook of the name "gone" is configured.`,
	}
	if diff := cmp.Diff(want, w.states(i.ID)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, one := range []string{"a@example.com", "b@example.com"} {
		if mail.took[one] != 1 {
			t.Errorf("%s got it %d times", one, mail.took[one])
		}
	}
	about := notify.About{Incident: i.Ref(), Severity: "P0", Status: "investigating", Template: "update", Audience: "responders", Drill: true}
	letter := notify.Letter{ID: fmt.Sprintf("notice/N-%d/6", n), Subject: "P0 - Data Inconsistency", Body: "Orders are wrong.", At: hook.last.At, About: about}
	if diff := cmp.Diff(letter, hook.last); diff != "" {
		t.Errorf("the letter (-want +got):\n%s", diff)
	}
	for _, channel := range []string{w.incident(i.ID).Room.Channel, "C0EXEC", "DU7"} {
		said := 0
		w.slack.with(channel, func(r *room) {
			for _, m := range r.said {
				if strings.Contains(m.Text, "Orders are wrong.") {
					said++
				}
			}
		})
		if said != 1 {
			t.Errorf("%s reads it %d times", channel, said)
		}
	}
	if done, failed := w.events(i.ID, "notice.delivery", audit.Done), w.events(i.ID, "notice.delivery", audit.Failed); done != 6 || failed != 1 {
		t.Errorf("%d deliveries on record, and %d failures", done, failed)
	}
	if n := w.count(`SELECT count(*) FROM audit_events WHERE body LIKE '%b@example.com%' OR body::jsonb ->> 'action' = ''`); n != 0 {
		t.Errorf("%d events name an address or nothing", n)
	}
}

// TestOneBrokenDestinationHoldsUpNoOther: whatever a mail server does, the others get
// their letter at once.
func TestOneBrokenDestinationHoldsUpNoOther(t *testing.T) {
	mail, over := newMailbox(), make(chan struct{})
	defer close(over)
	mail.does["refuses@x.org"] = always(&notify.Error{Final: true, Sentence: "There is no such mailbox."})
	mail.does["later@x.org"] = always(&notify.Error{Sentence: "The mailbox is full."})
	mail.does["hangs@x.org"] = hangs
	mail.does["deaf@x.org"] = func(context.Context) error { <-over; return nil }
	mail.does["drops@x.org"] = always(&notify.Error{Unclear: true, Sentence: "The connection was lost before the answer came."})
	mail.does["panics@x.org"] = func(context.Context) error { panic("a bug") }
	mail.does["odd@x.org"] = func(context.Context) error { return errors.New("who knows") }
	w := newWorld(t, 1, func(o *keeper.Options) { o.Mail, o.SendWithin, o.Senders = mail, 200*time.Millisecond, 3 })
	i := w.declare(0, "orders")
	w.settle()
	w.notify(i.ID, email("hangs@x.org", "deaf@x.org", "refuses@x.org", "later@x.org", "drops@x.org", "panics@x.org", "odd@x.org", "fine@x.org", "good@x.org")...)
	began := time.Now()
	w.deliver()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
	want := map[string]string{
		"hangs@x.org":   "unclear, 1 tries. The mail server did not answer.",
		"deaf@x.org":    "unclear, 1 tries. It may have arrived or not: nobody answered.",
		"refuses@x.org": "refused, 1 tries. There is no such mailbox.",
		"later@x.org":   "waiting, 1 tries. The mailbox is full.",
		"drops@x.org":   "unclear, 1 tries. The connection was lost before the answer came.",
		"panics@x.org":  "unclear, 1 tries. It may have arrived or not: nobody answered.",
		"odd@x.org":     "unclear, 1 tries. It may have arrived or not: nobody answered.",
		"fine@x.org":    "delivered, 1 tries.", "good@x.org": "delivered, 1 tries.",
	}
	if diff := cmp.Diff(want, w.states(i.ID)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	w.clock.pass(time.Hour)
	w.deliver()
	for to, n := range mail.asked {
		if wanted := map[string]int{"later@x.org": 2}[to]; n != max(wanted, 1) {
			t.Errorf("%s was tried %d times", to, n)
		}
	}
}

// TestALetterIsTriedAgainAndGivenUp: after 1, 5 and 15 minutes, and then no more.
func TestALetterIsTriedAgainAndGivenUp(t *testing.T) {
	mail := newMailbox()
	mail.does["later@x.org"] = always(&notify.Error{Sentence: "The mailbox is full."})
	mail.does["once@x.org"] = func(context.Context) error {
		if mail.asked["once@x.org"] < 3 {
			return &notify.Error{Sentence: "Not now."}
		}
		return nil
	}
	w := newWorld(t, 2, func(o *keeper.Options) { o.Mail = mail })
	i := w.declare(0, "orders")
	w.settle()
	w.notify(i.ID, email("later@x.org", "once@x.org")...)
	began, tries := w.clock.Now(), []time.Duration(nil)
	for range 2 * 60 {
		before := mail.asked["later@x.org"]
		w.deliver()
		if mail.asked["later@x.org"] > before {
			tries = append(tries, w.clock.Now().Sub(began))
		}
		w.clock.pass(30 * time.Second)
	}
	if want := []time.Duration{0, time.Minute, 6 * time.Minute, 21 * time.Minute}; !slices.Equal(want, tries) {
		t.Errorf("tried after %v, want %v", tries, want)
	}
	want := map[string]string{"later@x.org": "refused, 4 tries. Given up after 4 tries. The mailbox is full.", "once@x.org": "delivered, 3 tries."}
	if diff := cmp.Diff(want, w.states(i.ID)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if mail.took["once@x.org"] != 1 {
		t.Errorf("taken %d times", mail.took["once@x.org"])
	}
}

func TestSlackThatDoesNotGiveAPlaceForAPerson(t *testing.T) {
	w := newWorld(t, 1)
	i := w.declare(0, "orders")
	w.settle()
	w.slack.breaks(only("direct", fault{before: sayNo(incidents.NotNow)}))
	w.notify(i.ID, incidents.Destination{Kind: incidents.ToPerson, To: "U7"}, incidents.Destination{Kind: incidents.ToEmail, To: "a@x.org"})
	w.deliver()
	want := map[string]string{"U7": "waiting, 1 tries. Slack says not now.", "a@x.org": "not sent, 0 tries. No mail server is configured."}
	if diff := cmp.Diff(want, w.states(i.ID)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	w.slack.breaks(nil)
	w.clock.pass(2 * time.Minute)
	w.deliver()
	if got := w.states(i.ID)["U7"]; got != "delivered, 2 tries." {
		t.Errorf("then %s", got)
	}
}

// TestAReplicaIsKilledWhileItDelivers: a letter by email never comes twice; where nobody
// knows whether it came, it says so. In Slack everything comes once.
func TestAReplicaIsKilledWhileItDelivers(t *testing.T) {
	mail := newMailbox()
	w := newWorld(t, 1, func(o *keeper.Options) { o.Mail, o.Senders = mail, 1 })
	for at := 1; ; at++ {
		i, address := w.declare(0, fmt.Sprintf("shop-%d", at)), fmt.Sprintf("a%d@x.org", at)
		w.notify(i.ID, append(email(address), incidents.Destination{Kind: incidents.ToChannel, To: "C0EXEC"}, incidents.Destination{Kind: incidents.ToPerson, To: "U7"})...)
		m := &mortal{at: at}
		mail.does[address] = func(context.Context) error { return m.step() }
		_ = w.start(mortalStore{w.stores[0], m}, mortalRooms{w.slack, m}).Deliver(t.Context())
		delete(mail.does, address)
		if !m.killed() {
			t.Logf("killed at %d points", at-1)
			return
		}
		w.send()
		w.clock.pass(time.Hour)
		w.deliver()
		state := strings.Split(w.states(i.ID)[address], ",")[0]
		if state == "delivered" && mail.took[address] != 1 || mail.took[address] > 1 || state != "delivered" && state != "unclear" {
			t.Errorf("killed at %d: the letter is %s, and came %d times", at, state, mail.took[address])
		}
		for _, to := range []string{"C0EXEC", "U7"} {
			if got := w.states(i.ID)[to]; !strings.HasPrefix(got, "delivered, ") {
				t.Errorf("killed at %d: for %s it is %s", at, to, got)
			}
		}
		if n := w.events(i.ID, "notice.delivery", audit.Done) + w.events(i.ID, "notice.delivery", audit.Failed); n != 3 {
			t.Errorf("killed at %d: %d events", at, n)
		}
	}
}

// TestMailThatHangsHoldsUpNoOtherWay: whatever many addresses a mail server hangs at,
// Slack and webhooks have their letters at once.
func TestMailThatHangsHoldsUpNoOtherWay(t *testing.T) {
	mail, hook, over := newMailbox(), newMailbox(), make(chan struct{})
	var to []string
	for n := range 12 {
		one := fmt.Sprintf("deaf%d@x.org", n)
		to = append(to, one)
		mail.does[one] = func(ctx context.Context) error { // as long as it may
			select {
			case <-over:
			case <-ctx.Done():
			}
			return &notify.Error{Unclear: true, Sentence: "The mail server did not answer."}
		}
	}
	w := newWorld(t, 1, func(o *keeper.Options) {
		o.Mail, o.Webhooks, o.SendWithin, o.Senders = mail, map[string]keeper.Sender{"status-page": hook}, time.Hour, 2
	})
	i := w.declare(0, "orders")
	w.settle()
	w.notify(i.ID, append(email(to...), incidents.Destination{Kind: incidents.ToChannel, To: "C0EXEC"},
		incidents.Destination{Kind: incidents.ToPerson, To: "U7"}, incidents.Destination{Kind: incidents.ToWebhook, To: "status-page"})...)
	ended := make(chan error, 1)
	go func() { ended <- w.keepers[0].Deliver(t.Context()) }()
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		got := w.states(i.ID)
		if strings.HasPrefix(got["C0EXEC"], "handed") && strings.HasPrefix(got["U7"], "handed") && strings.HasPrefix(got["status-page"], "delivered") {
			break
		}
		if time.Since(began) > 20*time.Second {
			t.Fatalf("while mail hangs: %v", got)
		}
	}
	close(over)
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestWhatBecomesOfALetterIsShownAfterTheEnd: its last try comes long after the incident
// was declined.
func TestWhatBecomesOfALetterIsShownAfterTheEnd(t *testing.T) {
	mail := newMailbox()
	mail.does["later@x.org"] = always(&notify.Error{Sentence: "The mailbox is full."})
	w := newWorld(t, 1, func(o *keeper.Options) { o.Mail = mail })
	i := w.declare(0, "orders")
	w.settle()
	n := w.notify(i.ID, email("later@x.org")...)
	w.keep(0)
	w.ends(i.ID)
	for range 30 {
		w.clock.pass(time.Minute)
		w.keep(0)
	}
	p := w.desired(incidents.SentKey(n))
	if p == nil || !strings.Contains(p.Message.PlainText(), "Given up after 4 tries") {
		t.Errorf("people read %+v", p)
	}
}
