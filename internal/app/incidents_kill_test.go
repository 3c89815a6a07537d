package app_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/mailtest"
	"github.com/integritybot/integritybot/internal/workspace"
)

// TestReplicasKilledWhilePeopleAreTold: four notices of many letters each are sent by three
// replicas, of which eight are killed with SIGKILL at random moments meanwhile. Every letter
// arrives once at most, none is lost, and of which nobody knows whether it arrived is said.
func TestReplicasKilledWhilePeopleAreTold(t *testing.T) {
	t.Parallel()
	const notices, mails = 4, 24
	seed := uint64(time.Now().UnixNano())
	defer func() {
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	}()
	random := rand.New(rand.NewPCG(seed, 6))
	mail, err := mailtest.Start(mailtest.Options{Plain: true})
	if err != nil {
		t.Fatal(err)
	}
	defer mail.Close()
	w := newWorld(t, workspace.Options{Limits: workspace.Limits{Journal: 100_000}})
	w.env["SMTP_ADDR"], w.env["SMTP_TLS"] = slowly(t, mail.Addr(), 100*time.Millisecond), "none"
	var addresses strings.Builder
	for i := range mails {
		fmt.Fprintf(&addresses, ", {email: person-%d@example.com}", i)
	}
	w.yaml = []byte(strings.Replace(string(w.yaml), ", {email: executives@example.com}]", addresses.String()+"]", 1))
	e := &emergency{world: w}
	fleet := newFleet(w, 3)
	e.sayAs(alice, incident, "", "/integrity incident declare inventory")
	room := e.room().ID
	e.standing(alice, room, "FAIL Inventory:")

	for n := range notices {
		says := fmt.Sprintf("This is notice %d.", n+1)
		e.insists(func() error {
			_, err := e.slack.Say(alice, room, "", "/integrity notify update --audience executives,support --says '"+says+"'")
			return err
		})
		preview := e.standing(alice, room, "Preview:", says)
		click := workspace.Click{As: alice, Channel: room, TS: preview.TS, ActionID: buttonOf(preview, "Send")}
		e.insists(func() error { return e.slack.Click(click) })
		for range 2 {
			time.Sleep(time.Duration(random.IntN(1200)) * time.Millisecond)
			fleet.kill(random.IntN(3))
		}
		await(t, "the notice being recorded", 30*time.Second, func() (int64, bool) {
			sent := e.count(`SELECT count(*) FROM notices`)
			return sent, sent == int64(n+1)
		})
	}
	await(t, "every letter having come to its end", 2*time.Minute, func() (int, bool) {
		return 0, e.count(`SELECT count(*) FROM notice_deliveries WHERE state IN ('waiting', 'handed')`) == 0
	})
	e.settled(time.Minute)
	e.lettersOnce(room, mail, notices*mails)
	e.clean()
}

// insists does something until somebody is there to be told of it.
func (e *emergency) insists(do func() error) {
	e.t.Helper()
	await(e.t, "somebody listening", 30*time.Second, func() (int, bool) {
		err := do()
		if err != nil && !strings.Contains(err.Error(), "not connected") && !strings.Contains(err.Error(), "trouble connecting") {
			e.t.Fatal(err)
		}
		return 0, err == nil
	})
}

// letter is a delivery as the store has it.
type letter struct {
	Notice, N         int64
	Kind, Dest, State string
}

// lettersOnce holds what arrived against what the store says of each delivery.
func (e *emergency) lettersOnce(room string, mail *mailtest.Server, mails int) {
	e.t.Helper()
	arrived := map[string]int{}
	for _, m := range mail.Mails() {
		id, _, _ := strings.Cut(m.ID(), "@")
		arrived[id]++
	}
	shown := e.board(alice, "C0EXECUTIVES", "C0SUPPORT").posts
	unclear, seen := 0, 0
	for _, l := range ask[letter](e.t, e.store(), `SELECT notice, n::bigint, kind, dest, state FROM notice_deliveries ORDER BY notice, n`) {
		name := incidents.LetterKey(l.Notice, int(l.N))
		n := arrived[name]
		if l.Kind == string(incidents.ToEmail) {
			seen++
		} else {
			n = len(shown[name])
		}
		switch incidents.DeliveryState(l.State) {
		case incidents.Delivered:
			if n != 1 {
				e.t.Errorf("%s to %s is delivered, and arrived %d times", name, l.Dest, n)
			}
		case incidents.Unclear:
			unclear++
			if n > 1 {
				e.t.Errorf("%s to %s is unclear, and arrived %d times", name, l.Dest, n)
			}
			e.isUnclear(room, l)
		default:
			e.t.Errorf("%s to %s is %s", name, l.Dest, l.State)
		}
	}
	e.t.Logf("%d mails, %d of them unclear", seen, unclear)
	if seen != mails {
		e.t.Errorf("%d mails are recorded, want %d", seen, mails)
	}
}

// isUnclear wants it to be said that nobody knows what became of a letter, in the channel
// (a few seconds after it is known) and in the audit.
func (e *emergency) isUnclear(room string, l letter) {
	e.t.Helper()
	ref := incidents.DeliveryRef(l.Notice, int(l.N))
	await(e.t, "that "+ref+" is unclear being said", 30*time.Second, func() (int, bool) {
		sent := e.board(alice, room).posts[incidents.SentKey(l.Notice)]
		return 0, len(sent) == 1 && strings.Contains(plainText(sent[0]), fmt.Sprintf("%d. ", l.N)) && strings.Contains(plainText(sent[0]), "it may have arrived")
	})
	if n := e.count(`SELECT count(*) FROM audit_events WHERE action = 'notice.delivery' AND target = $1 AND outcome = 'failed'`, ref); n != 1 {
		e.t.Errorf("that %s is unclear is in the audit %d times", ref, n)
	}
}

// slowly stands before a server: whatever the client says takes so long.
func slowly(t *testing.T, server string, delay time.Duration) string {
	t.Helper()
	p := &proxy{t: t, network: "tcp", server: server, address: "127.0.0.1:0", conns: map[net.Conn]bool{}, changed: make(chan struct{}), delay: delay}
	p.up()
	t.Cleanup(func() { p.down(); p.tasks.Wait() })
	return p.address
}
