package commands_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
)

func TestEventsLagAndDLQAreRunsThatShowAllTheyLookedAt(t *testing.T) {
	for _, tt := range []struct {
		words, action string
		want          check.Order
	}{
		{"events lag", "events.lag", check.Order{Title: "Consumer lag", Checks: []string{"consumer-lag"}, Options: check.Options{Overview: true}}},
		{"events DLQ", "events.dlq", check.Order{Title: "Failed events", Checks: []string{"failed-events"}, Options: check.Options{Overview: true}}},
		{"events dlq failed-events --group-by topic —since 2h", "events.dlq", check.Order{
			Title: "Failed events", Checks: []string{"failed-events"}, Options: check.Options{Overview: true, GroupBy: "topic", Since: 2 * time.Hour},
		}},
		{"events export --match key=o-17 --match 'key=o 18' --limit 50 --since 1d", "events.export", check.Order{
			Title: "Failed events", Checks: []string{"failed-events"}, Step: check.StepExport, Options: check.Options{Since: 24 * time.Hour},
			Select: []string{"key=o-17", "key=o 18"}, Limit: 50,
		}},
	} {
		t.Run(tt.words, func(t *testing.T) {
			h := newHouse(t)
			h.runner.Ask(t.Context(), ask("U1EVE", "C1", tt.words))
			in := h.ledger.last(t)
			if in.Run == nil {
				t.Fatalf("no run: %s", reply(t, in))
			}
			want := tt.want
			want.ID, want.Channel, want.ResponseURL, want.AskedBy, want.AskedAt, want.Request = 1042, "C1", "https://hooks.example/1", "U1EVE", noon, "request-1"
			want.Words = in.Run.Words
			if diff := cmp.Diff(want, *in.Run); diff != "" {
				t.Errorf("the run (-want +got):\n%s", diff)
			}
			if e := in.Events[0]; e.Action != tt.action || e.Outcome != audit.Intended || e.Target != "R-1042" {
				t.Errorf("the audit says %+v", e)
			}
		})
	}
}

func TestAReplayIsAPlanOfWhatWasSelected(t *testing.T) {
	for _, tt := range []struct {
		words string
		want  fix.Order
	}{
		{"events replay", fix.Order{Mode: "replay"}},
		{"events replay failed-events --match key=o-17 --since 2h --rate 100 --limit 30", fix.Order{
			Mode: "replay", Select: []string{"key=o-17"}, From: noon.Add(-2 * time.Hour), Rate: 100, Limit: 30,
		}},
		{"events replay --quarantine", fix.Order{Mode: "quarantine"}},
		{"events replay-aggregate o-17", fix.Order{Mode: "aggregate", Argument: "o-17"}},
		{"events replay-aggregate o-17 --check failed-events --from 2026-11-21T10:00:00+01:00 --to 2026-11-22 --rate 5", fix.Order{
			Mode: "aggregate", Argument: "o-17", From: noon.Add(-3 * time.Hour), To: noon.Add(12 * time.Hour), Rate: 5,
		}},
	} {
		t.Run(tt.words, func(t *testing.T) {
			h := newHouse(t)
			h.runner.Ask(t.Context(), ask("U1EVE", "C1", tt.words))
			in := h.ledger.last(t)
			if in.Plan == nil {
				t.Fatalf("no plan: %s", reply(t, in))
			}
			want := tt.want
			want.ID, want.Check, want.Domain = 1042, "failed-events", "events"
			want.Channel, want.ResponseURL, want.AskedBy, want.AskedAt, want.Request = "C1", "https://hooks.example/1", "U1EVE", noon, "request-1"
			if diff := cmp.Diff(want, *in.Plan); diff != "" {
				t.Errorf("the plan (-want +got):\n%s", diff)
			}
		})
	}
}

// TestNewPreviewAsksForTheSameAgain: the button carries the plan's number and
// nothing else.
func TestNewPreviewAsksForTheSameAgain(t *testing.T) {
	h := newHouse(t)
	in := h.press(t, "U1EVE", "fix P-39")
	if in.Plan == nil {
		t.Fatalf("no plan: %s", reply(t, in))
	}
	want := h.plans[39].Order
	want.ID, want.AskedBy, want.AskedAt, want.Request, want.ResponseURL = 1042, "U1EVE", noon, "request-1", "https://hooks.example/1"
	if diff := cmp.Diff(want, *in.Plan); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	in = h.press(t, "U1EVE", "fix P-39 --limit 3 --mode replay")
	if in.Plan == nil || in.Plan.Limit != 3 || in.Plan.Mode != "replay" || len(in.Plan.Select) != 1 {
		t.Errorf("what is said anew is not heard: %+v", in.Plan)
	}
}

func TestWhatIsSaidToBadInputAboutEvents(t *testing.T) {
	for _, tt := range []struct{ name, channel, words, rule, says string }{
		{"a misspelt command", "C1", "events dlp", "bad input", `Did you mean "events dlq"? Try /integrity events dlq.`},
		{"a command of no group", "C1", "events frobnicate", "bad input", "it has lag, dlq, logs, export, replay, replay-aggregate. Try /integrity help events."},
		{"a misspelt group", "C1", "evnets lag", "bad input", `Did you mean "events"?`},
		{"moving offsets", "C1", "events reset-offsets ecommerce-consumer", "bad input", "I never move a consumer group's offsets"},
		{"help about none of them", "C1", "help events dlp", "bad input", `Did you mean "events dlq"?`},
		{"a misspelt check", "C1", "events lag consumer-lga", "bad input", `Did you mean "consumer-lag"? Try /integrity events lag consumer-lag.`},
		{"a check of another kind", "C1", "events dlq order-totals", "bad input", "for this there are failed-events"},
		{"two checks", "C1", "events lag a b", "bad input", "One check at a time"},
		{"a misspelt grouping", "C1", "events dlq --group-by topics", "bad input", "by error, topic, key, age. Try /integrity events dlq --group-by topic."},
		{"a length of time without a unit", "C1", "events dlq --since 2", "bad input", "is not a length of time; write 30m, 2h or 7d. Try /integrity events dlq --since 2h."},
		{"an unknown flag", "C1", "events replay --mach key=1", "bad input", "Did you mean --match?"},
		{"a selection that is not understood", "C1", "events replay --match o-17", "bad input", `I do not understand "o-17"; write key=o-17.`},
		{"nothing to replay", "C1", "events replay --limit 0", "bad input", "A limit of 0 would repair nothing"},
		{"more than a plan may", "C1", "events replay --limit 10001", "bad input", "more than one plan may repair"},
		{"no rate", "C1", "events replay --rate 0", "bad input", "--rate is 0; give a number from 1 to 1000000."},
		{"more than a file takes", "C1", "events export --limit 50001", "bad input", "--limit is 50001; give a number from 1 to 50000."},
		{"export where strangers are", "CSHARED", "events export", "bad input", "shared with another organisation"},
		{"replay where strangers are", "CSHARED", "events replay", "bad input", "shared with another organisation"},
		{"no aggregate", "C1", "events replay-aggregate", "bad input", "Which aggregate? Give one id."},
		{"a time that is none", "C1", "events replay-aggregate o-17 --from yesterday", "bad input", `--from: "yesterday" is not a time; write 2026-11-21T10:00:00Z`},
		{"a time backwards", "C1", "events replay-aggregate o-17 --from 2026-11-22 --to 2026-11-21", "bad input", "--to must be later than --from"},
		{"a fix for a lag", "C1", "fix consumer-lag", "bad input", "it has to read on. What it gave up on can be sent again. Try /integrity events dlq."},
		{"a preview of a way back again", "C1", "fix P-40", "bad input", "Try /integrity undo P-37."},
		{"a preview of no plan again", "C1", "fix P-99", "bad input", "There is no plan P-99."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHouse(t)
			h.runner.Ask(t.Context(), ask("U1ADMIN", tt.channel, tt.words))
			in := h.ledger.last(t)
			if in.Run != nil || in.Plan != nil {
				t.Fatal("something was done")
			}
			if e := in.Events[0]; e.Outcome != audit.Refused || e.Rule != tt.rule {
				t.Errorf("the audit says %s by %q", e.Outcome, e.Rule)
			}
			if got := reply(t, in); !strings.Contains(got, tt.says) {
				t.Errorf("said:\n%s\nwant: %s", got, tt.says)
			}
		})
	}
}

func TestWhereReplayIsOffTheReasonIsTheTargets(t *testing.T) {
	h := newHouse(t)
	declared := h.fixes["failed-events"]
	declared.Planner, declared.Applier = nil, nil
	declared.Off = "the config does not let plans produce there (targets.events.kafka.replay)"
	h.fixes["failed-events"] = declared
	for _, words := range []string{"events replay", "events replay-aggregate o-17", "fix failed-events"} {
		h.runner.Ask(t.Context(), ask("U1EVE", "C1", words))
		want := "Fixes are off for production/events: the config does not let plans produce there (targets.events.kafka.replay)."
		if got := reply(t, h.ledger.last(t)); !strings.Contains(got, want) {
			t.Errorf("%s: said %s", words, got)
		}
	}
}

func TestHelpOfAGroupListsItsCommands(t *testing.T) {
	h := newHouse(t)
	for _, words := range []string{"events", "help events"} {
		h.runner.Ask(t.Context(), ask("U1ALICE", "C1", words))
		got := reply(t, h.ledger.last(t))
		for _, want := range []string{"events lag [check]", "events dlq [check] [--group-by error|topic|key|age]", "events replay-aggregate <id>", "Not for you here", "needs export:events"} {
			if !strings.Contains(got, want) {
				t.Errorf("%s does not say %q:\n%s", words, want, got)
			}
		}
	}
	h.runner.Ask(t.Context(), ask("U1ALICE", "C1", "help"))
	if got := reply(t, h.ledger.last(t)); strings.Count(got, "/integrity events") != 1 {
		t.Errorf("help has more than one line about events:\n%s", got)
	}
	h.runner.Ask(t.Context(), ask("U1ALICE", "C1", "help events dlq"))
	if got := reply(t, h.ledger.last(t)); !strings.Contains(got, "with a value, such as 2h") {
		t.Errorf("help of one of them:\n%s", got)
	}
}

// TestExamplesWorkWhereTheConfigHasSeveral: an example that is answered with
// another question helps nobody.
func TestExamplesWorkWhereTheConfigHasSeveral(t *testing.T) {
	second := catalog[5]
	second.Name, second.Title = "failed-mails", "Failed mails"
	for _, tt := range []struct{ words, says string }{
		{"events dlq", "Try /integrity events dlq failed-events."},
		{"events dlp", "Try /integrity events dlq failed-events."},
		{"events reset", "Try /integrity events replay failed-events."},
		{"events dlq failed-mails --group-by x", "Try /integrity events dlq failed-mails --group-by error."},
		{"events dlq failed-mails --since 2", "Try /integrity events dlq failed-mails --since 2h."},
		{"events dlq --gruop-by key", "Try /integrity events dlq failed-events."},
		{"events dlq failed-events failed-mails", "Try /integrity events dlq failed-events."},
		{"events export failed-mails --match o-17", "Try /integrity events export failed-mails --match"},
		{"events export failed-mails --limit 0", "Try /integrity events export failed-mails --limit 1000."},
		{"events replay failed-mails --rate 0", "Try /integrity events replay failed-mails --rate 100."},
		{"events replay-aggregate", "Try /integrity events replay-aggregate o-17 --check failed-events."},
		{"events replay-aggregate o-18", "Try /integrity events replay-aggregate o-17 --check failed-events."},
		{"events replay-aggregate o-18 --check failed-mails --from x", "Try /integrity events replay-aggregate o-17 --check failed-mails --from"},
	} {
		t.Run(tt.words, func(t *testing.T) {
			h := houseOf(t, append(slices.Clone(catalog), second))
			h.runner.Ask(t.Context(), ask("U1ADMIN", "C1", tt.words))
			if got := reply(t, h.ledger.last(t)); !strings.Contains(got, tt.says) {
				t.Errorf("said:\n%s\nwant: %s", got, tt.says)
			}
		})
	}
}

// TestAnExportIsBegunAgainAsOne: with the right to it, and never as a check.
func TestAnExportIsBegunAgainAsOne(t *testing.T) {
	h := newHouse(t)
	for _, words := range []string{"again R-10", "again R-10/failed-events"} {
		in := h.press(t, "U1EVE", words)
		if in.Run == nil || in.Run.Step != check.StepExport || in.Run.Limit != 5 || len(in.Run.Select) != 1 || in.Run.Options.Since != time.Hour {
			t.Errorf("%s: asked for %+v", words, in.Run)
		}
		if in := h.press(t, "U1ALICE", words); in.Run != nil || !strings.Contains(reply(t, in), "ask one of them") { // may check, and not export
			t.Errorf("%s: the right to check gave records out: %+v", words, in.Run)
		}
	}
	h.runner.Ask(t.Context(), ask("U1EVE", "CSHARED", "again R-10"))
	if in := h.ledger.last(t); in.Run != nil || !strings.Contains(reply(t, in), "shared with another organisation") {
		t.Errorf("given out where strangers are: %+v", in.Run)
	}
	if in := h.press(t, "U1EVE", "details R-10"); !strings.Contains(reply(t, in), "judged none") {
		t.Errorf("details: %s", reply(t, in))
	}
}

func TestWhatIsSaidOfAWayStaysWithIt(t *testing.T) {
	for _, tt := range []struct{ words, says string }{
		{"fix failed-events --mode aggregate", "Which aggregate? Give one id. Try /integrity events replay-aggregate o-17 --check failed-events."},
		{"fix failed-events --parent o-17", "--parent names the row to attach to, and replay attaches nothing. Try /integrity fix failed-events."},
		{"fix orphaned-orders --parent c-1", "Try /integrity fix orphaned-orders --mode attach --parent c-1."},
		{"fix P-41 --mode replay", "That plan sends one aggregate's events again, which replay does not"},
		{"fix P-39 --mode aggregate", "Which aggregate?"},
	} {
		h := newHouse(t)
		h.runner.Ask(t.Context(), ask("U1ADMIN", "C1", tt.words))
		if in := h.ledger.last(t); in.Plan != nil || !strings.Contains(reply(t, in), tt.says) {
			t.Errorf("%s: said:\n%s\nwant: %s", tt.words, reply(t, in), tt.says)
		}
	}
	h := newHouse(t)
	if in := h.press(t, "U1EVE", "fix P-41"); in.Plan == nil || in.Plan.Argument != "o-17" || in.Plan.From.IsZero() {
		t.Errorf("the same again is %+v", in.Plan)
	}
	if in := h.press(t, "U1ALICE", "fix P-42 --mode delete"); in.Plan == nil || in.Plan.Mode != "delete" || in.Plan.Argument != "" {
		t.Errorf("a parent went along with another way: %+v", in.Plan)
	}
}

// TestWithoutAFixNothingIsPromised: dead letters know no migration that prevents
// them.
func TestWithoutAFixNothingIsPromised(t *testing.T) {
	h := newHouse(t)
	delete(h.fixes, "failed-events")
	for _, words := range []string{"fix failed-events", "events replay"} {
		h.runner.Ask(t.Context(), ask("U1EVE", "C1", words))
		if got := reply(t, h.ledger.last(t)); !strings.Contains(got, "declares no fix for failed-events") || !strings.Contains(got, "Try /integrity events dlq failed-events.") {
			t.Errorf("%s: said %s", words, got)
		}
	}
}
