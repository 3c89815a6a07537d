package commands_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
)

// TestWhatEveryMoveRecordsAndSays: what stands in the audit, what moves, and what people
// read of it.
func TestWhatEveryMoveRecordsAndSays(t *testing.T) {
	for _, tt := range []struct {
		name, user, channel string
		words               []string // the last one counts
	}{
		{"declare", "U1ALICE", "C1", []string{"incident declare inventory"}},
		{"declare-under-a-run", "U1ALICE", "C1", []string{"incident declare --run R-8 --title 'Stock is wrong' --severity p2 --private"}},
		{"declare-in-a-shared-channel", "U1ALICE", "CSHARED", []string{"incident declare inventory --title 'Stock is wrong'"}},
		{"declare-privately", "U1ALICE", "C1", []string{"incident declare inventory --private"}},
		{"declare-a-drill", "U1ALICE", "C1", []string{"incident declare orders --drill"}},
		{"declare-what-is-open", "U1BOB", "C1", []string{"incident declare orders"}},
		{"declare-what-was-just-resolved", "U1BOB", "C1", []string{"incident declare events"}},
		{"declare-without-a-channel", "U1BOB", "", []string{"incident declare inventory"}},
		{"bind", "U1ALICE", "C2", []string{"incident bind inventory"}},
		{"here", "U1OLIVE", "CINC", []string{"incident"}},
		{"elsewhere", "U1OLIVE", "C1", []string{"incident"}},
		{"list-all", "U1OLIVE", "C1", []string{"incident list --all"}},
		{"severity", "U1ALICE", "CINC", []string{"incident severity p1"}},
		{"severity-in-another-order", "U1ALICE", "C1", []string{"incident INC-12 severity P1"}},
		{"severity-named-last", "U1ALICE", "C1", []string{"incident severity P1 INC-12"}},
		{"severity-from-elsewhere", "U1ALICE", "C1", []string{"incident severity inc-12 P1"}},
		{"status", "U1ALICE", "CINC", []string{"incident status Identified"}},
		{"lead", "U1ALICE", "CINC", []string{"incident lead <@U1BOB|bob>"}},
		{"lead-me", "U1ALICE", "CINC", []string{"incident lead me"}},
		{"lead-nobody", "U1ALICE", "CPAY", []string{"incident lead nobody"}},
		{"claim", "U1BOB", "CINC", []string{"incident claim INC-12"}},
		{"claim-second", "U1BOB", "CINC", []string{"incident lead <@U1ALICE>", "incident claim INC-12"}},
		{"note", "U1BOB", "CINC", []string{"incident note we stopped the writer; 12 orders are lost"}},
		{"note-decision", "U1BOB", "CINC", []string{"incident note --decision 'we do not restore <!channel>'"}},
		{"cause", "U1BOB", "CINC", []string{"incident cause rollout 41"}},
		{"followup", "U1BOB", "CINC", []string{"incident followup add a foreign key"}},
		{"milestone-today", "U1BOB", "CINC", []string{"incident milestone began --at 10:02"}},
		{"milestone", "U1BOB", "CINC", []string{"incident milestone began --at 2026-11-21 09:00"}},
		{"snooze", "U1BOB", "CINC", []string{"incident snooze executives"}},
		{"step", "U1ALICE", "C1", []string{"incident step INC-12 measure"}},
		{"step-second", "U1BOB", "CINC", []string{"incident step INC-12 measure", "incident step INC-12 measure"}},
		{"step-done", "U1ALICE", "CINC", []string{"incident step contain --done"}},
		{"step-own", "U1ALICE", "CINC", []string{"incident step INC-12 contain --own"}},
		{"step-reopen", "U1ALICE", "CINC", []string{"incident step contain --done", "incident step contain --reopen"}},
		{"step-skip", "U1ALICE", "CINC", []string{"incident step prevent --skip 'the key is there'"}},
		{"step-by-hand", "U1ALICE", "CINC", []string{"incident step choose"}},
		{"escalate", "U1ALICE", "CINC", []string{"escalate L1 --reason 'nobody may write'"}},
		{"escalate-by-title", "U1ALICE", "CINC", []string{"escalate data team"}},
		{"acknowledge", "U1BOB", "CINC", []string{"escalate L1", "incident ack INC-12"}},
		{"decline", "U1ALICE", "CPAY", []string{"incident decline the test data were wrong"}},
		{"decline-too-early", "U1ALICE", "CINC", []string{"incident decline the test data were wrong"}},
		{"decline-all-the-same", "U1BOB", "CINC", []string{"incident decline the test data were wrong --because 'those rows are test orders'"}},
		{"decline-while-fixing", "U1ALICE", "CFIX", []string{"incident decline the test data were wrong"}},
		{"merge-into", "U1ALICE", "CINC", []string{"incident merge INC-13"}},
		{"merge-two", "U1ALICE", "C1", []string{"incident merge INC-12 INC-13"}},
		{"resolve", "U1ALICE", "CPAY", []string{"incident resolve --says 'payments agree'"}},
		{"resolve-too-early", "U1ALICE", "CINC", []string{"incident resolve"}},
		{"resolve-all-the-same", "U1BOB", "CINC", []string{"incident resolve --because 'they are test orders'"}},
		{"resolve-while-fixing", "U1BOB", "CFIX", []string{"incident resolve --because 'they are test orders'"}},
		{"reopen", "U1ALICE", "CSOAK", []string{"incident reopen lag again"}},
		{"export", "U1OLIVE", "CENDED", []string{"incident export"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHouse(t)
			var in commands.Intent
			for _, words := range tt.words {
				in = h.does(t, tt.user, tt.channel, words)
			}
			golden(t, "incident-"+tt.name+".txt", tt.words[len(tt.words)-1]+"\n"+written(in))
		})
	}
}

func TestAnIncidentIsDeclaredUnderARunWithItsNumbers(t *testing.T) {
	h := newHouse(t)
	run := h.runs[8]
	run.Findings[0].Tally.Rows, run.Findings[0].Tally.First = 60, noon.AddDate(0, 0, -1)
	in := h.does(t, "U1ALICE", "C1", "incident declare --run R-8")
	i := in.Incidents[0].Incident
	if i.Domain != "inventory" || i.Run != 8 || !i.Milestones.Began.Equal(noon.AddDate(0, 0, -1)) || i.OpenedBy != "U1ALICE" || i.Asked.Channel != "C1" {
		t.Errorf("declared %+v", i)
	}
	if i.ID != 1042 || in.Events[0].Incident != "INC-1042" || in.Events[0].Target != "INC-1042" || in.Events[0].Args["run"] != "R-8" {
		t.Errorf("the audit says %+v of %s", in.Events[0], i.Ref())
	}
}

// TestADrillStandsInTheWayOfNothing: what is real can be declared beside it, and the
// other way round.
func TestADrillStandsInTheWayOfNothing(t *testing.T) {
	h := newHouse(t)
	if in := h.does(t, "U1ALICE", "C1", "incident declare inventory --drill"); len(in.Incidents) != 1 || !in.Incidents[0].Incident.Drill {
		t.Fatalf("no drill: %s", reply(t, in))
	}
	if in := h.does(t, "U1ALICE", "C1", "incident declare inventory"); len(in.Incidents) != 1 || in.Incidents[0].Incident.Drill {
		t.Errorf("the drill stands in the way: %s", reply(t, in))
	}
	if in := h.does(t, "U1ALICE", "C1", "incident declare inventory --drill"); len(in.Incidents) != 0 {
		t.Error("two drills of one domain")
	}
}

// TestFiftyWhoDeclareOneIncidentGetOne: the one that is first, and the others its link.
func TestFiftyWhoDeclareOneIncidentGetOne(t *testing.T) {
	h := newHouse(t)
	done := make(chan struct{})
	for n := range 50 {
		go func() {
			defer func() { done <- struct{}{} }()
			q := ask([]string{"U1ALICE", "U1BOB", "U1ADMIN"}[n%3], "C1", "incident declare inventory")
			q.Key += strings.Repeat("+", n)
			if post := h.runner.Ask(t.Context(), q); post != nil {
				t.Errorf("answered directly: %s", post.Message.PlainText())
			}
		}()
	}
	for range 50 {
		<-done
	}
	opened, links := 0, 0
	for _, in := range h.ledger.intents {
		opened += len(in.Incidents)
		if len(in.Incidents) == 0 && strings.Contains(in.Posts[0].Message.PlainText(), "is open for inventory since") {
			links++
		}
	}
	if opened != 1 || links != 49 {
		t.Errorf("%d opened and %d links, want 1 and 49", opened, links)
	}
}

// TestTwoLeadsAtOnce: the second reads who was first.
func TestTwoLeadsAtOnce(t *testing.T) {
	h := newHouse(t)
	done := make(chan struct{})
	for _, user := range []string{"U1ALICE", "U1BOB"} {
		go func() {
			defer func() { done <- struct{}{} }()
			h.runner.Ask(t.Context(), ask(user, "CINC", "incident claim INC-12"))
		}()
	}
	<-done
	<-done
	lead := h.incident(t, 12).Lead
	first, second := h.ledger.intents[0], h.ledger.intents[1]
	if first.Events[0].Actor.User != lead || first.Events[0].Outcome != audit.Done {
		t.Errorf("%s leads, and the audit says %+v", lead, first.Events[0])
	}
	if second.Events[0].Outcome != audit.Refused || !strings.Contains(reply(t, second), "Somebody leads INC-12 already (@"+lead+").") {
		t.Errorf("the second reads: %s", reply(t, second))
	}
}

// TestAStepTakesTheRightsOfItsCommand, too, and begins with its run or not at all.
func TestAStepTakesTheRightsOfItsCommand(t *testing.T) {
	h := newHouse(t)
	in := h.does(t, "U1LEAD", "CINC", "incident step measure")
	wantRefused(t, in, "no role grants check:orders", "check:orders")
	if in := h.does(t, "U1LEAD", "CINC", "incident step measure --done"); len(in.Incidents) != 1 {
		t.Errorf("by hand: %s", reply(t, in))
	}
}

// TestAStepAndItsRunBeginTogether: in the incident's channel, wherever it was asked.
func TestAStepAndItsRunBeginTogether(t *testing.T) {
	h := newHouse(t)
	in := h.does(t, "U1ALICE", "C1", "incident step INC-12 measure")
	if in.Run == nil || in.Run.Channel != "CINC" || in.Run.Thread != "" || len(in.Incidents) != 1 {
		t.Fatalf("began %+v", in.Run)
	}
	for _, s := range in.Incidents[0].Incident.Steps {
		if s.Name == "measure" && (s.State != incidents.Running || s.Run != in.Run.ID || s.By != "U1ALICE") {
			t.Errorf("the step stands at %+v", s)
		}
	}
	if len(in.Events) != 2 || in.Events[0].Action != "incident.step" || in.Events[1].Action != "check" || in.Events[1].Outcome != audit.Intended || in.Events[1].Request != in.Events[0].Request {
		t.Errorf("the audit says %+v", in.Events)
	}
}

// TestTheFormsOfIncidents: what a button or a command without its words opens.
func TestTheFormsOfIncidents(t *testing.T) {
	for _, tt := range []struct {
		name, user, channel, words string
		source                     audit.Source
	}{
		{"declare", "U1ALICE", "C1", "incident declare", audit.FromSlash},
		{"declare-under-a-run", "U1ALICE", "C1", "incident declare --run R-8", audit.FromButton},
		{"declare-from-anywhere", "U1ALICE", "D1", "incident declare", audit.FromShortcut},
		{"declare-complete", "U1ALICE", "C1", "incident declare orders", audit.FromSlash},
		{"declare-without-the-right", "U1NOBODY", "C1", "incident declare", audit.FromSlash},
		{"severity", "U1ALICE", "CINC", "incident severity", audit.FromSlash},
		{"lead", "U1ALICE", "CINC", "incident lead", audit.FromSlash},
		{"note", "U1ALICE", "CINC", "incident note INC-13", audit.FromButton},
		{"resolve", "U1ALICE", "CPAY", "incident resolve INC-13", audit.FromButton},
		{"resolve-too-early", "U1ALICE", "CINC", "incident resolve", audit.FromButton},
		{"resolve-while-fixing", "U1ALICE", "CFIX", "incident resolve", audit.FromButton},
		{"resolve-complete", "U1ALICE", "CINC", "incident resolve --says fine", audit.FromSlash},
		{"skip", "U1ALICE", "CINC", "incident skip INC-12 prevent", audit.FromButton},
		{"tell", "U1ALICE", "CINC", "incident step INC-12 tell", audit.FromButton},
		{"step", "U1ALICE", "CINC", "incident step INC-12 measure", audit.FromButton},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHouse(t)
			f := h.formFor(t, tt.source, tt.user, tt.channel, tt.words)
			golden(t, "form-"+tt.name+".txt", tt.words+"\n"+formText(f))
			if f != nil && (len(f.Title) > 24 || len(f.Submit) > 24) {
				t.Errorf("%q and %q: Slack takes 24 characters", f.Title, f.Submit)
			}
			if len(h.ledger.intents) != 0 {
				t.Error("a form recorded something")
			}
		})
	}
}

// TestAnExportIsTheSameTwice: to export is nothing that happened to the incident.
func TestAnExportIsTheSameTwice(t *testing.T) {
	h := newHouse(t)
	first := h.does(t, "U1ALICE", "CINC", "incident export").Posts[0].Message.Files
	second := h.does(t, "U1ALICE", "CINC", "incident export INC-12").Posts[0].Message.Files
	if diff := cmp.Diff(first, second); diff != "" || len(first) != 2 || len(first[0].Inline) == 0 || len(first[1].Inline) == 0 {
		t.Errorf("%d files; -first +second\n%s", len(first), diff)
	}
}

// TestAPrivateIncidentIsShownInItsChannelAlone, and is only listed elsewhere.
func TestAPrivateIncidentIsShownInItsChannelAlone(t *testing.T) {
	h := newHouse(t)
	i := h.incident(t, 12)
	i.Private = true
	h.memory.incidents[12] = i
	for _, words := range []string{"incident status INC-12", "incident summary INC-12", "incident timeline INC-12", "incident checklist INC-12", "incident export INC-12"} {
		wantRefused(t, h.does(t, "U1ADMIN", "C1", words), "bad input", "INC-12 is private: it is shown in its own channel alone")
		if in := h.does(t, "U1OLIVE", "CINC", words); in.Events[0].Outcome != audit.Done {
			t.Errorf("%s in its channel: %s", words, reply(t, in))
		}
	}
}

// TestOneChecklistAloneHasButtons: the one that was asked for last, which follows the
// incident; and to ask for it moves nothing else.
func TestOneChecklistAloneHasButtons(t *testing.T) {
	h := newHouse(t)
	before := h.incident(t, 12)
	first := h.does(t, "U1ALICE", "CINC", "incident checklist INC-12")
	if len(first.Posts) != 1 || first.Posts[0].Final || len(first.Incidents) != 1 {
		t.Fatalf("the first: %+v", first)
	}
	board := first.Incidents[0].Incident
	if board.Board.Key != first.Posts[0].Key || board.Status != before.Status {
		t.Errorf("the board is %+v, posted is %s", board.Board, first.Posts[0].Key)
	}
	h.memory.incidents[12] = board
	second := h.does(t, "U1ALICE", "CINC", "incident checklist INC-12")
	if len(second.Posts) != 2 || second.Posts[0].Key == board.Board.Key || second.Posts[1].Key != board.Board.Key {
		t.Fatalf("the second: %+v", second.Posts)
	}
	if m := second.Posts[1].Message; len(m.Actions)+len(m.Parts) > 0 || !second.Posts[1].Final {
		t.Errorf("the first one still reads: %s", m.PlainText())
	}
}

// TestAnIncidentWithoutAPlaceMovesAllTheSame: nothing is posted to nowhere.
func TestAnIncidentWithoutAPlaceMovesAllTheSame(t *testing.T) {
	h := newHouse(t)
	i := h.incident(t, 12)
	i.Room, i.Asked = incidents.Room{}, incidents.Place{}
	h.memory.incidents[12] = i
	for _, words := range []string{"incident severity INC-12 P1", "escalate L1 INC-12", "incident ack INC-12", "incident nochange INC-12 executives", "notify update INC-12 --says 'We know.'"} {
		in := h.does(t, "U1ALICE", "C1", words)
		if in.Events[0].Outcome != audit.Done || in.Events[0].Incident != "INC-12" {
			t.Errorf("%s: %s", words, reply(t, in))
		}
		for _, p := range in.Posts {
			if p.Channel == "" {
				t.Errorf("%s posts to nowhere: %s", words, p.Key)
			}
		}
	}
}

// between is an Archive in which something happens right after an incident was looked at.
type between struct {
	archive
	happens *func()
}

func (b between) IncidentView(ctx context.Context, id int64) (incidents.View, error) {
	v, err := b.archive.IncidentView(ctx, id)
	if happens := *b.happens; happens != nil {
		*b.happens = nil
		happens()
	}
	return v, err
}

// TestNobodyResolvesByWhatWasTrueBeforeAFixBegan: a plan is let pass between the look at
// the incident and its end.
func TestNobodyResolvesByWhatWasTrueBeforeAFixBegan(t *testing.T) {
	h := newHouse(t)
	plan := h.plans[32]
	plan.Channel = "CPAY"
	h.plans[32] = plan
	happens := func() {
		h.runner.Ask(t.Context(), ask("U1ALICE", "CPAY", "confirm P-32"))
		if in := h.ledger.last(t); in.Decide == nil {
			t.Errorf("not confirmed: %s", reply(t, in))
		}
		h.memory.facts[13] = incidents.View{Repairs: []incidents.Repair{{ID: 32, Ref: "P-32", State: "approved"}}}
	}
	env := h.env
	env.Archive = between{archive{memory: h.memory, plans: h.plans, runs: h.runs}, &happens}
	h.replace(t, env)
	in := h.does(t, "U1BOB", "CPAY", "incident resolve")
	wantRefused(t, in, "a fix is under way", "P-32")
	if i := h.incident(t, 13); i.Status != incidents.Investigating {
		t.Errorf("it is %s", i.Status)
	}
}
