package commands_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
)

func (h house) alerts() *commands.Alerts {
	var n atomic.Int64
	return &commands.Alerts{
		Ledger: h.ledger, Archive: h.memory, Incidents: wording(), Domains: catalog.Domains(), Version: "test", Log: slog.New(slog.DiscardHandler),
		Now:   func() time.Time { return noon },
		NewID: func() string { return fmt.Sprintf("alert-request-%d", n.Add(1)) },
	}
}

// firing is an alert that began to fire so long before noon.
func firing(name string, ago time.Duration) incidents.Fired {
	return incidents.Fired{Group: "{}:{}", Fingerprint: "f-" + name, Name: name, Firing: true, Since: noon.Add(-ago), Summary: "drop table <!channel>"}
}

func ended(f incidents.Fired, at time.Time) incidents.Fired {
	f.Firing, f.Until = false, at
	return f
}

func take(t *testing.T, a *commands.Alerts, fired ...incidents.Fired) string {
	t.Helper()
	says, err := a.Take(t.Context(), fired)
	if err != nil {
		t.Fatal(err)
	}
	return says
}

func TestAnAlertOpensAnIncidentByItself(t *testing.T) {
	h := newHouse(t)
	delete(h.memory.incidents, 14)
	if says := take(t, h.alerts(), firing("HighEventProcessingLag", time.Minute)); says != "Opened INC-1042." {
		t.Errorf("said %q", says)
	}
	in := h.ledger.last(t)
	golden(t, "alert-opens.txt", written(in))
	i := in.Incidents[0].Incident
	if i.Domain != "events" || i.Severity != incidents.P2 || i.Title != "Events are late" || i.OpenedBy != "" || i.Source != audit.FromAlert || !i.Alerts["f-HighEventProcessingLag"].Firing {
		t.Errorf("opened %+v", i)
	}
}

// TestAnAlertIsNotedInWhatIsOpen, and its end, too; what is told again changes nothing.
func TestAnAlertIsNotedInWhatIsOpen(t *testing.T) {
	h := newHouse(t)
	a, f := h.alerts(), firing("DataInconsistencyDetected", time.Minute)
	for range 4 {
		take(t, a, f)
	}
	if len(h.ledger.intents) != 1 || h.incident(t, 12).Version != 2 {
		t.Errorf("%d intents, version %d; want one change", len(h.ledger.intents), h.incident(t, 12).Version)
	}
	if says := take(t, a, ended(f, noon)); says != "Noted in INC-12." {
		t.Errorf("said %q", says)
	}
	golden(t, "alert-ends.txt", written(h.ledger.intents[0])+written(h.ledger.last(t)))
	if says := take(t, a, ended(f, noon), f); says != "2 alerts changed nothing." {
		t.Errorf("said %q", says)
	}
}

// TestAHundredFlapsAreOneIncident, counted, and no flood of messages.
func TestAHundredFlapsAreOneIncident(t *testing.T) {
	h := newHouse(t)
	clear(h.memory.incidents)
	a := h.alerts()
	posts := 0
	for n := range 100 {
		f := firing("DataInconsistencyDetected", time.Duration(200-2*n)*time.Minute)
		take(t, a, f)
		take(t, a, ended(f, f.Since.Add(time.Minute)))
	}
	for _, in := range h.ledger.intents {
		posts += len(in.Posts)
	}
	if len(h.memory.incidents) != 1 || posts != 1 {
		t.Fatalf("%d incidents and %d posts, want one of each", len(h.memory.incidents), posts)
	}
	if alert := h.incident(t, 1042).Alerts["f-DataInconsistencyDetected"]; alert.Times != 100 || alert.Firing {
		t.Errorf("counted %+v", alert)
	}
}

// TestAnAlertThatComesFromThreeReplicasAtOnceIsOneIncident.
func TestAnAlertThatComesFromThreeReplicasAtOnceIsOneIncident(t *testing.T) {
	h := newHouse(t)
	clear(h.memory.incidents)
	f, done := firing("PaymentsDiffer", time.Minute), make(chan error)
	other := f
	other.Fingerprint = "another"
	for n := range 12 {
		a := h.alerts()
		go func() {
			_, err := a.Take(context.Background(), []incidents.Fired{[]incidents.Fired{f, other}[n%2]})
			done <- err
		}()
	}
	for range 12 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if len(h.memory.incidents) != 1 {
		t.Fatalf("%d incidents", len(h.memory.incidents))
	}
	for _, i := range h.memory.incidents {
		if len(i.Alerts) != 2 {
			t.Errorf("it knows %d alerts, want both", len(i.Alerts))
		}
	}
}

// TestAnAlertOpensWhatWasJustResolved, if it began after the end.
func TestAnAlertOpensWhatWasJustResolved(t *testing.T) {
	h := newHouse(t)
	a := h.alerts()
	take(t, a, firing("HighEventProcessingLag", 30*time.Minute)) // it fired before the end
	if h.incident(t, 14).Status != incidents.Resolved {
		t.Fatal("it was opened again by what was known when it was resolved")
	}
	take(t, a, firing("HighEventProcessingLag", time.Minute))
	if i := h.incident(t, 14); i.Status != incidents.Investigating || i.End != nil {
		t.Errorf("it stands at %s", i.Status)
	}
	golden(t, "alert-reopens.txt", written(h.ledger.last(t)))
}

func TestAnAlertThatIsNotMappedIsOnlyRecorded(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fired incidents.Fired
	}{
		{"of another name", firing("DiskFull", time.Minute)},
		{"that ends where nothing is open", ended(firing("DataInconsistencyDetected", time.Minute), noon)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHouse(t)
			clear(h.memory.incidents)
			a := h.alerts()
			take(t, a, tt.fired)
			take(t, a, tt.fired)
			if len(h.ledger.intents) != 1 || len(h.memory.incidents) != 0 {
				t.Fatalf("%d intents and %d incidents, want an event alone", len(h.ledger.intents), len(h.memory.incidents))
			}
			if e := h.ledger.intents[0].Events[0]; e.Actor.Kind != audit.Alert || e.Source != audit.FromAlert || e.Rule == "" || e.Args["alert"] != tt.fired.Name {
				t.Errorf("the audit says %+v", e)
			}
		})
	}
}

// TestTheDomainThatAnAlertNamesComesFirst, if checks are declared for it.
func TestTheDomainThatAnAlertNamesComesFirst(t *testing.T) {
	for domain, want := range map[string]string{"inventory": "inventory", "": "orders", "nonsense": "orders"} {
		h := newHouse(t)
		clear(h.memory.incidents)
		f := firing("DataInconsistencyDetected", time.Minute)
		f.Domain = domain
		take(t, h.alerts(), f)
		if i := h.incident(t, 1042); i.Domain != want {
			t.Errorf("%q opened one about %s, want %s", domain, i.Domain, want)
		}
	}
}

// TestForeignTextOfAnAlertIsNotRecorded: annotations are words of others.
func TestForeignTextOfAnAlertIsNotRecorded(t *testing.T) {
	h := newHouse(t)
	clear(h.memory.incidents)
	take(t, h.alerts(), firing("DataInconsistencyDetected", time.Minute))
	if text := written(h.ledger.last(t)); strings.Contains(text, "drop table") {
		t.Errorf("recorded:\n%s", text)
	}
}

func TestWhenTheStoreIsDownAnAlertHasToBeToldAgain(t *testing.T) {
	h := newHouse(t)
	h.ledger.down = errDown
	if _, err := h.alerts().Take(t.Context(), []incidents.Fired{firing("DataInconsistencyDetected", 0)}); err == nil {
		t.Error("it was taken")
	}
}

// poisoned is a ledger that cannot write one alert down.
type poisoned struct {
	*ledger
	key string
}

func (p *poisoned) Record(ctx context.Context, key string, numbered bool, build func(int64) commands.Intent) (bool, error) {
	if p.key == "" {
		p.key = key
	}
	if key == p.key {
		return false, errDown
	}
	return p.ledger.Record(ctx, key, numbered, build)
}

// TestAnAlertThatCannotBeTakenHoldsUpNoOther.
func TestAnAlertThatCannotBeTakenHoldsUpNoOther(t *testing.T) {
	h := newHouse(t)
	clear(h.memory.incidents)
	a := h.alerts()
	a.Ledger = &poisoned{ledger: h.ledger}
	_, err := a.Take(t.Context(), []incidents.Fired{firing("DataInconsistencyDetected", 0), firing("PaymentsDiffer", 0)})
	if err == nil || len(h.memory.incidents) != 1 {
		t.Errorf("%d incidents, error %v; want one, and an error", len(h.memory.incidents), err)
	}
}

// TestWhoIsTurnedAwayDoesNotFillTheRecords: one event in 10 s and for each reason, with
// how many there were.
func TestWhoIsTurnedAwayDoesNotFillTheRecords(t *testing.T) {
	h := newHouse(t)
	a, now := h.alerts(), noon
	a.Now = func() time.Time { return now }
	for range 100 {
		a.Refuse(t.Context(), "The token is missing.")
		a.Refuse(t.Context(), "The body is larger than 1 MB.")
	}
	now = now.Add(11 * time.Second)
	a.Refuse(t.Context(), "The token is missing.")
	var counts []string
	for _, in := range h.ledger.intents {
		counts = append(counts, in.Events[0].Error+" "+in.Events[0].Args["count"]+" "+string(in.Events[0].Outcome))
	}
	want := "The token is missing. 1 refused|The body is larger than 1 MB. 1 refused|The token is missing. 100 refused"
	if got := strings.Join(counts, "|"); got != want {
		t.Errorf("recorded %s, want %s", got, want)
	}
	for n := range 1000 {
		a.Refuse(t.Context(), fmt.Sprintf("reason %d", n))
	}
	if len(h.ledger.intents) > 40 {
		t.Errorf("%d events for made-up reasons", len(h.ledger.intents))
	}
}

// TestAlertsOfWhatWasMergedAreNotedWhereItGoesOn, however often they flap.
func TestAlertsOfWhatWasMergedAreNotedWhereItGoesOn(t *testing.T) {
	h := newHouse(t)
	a, f := h.alerts(), firing("DataInconsistencyDetected", time.Minute)
	take(t, a, f)
	h.doesBy(t, audit.FromMention, "U1ALICE", "CINC", "incident merge INC-12 INC-13")
	again := f
	again.Since = noon.Add(time.Second)
	for _, told := range []incidents.Fired{ended(f, noon), again, ended(again, noon.Add(time.Minute))} {
		if says := take(t, a, told); says != "Noted in INC-13." {
			t.Errorf("said %q", says)
		}
	}
	if known := h.incident(t, 13).Alerts[f.Fingerprint]; known.Firing || known.Times != 2 {
		t.Errorf("it knows %+v", known)
	}
}

// TestAnAlertIsOneByWhateverGroupItIsTold, also after what it opened was declined.
func TestAnAlertIsOneByWhateverGroupItIsTold(t *testing.T) {
	h := newHouse(t)
	clear(h.memory.incidents)
	a, f := h.alerts(), firing("DataInconsistencyDetected", time.Minute)
	take(t, a, f)
	h.does(t, "U1ALICE", "C1", "incident decline INC-1042 'a test'")
	f.Group = "{}/{another=receiver}"
	if says := take(t, a, f); says != "1 alert changed nothing." || len(h.memory.incidents) != 1 {
		t.Errorf("said %q; %d incidents", says, len(h.memory.incidents))
	}
}

// TestAnAlertThatStillFiresIsTakenOnceItIsMapped.
func TestAnAlertThatStillFiresIsTakenOnceItIsMapped(t *testing.T) {
	h := newHouse(t)
	clear(h.memory.incidents)
	a, f := h.alerts(), firing("DataInconsistencyDetected", time.Minute)
	mapped := a.Incidents.Rules.Alerts
	a.Incidents.Rules.Alerts = nil
	take(t, a, f)
	a.Incidents.Rules.Alerts = mapped
	if says := take(t, a, f); says != "Opened INC-1042." {
		t.Errorf("said %q", says)
	}
}

// TestAlertsThatMeanNothingDoNotFillTheRecords: one event in 10 s and for each name.
func TestAlertsThatMeanNothingDoNotFillTheRecords(t *testing.T) {
	h := newHouse(t)
	a, now := h.alerts(), noon
	a.Now = func() time.Time { return now }
	for n := range 100 {
		f := firing("DiskFull", time.Duration(n)*time.Second)
		f.Fingerprint += fmt.Sprint(n)
		take(t, a, f)
	}
	now = now.Add(11 * time.Second)
	take(t, a, ended(firing("DiskFull", time.Hour), now))
	if len(h.ledger.intents) != 2 || h.ledger.last(t).Events[0].Args["count"] != "100" {
		t.Errorf("%d events, the last %+v", len(h.ledger.intents), h.ledger.last(t).Events[0].Args)
	}
}
