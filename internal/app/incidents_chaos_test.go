package app_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/integritybot/integritybot/internal/workspace"
)

// TestReplicasKilledWhileChannelsAreMade: three replicas are killed with SIGKILL again
// and again while four incidents get their channels from a Slack that is slow and
// loses answers. Each has one channel, one pinned summary and one run in the end.
func TestReplicasKilledWhileChannelsAreMade(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Options{})
	w.env["INCIDENT_CHANNEL"] = alerts
	e := &emergency{world: w}
	for _, f := range []workspace.Fault{
		{Method: "conversations.create", Kind: "lost_answer", Count: 2},
		{Method: "conversations.create", Kind: "slow", DelayMS: 700},
		{Method: "conversations.invite", Kind: "slow", DelayMS: 500},
		{Method: "bookmarks.add", Kind: "lost_answer", Count: 1},
		{Method: "pins.add", Kind: "lost_answer", Count: 1},
	} {
		if err := w.slack.Inject(f); err != nil {
			t.Fatal(err)
		}
	}
	fleet := newFleet(w, 3)
	seed := uint64(time.Now().Unix())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(6, seed))
	domains := []string{"orders", "customers", "inventory", "payments"}
	for i, domain := range domains {
		await(t, "somebody listening", 30*time.Second, func() (int, bool) {
			_, err := w.slack.Say(alice, incident, "", "/integrity incident declare "+domain)
			return 0, err == nil
		})
		time.Sleep(time.Duration(random.IntN(2500)) * time.Millisecond)
		fleet.kill(i % 3)
		time.Sleep(time.Duration(random.IntN(1500)) * time.Millisecond)
		fleet.kill((i + 1) % 3)
	}
	e.furnished(int64(len(domains)))
	for _, c := range e.made() {
		e.pinned(alice, c.ID)
		for _, who := range []string{alice, bobby} {
			if !strings.Contains(strings.Join(c.Members, " "), who) {
				t.Errorf("%s is not in %s", who, c.Name)
			}
		}
	}
	if n := e.count(`SELECT count(*) FROM runs WHERE incident > 0`); n != int64(len(domains)) {
		t.Errorf("the checks were begun %d times, want %d", n, len(domains))
	}
	e.clean()
}

// furnished waits until so many incidents have all that a channel can have, one each.
func (e *emergency) furnished(n int64) {
	e.t.Helper()
	await(e.t, "all channels being furnished", 3*time.Minute, func() (int, bool) {
		return 0, e.count(`SELECT count(*) FROM incidents WHERE channel <> '' AND state->'room'->>'settled' = 'true' AND state->'room'->>'pinned' <> ''`) == n
	})
	if made := e.made(); int64(len(made)) != n {
		e.t.Errorf("there are %d channels for %d incidents", len(made), n)
	}
}
