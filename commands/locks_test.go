package commands_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
)

func TestLocksAndWritesShowAllTheyLookedAt(t *testing.T) {
	for words, want := range map[string]check.Order{
		"locks":                  {Title: "Blocked sessions", Checks: []string{"blocked-sessions"}},
		"locks Blocked-Sessions": {Title: "Blocked sessions", Checks: []string{"blocked-sessions"}},
		"writes status":          {Title: "Writers", Checks: []string{"writers"}},
		"writes status writers":  {Title: "Writers", Checks: []string{"writers"}},
	} {
		t.Run(words, func(t *testing.T) {
			h := newHouse(t)
			h.runner.Ask(t.Context(), ask("U1ALICE", "C1", words))
			want.Words, want.Options = words, check.Options{Overview: true}
			wantRun(t, h.ledger.last(t), "U1ALICE", want)
		})
	}
}

func TestSessionsWritersAndBackupsArePlans(t *testing.T) {
	locks := fix.Order{Check: "blocked-sessions", Domain: "locks"}
	writes := fix.Order{Check: "writers", Domain: "writes"}
	backup := fix.Order{Check: "backup", Domain: "restore", Mode: "restore"}
	of := func(o fix.Order, mode, argument string, which ...string) fix.Order {
		o.Mode, o.Argument, o.Select = mode, argument, which
		return o
	}
	for words, want := range map[string]fix.Order{
		"locks cancel 4711":                                 of(locks, "cancel", "", "pid=4711"),
		"locks cancel 4711 0815 4711":                       of(locks, "cancel", "", "pid=4711", "pid=815"),
		"locks terminate 4711 --check blocked-sessions":     of(locks, "terminate", "", "pid=4711"),
		"writes stop":                                       of(writes, "read-only", ""),
		"writes stop --mode scale deployment/shop web shop": of(writes, "scale", "", "deployment=shop", "deployment=web"),
		"writes resume":                                     of(writes, "resume", ""),
		"writes resume ecommerce-backend":                   of(writes, "resume", "", "deployment=ecommerce-backend"),
		"restore --at 2025-10-25T10:00:00+02:00":            of(backup, "restore", "2025-10-25T08:00:00Z"),
		"restore --at '2025-10-25 10:00'":                   of(backup, "restore", "2025-10-25T10:00:00Z"),
		"restore --at 2025-10-25 10:00":                     of(backup, "restore", "2025-10-25T10:00:00Z"),
		"restore --at 2025-10-25T10:00Z":                    of(backup, "restore", "2025-10-25T10:00:00Z"),
		"restore --at 2025-10-25 --check backup":            of(backup, "restore", "2025-10-25T00:00:00Z"),
		"restore --at 2026-11-21T12:00:00Z":                 of(backup, "restore", "2026-11-21T12:00:00Z"), // now
		"restore —at 2025-10-25T10:00Z —check backup":       of(backup, "restore", "2025-10-25T10:00:00Z"),
	} {
		t.Run(words, func(t *testing.T) {
			h := newHouse(t)
			h.runner.Ask(t.Context(), ask("U1BOB", "C1", words))
			wantPlan(t, h.ledger.last(t), "U1BOB", want)
		})
	}
}

func TestWhatIsSaidToBadInputAboutLocksWritesAndBackups(t *testing.T) {
	for _, tt := range []struct{ name, channel, words, says string }{
		{"no session", "C1", "locks cancel", "Which session? Give its process id, as \"locks\" shows it. Try /integrity locks cancel 4711."},
		{"a name", "C1", "locks terminate app", `"app" is not a process id, which is a number above 0`},
		{"zero", "C1", "locks cancel 0", `"0" is not a process id`},
		{"below zero", "C1", "locks cancel -5", "locks cancel has no flag -5. Try /integrity locks cancel 4711."},
		{"a number that is none of Postgres", "C1", "locks cancel 4294967296", "is not a process id"},
		{"one of two is none", "C1", "locks cancel 17 x", `"x" is not a process id`},
		{"too many", "C1", "locks cancel " + strings.Repeat("1 ", 51), "name at most 50 at a time"},
		{"a session to show", "C1", "locks 4711", "locks shows all sessions at once; one of them is ended by \"locks cancel\". Try /integrity locks."},
		{"a misspelt command", "C1", "locks cancle 4711", `locks has no "cancle". Did you mean "locks cancel"? Try /integrity locks cancel 4711.`},
		{"a misspelt check", "C1", "locks blocked-session", `Did you mean "blocked-sessions"? Try /integrity locks blocked-sessions.`},
		{"a check of another kind", "C1", "locks order-totals", "for this there are blocked-sessions"},
		{"nothing like it", "C1", "locks frobnicate", "it has cancel, terminate. Try /integrity help locks."},
		{"as a shell says it", "C1", "kill 815", `There is no command called "kill". Did you mean "locks cancel"? Try /integrity locks cancel 815.`},
		{"as a shell says it, of locks", "C1", "locks kill 815", `Did you mean "locks cancel"? Try /integrity locks cancel 815.`},
		{"without saying whom", "C1", "kill", "Try /integrity locks cancel 4711."},
		{"lock", "C1", "lock", `Did you mean "locks"? Try /integrity locks.`},
		{"lock cancel", "C1", "lock cancel 17", `Did you mean "locks"? Try /integrity locks cancel 4711.`},
		{"sessions of a check that is none", "C1", "locks cancel 1 --check order-totals", "Try /integrity locks cancel 1 --check blocked-sessions."},
		{"cancel where strangers are", "CSHARED", "locks cancel 1", "no fixes here"},
		{"no way to stop", "C1", "writes stop --mode read-olny", `Writers cannot be stopped by "read-olny". Did you mean read-only? Try /integrity writes stop --mode read-only.`},
		{"not a way to stop", "C1", "writes stop --mode hibernation", "by read-only, scale. Try /integrity writes stop --mode read-only."},
		{"the way back", "C1", "writes stop --mode resume", "is a command of its own. Try /integrity writes resume."},
		{"no deployment", "C1", "writes stop Shop_Backend", `"Shop_Backend" is not the name of a deployment`},
		{"no deployment to resume", "C1", "writes resume ''", "is not the name of a deployment"},
		{"start", "C1", "writes start", `writes has no "start". Did you mean "writes resume"? Try /integrity writes resume.`},
		{"pause", "C1", "writes pause", `Did you mean "writes stop"?`},
		{"status of something else", "C1", "writes status order-totals", "for this there are writers"},
		{"stop where strangers are", "CSHARED", "writes stop", "no fixes here"},
		{"resume where strangers are", "CSHARED", "writes resume", "no fixes here"},
		{"restore to when", "C1", "restore", "To which moment? Give one with --at, in UTC or with its zone. Try /integrity restore --at 2026-11-21T11:00:00Z."},
		{"restore something", "C1", "restore orders", `I do not understand "orders"; a moment is given with --at. Try /integrity restore --at 2026-11-21T11:00:00Z.`},
		{"restore to yesterday", "C1", "restore --at yesterday", `--at: "yesterday" is not a time; write 2026-11-21T10:00:00Z`},
		{"restore to a time and a word", "C1", "restore --at 2025-10-25 orders", `"2025-10-25 orders" is not a time`},
		{"restore to tomorrow", "C1", "restore --at 2026-11-22", "--at: 2026-11-22T00:00:00Z is still to come; nothing can be restored from there."},
		{"restore where strangers are", "CSHARED", "restore --at 2025-10-25", "no fixes here"},
		{"a restore by its check", "C1", "fix backup", "To which moment? Give one with --at, in UTC or with its zone. Try /integrity restore --at 2026-11-21T11:00:00Z."},
		{"backup", "C1", "backup", `Did you mean "restore"?`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHouse(t)
			h.runner.Ask(t.Context(), ask("U1ADMIN", tt.channel, tt.words))
			wantRefused(t, h.ledger.last(t), "bad input", tt.says)
		})
	}
}

// timeless plans know no moment.
type timeless struct{ ways }

func (timeless) Timeless() bool { return true }

func TestARestoreThatKnowsOneBackupNeedsNoMoment(t *testing.T) {
	h := newHouse(t)
	declared := h.fixes["backup"]
	declared.Planner = timeless{ways{"restore"}}
	h.fixes["backup"] = declared
	for _, words := range []string{"restore", "fix backup"} {
		if in := h.press(t, "U1BOB", words); in.Plan == nil || in.Plan.Argument != "" || in.Plan.Check != "backup" {
			t.Errorf("%s: the plan is %+v: %s", words, in.Plan, reply(t, in))
		}
	}
}

func TestWaysThatAskForMore(t *testing.T) {
	for words, right := range map[string]string{
		"locks terminate 1": "locks:terminate", "fix blocked-sessions --mode terminate": "locks:terminate",
		"writes stop": "writes:stop", "writes stop --mode scale": "writes:stop", "fix writers": "writes:stop", "writes resume": "writes:resume",
		"restore --at 2025-10-25": "restore:run",
	} {
		h := newHouse(t)
		h.runner.Ask(t.Context(), ask("U1ALICE", "C1", words))
		wantRefused(t, h.ledger.last(t), "no role grants "+right, "This needs the permission "+right)
	}
	h := newHouse(t) // the first right is that to the domain
	h.runner.Ask(t.Context(), ask("U1OLIVE", "C1", "locks terminate 1"))
	wantRefused(t, h.ledger.last(t), "no role grants fix:locks", "fix:locks")
}

func TestFixesThatAreOff(t *testing.T) {
	for words, one := range map[string]string{
		"locks cancel 1": "blocked-sessions", "locks terminate 1": "blocked-sessions", "writes stop": "writers", "writes resume": "writers",
		"restore --at 2025-10-25": "backup",
	} {
		h := newHouse(t)
		declared := h.fixes[one]
		declared.Planner, declared.Applier, declared.Off = nil, nil, "the config forbids it"
		h.fixes[one] = declared
		h.runner.Ask(t.Context(), ask("U1ADMIN", "C1", words))
		wantRefused(t, h.ledger.last(t), "bad input", "Fixes are off for "+declared.Check.Place+": the config forbids it.")
		delete(h.fixes, one)
		h.runner.Ask(t.Context(), ask("U1BOB", "C1", words))
		if in := h.ledger.last(t); in.Plan != nil {
			t.Errorf("%s: a plan without a fix", words)
		}
	}
	h := newHouse(t)
	declared := h.fixes["writers"]
	declared.Planner = ways{"scale", "resume"}
	h.fixes["writers"] = declared
	if in := h.press(t, "U1BOB", "writes stop"); in.Plan == nil || in.Plan.Mode != "scale" {
		t.Errorf("not stopped as the config says: %+v", in.Plan)
	}
	h.runner.Ask(t.Context(), ask("U1BOB", "C1", "writes stop --mode read-only"))
	wantRefused(t, h.ledger.last(t), "bad input", "The fix of writers does not allow read-only; its config allows scale, resume.")
}

func TestSeveralLockChecks(t *testing.T) {
	second := catalog[7]
	second.Name, second.Title = "other-sessions", "Other sessions"
	for words, says := range map[string]string{
		"locks":               "Which one? There are blocked-sessions, other-sessions. Try /integrity locks blocked-sessions.",
		"locks cancel 17 18":  "Try /integrity locks cancel 17 18 --check blocked-sessions.",
		"locks cancel":        "Try /integrity locks cancel 4711 --check blocked-sessions.",
		"locks terminate abc": "Try /integrity locks terminate 4711 --check blocked-sessions.",
	} {
		h := houseOf(t, append(slices.Clone(catalog), second))
		h.runner.Ask(t.Context(), ask("U1ADMIN", "C1", words))
		wantRefused(t, h.ledger.last(t), "bad input", says)
	}
	h := houseOf(t, append(slices.Clone(catalog), second))
	if in := h.press(t, "U1ALICE", "locks other-sessions"); in.Run == nil || in.Run.Title != "Other sessions" {
		t.Errorf("the run is %+v", in.Run)
	}
}

func TestSeveralBackups(t *testing.T) {
	second := catalog[9]
	second.Name = "archive"
	for words, says := range map[string]string{
		"restore":                 "Which one? There are backup, archive. Try /integrity restore --at 2026-11-21T11:00:00Z --check backup.",
		"restore --at 2025-10-25": "Try /integrity restore --at 2025-10-25T00:00:00Z --check backup.",
		"restore --check archive": "To which moment? Give one with --at, in UTC or with its zone. Try /integrity restore --at 2026-11-21T11:00:00Z --check archive.",
	} {
		h := houseOf(t, append(slices.Clone(catalog), second))
		h.runner.Ask(t.Context(), ask("U1ADMIN", "C1", words))
		wantRefused(t, h.ledger.last(t), "bad input", says)
	}
}

func TestHelpOfLocksListsWhatItDoesByItself(t *testing.T) {
	h := newHouse(t)
	h.runner.Ask(t.Context(), ask("U1ALICE", "C1", "help locks"))
	got := reply(t, h.ledger.last(t))
	for _, want := range []string{"Look first: /integrity locks.", "/integrity locks [check | cancel | terminate]", "/integrity locks cancel <pid> … [--check NAME]", "needs locks:terminate. It is for approvers", "/integrity help locks cancel"} {
		if !strings.Contains(got, want) {
			t.Errorf("help does not say %q:\n%s", want, got)
		}
	}
}
