package keeper_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
)

// chance makes things happen to an incident, each as it would be written by commands and
// workers.
type chance struct {
	w      *world
	id     int64
	random *rand.Rand
	n      int
}

func (c *chance) by() incidents.Move {
	return incidents.Move{By: fmt.Sprintf("U%d", 1+c.random.IntN(3)), At: c.w.clock.Now()}
}

// happen makes one thing happen. What is refused does not.
func (c *chance) happen() {
	c.n++
	switch c.random.IntN(8) {
	case 0, 1, 2:
		c.moves()
	case 3, 4:
		c.run()
	case 5:
		c.note()
	case 6:
		c.plan()
	case 7:
		c.tell()
	}
}

func (c *chance) moves() {
	pick := c.random.IntN(9)
	severities, statuses := []incidents.Severity{incidents.P0, incidents.P1, incidents.P2}, []incidents.Status{incidents.Investigating, incidents.Identified, incidents.Fixing, incidents.Monitoring}
	severity, status := severities[c.random.IntN(3)], statuses[c.random.IntN(4)]
	c.w.move(c.id, func(i incidents.Incident) incidents.Incident {
		var to incidents.Incident
		var err error
		switch pick {
		case 0, 1:
			to, err = i.SetSeverity(c.by(), severity, words().Rules)
		case 2, 3:
			to, err = i.SetStatus(c.by(), status)
		case 4:
			to, err = i.SetLead(c.by(), fmt.Sprintf("U%d", 1+c.n%5))
		case 5:
			to, err = i.SetCause(c.by(), fmt.Sprintf("cause %d", c.n))
		case 6:
			to, err = i.FollowUp(c.by(), fmt.Sprintf("follow-up %d", c.n))
		case 7:
			to, err = i.Snooze(c.by(), "", words().Rules)
		case 8:
			to, err = i.SkipStep(c.by(), i.Steps[c.n%len(i.Steps)].Name, "not needed here")
		}
		if err != nil {
			return i
		}
		return to
	})
}

// run begins a run of the domain's checks, and mostly ends it.
func (c *chance) run() {
	w, s := c.w, c.w.stores[0]
	var id int64
	_, err := s.Record(w.t.Context(), fmt.Sprintf("run/%d", c.n), true, func(run int64) commands.Intent {
		id = run
		return commands.Intent{Run: &check.Order{ID: run, Title: "Orders", Words: "check orders", Checks: []string{"orphaned-orders", "order-totals"}, Channel: w.incident(c.id).Where(), AskedBy: "U1", AskedAt: w.clock.Now(), Request: "r"}}
	})
	if err != nil {
		w.t.Fatal(err)
	}
	if c.random.IntN(5) == 0 {
		return // it goes on
	}
	claim, err := s.Claim(w.t.Context(), id, "worker", time.Minute)
	if err != nil {
		w.t.Fatal(err)
	}
	end := claim.Run
	end.State, end.Started, end.Finished = check.Done, w.clock.Now(), w.clock.Now()
	for _, name := range end.Checks {
		f := check.Finding{Check: name, Verdict: []check.Verdict{check.Pass, check.Fail, check.Unknown}[c.random.IntN(3)], Started: w.clock.Now()}
		f.Result.Scanned = 1000
		if f.Verdict == check.Fail {
			f.Tally.Rows, f.Tally.First = int64(1+c.random.IntN(100)), w.clock.Now().Add(-time.Hour)
		}
		end.Findings = append(end.Findings, f)
	}
	if err := s.Conclude(w.t.Context(), claim.Epoch, end, nil, []audit.Event{{Action: "check.run", Channel: end.Channel, Target: end.Ref(), Outcome: audit.Done}}); err != nil {
		w.t.Fatal(err)
	}
}

func (c *chance) note() {
	key := fmt.Sprintf("note/%d", c.n)
	e := incidents.Entry{Incident: c.id, Key: key, Revision: 1, Kind: incidents.Note, At: c.w.clock.Now(), Author: "U1", Text: key}
	if _, err := c.w.stores[0].Record(c.w.t.Context(), key, false, func(int64) commands.Intent { return commands.Intent{Entries: []incidents.Entry{e}} }); err != nil {
		c.w.t.Fatal(err)
	}
}

func (c *chance) plan() {
	w := c.w
	_, err := w.stores[0].Record(w.t.Context(), fmt.Sprintf("plan/%d", c.n), true, func(run int64) commands.Intent {
		channel := w.incident(c.id).Where()
		return commands.Intent{
			Run:  &check.Order{ID: run, Title: "Orders", Words: "fix orphaned-orders", Checks: []string{"orphaned-orders"}, Channel: channel, AskedBy: "U1", AskedAt: w.clock.Now(), Step: check.StepPlan, Plan: run},
			Plan: &fix.Order{ID: run, Check: "orphaned-orders", Domain: "orders", Channel: channel, AskedBy: "U1", AskedAt: w.clock.Now()},
		}
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// tell sends a notice as the command does: with the move that it is.
func (c *chance) tell() {
	w := c.w
	v := w.view(c.id)
	n, err := incidents.Compose(v, words(), incidents.Draft{Template: "update", Fields: map[string]string{"says": fmt.Sprintf("update %d", c.n)}, By: "U1", At: w.clock.Now()},
		func(string) ([]string, error) { return nil, nil })
	if err != nil {
		return
	}
	_, err = w.stores[0].Record(w.t.Context(), fmt.Sprintf("tell/%d", c.n), true, func(run int64) commands.Intent {
		n.ID = run
		return commands.Intent{Notices: []incidents.Notice{n}, Incidents: []incidents.Change{{Incident: v.Incident.Sent(n)}}}
	})
	if err != nil && !errors.Is(err, incidents.ErrMoved) {
		w.t.Fatal(err)
	}
}
