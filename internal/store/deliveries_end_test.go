package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/store"
)

// Letters whose messages Slack holds back do not hide what became of later ones.
func TestTheResultOfALetterDoesNotWaitForOthers(t *testing.T) {
	s := open(t, database(t))
	i := declared(t, s, "orders", "C1")
	var to []incidents.Destination
	for n := range 105 {
		to = append(to, person(fmt.Sprint("U", n)))
	}
	must(t, tell(t, s, noticeTo(900, i, to...)))
	exec(t, s, `UPDATE notice_deliveries SET state = 'handed'`)
	for n := 1; n <= len(to); n++ {
		must(t, s.Say(t.Context(), post(incidents.LetterKey(900, n), fmt.Sprint("D", n), "letter")))
	}
	exec(t, s, `UPDATE posts SET state = 'sent', sent_version = 1 WHERE key = '`+incidents.LetterKey(900, 105)+`'`)
	n, err := s.SettleHanded(t.Context(), func(d incidents.Delivery) audit.Event {
		if d.N != 105 || d.State != incidents.Delivered {
			t.Errorf("%d is %s", d.N, d.State)
		}
		return event("x")
	})
	if n != 1 || err != nil {
		t.Errorf("%d ended, %v", n, err)
	}
}

// Whoever sends messages of Slack does not wait for a mail server that hangs.
func TestLettersAreTakenByTheirKind(t *testing.T) {
	s := open(t, database(t))
	i := declared(t, s, "orders", "C1")
	hook := incidents.Destination{Kind: incidents.ToWebhook, To: "pager"}
	room := incidents.Destination{Kind: incidents.ToChannel, To: "incident"}
	must(t, tell(t, s, noticeTo(900, i, email("a"), email("b"), hook, person("U1"), room)))
	next := func(kinds ...incidents.DestinationKind) string {
		t.Helper()
		l, err := s.NextDelivery(t.Context(), time.Minute, kinds...)
		must(t, err)
		if l == nil {
			return "none"
		}
		return string(l.To.Kind) + " " + l.To.To
	}
	slack := []incidents.DestinationKind{incidents.ToChannel, incidents.ToPerson, incidents.ToGroup}
	got := []string{next(slack...), next(slack...), next(slack...), next(incidents.ToWebhook), next(), next(), next()}
	want := []string{"person U1", "channel incident", "none", "webhook pager", "email a@example.com", "email b@example.com", "none"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// untilSomebodyWaits returns when a session of the store's database waits for a lock.
func untilSomebodyWaits(t testing.TB, s *store.Store) {
	t.Helper()
	for tries := 0; count(t, s, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) == 0; tries++ {
		if tries == 5000 {
			t.Fatal("nobody waits")
		}
		time.Sleep(time.Millisecond)
	}
}

// What was sent must not become unclear because the server ended the transaction that
// notes it, so that another one could go on.
func TestTheEndOfADeliveryIsNotedAfterADeadlock(t *testing.T) {
	s := open(t, database(t), func(o *store.Options) { o.WriteTimeout = patience })
	i := declared(t, s, "orders", "C1")
	must(t, tell(t, s, noticeTo(900, i, email("a"))))
	l := nextLetter(t, s)
	ctx := within(t, patience)
	conn, err := pgx.Connect(ctx, store.DSN(s))
	must(t, err)
	defer func() { _ = conn.Close(ctx) }()
	tx, err := conn.Begin(ctx)
	must(t, err)
	_, err = tx.Exec(ctx, `INSERT INTO channels (channel) VALUES ('D1')`)
	must(t, err)
	noted := make(chan error)
	go func() {
		p := post("said", "D1", "x")
		l.State = incidents.Delivered
		noted <- s.EndDelivery(ctx, l.Delivery, 0, &p, event("notice.delivery"))
	}()
	untilSomebodyWaits(t, s)
	_, err = tx.Exec(ctx, `UPDATE notice_deliveries SET via = 'x'`) // whoever waited first is ended
	must(t, err)
	must(t, tx.Rollback(ctx))
	must(t, <-noted)
	if d := delivery(t, s, l.Delivery); d.State != incidents.Delivered {
		t.Errorf("it is %s", d.State)
	}
}
