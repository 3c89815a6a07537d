package fix_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/fix"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

const digest = "d1"

// policy: alice and rose respond to orders, bob approves them, ann does both,
// carol fixes payments, root may do everything, eve only looks.
var policy = authz.Policy{Roles: []authz.Role{
	{Name: "responders", Users: []string{"ALICE", "ROSE", "ANN"}, Permissions: []string{"check:*", "fix:orders"}},
	{Name: "approvers", Groups: []string{"S1"}, Permissions: []string{"check:*", "approve:orders"}},
	{Name: "payments", Users: []string{"CAROL"}, Permissions: []string{"fix:payments", "approve:payments"}},
	{Name: "admins", Users: []string{"ROOT"}, Permissions: []string{"*"}},
	{Name: "readers", Users: []string{"EVE"}, Permissions: []string{"check:*"}},
}}

func person(name string) authz.Subject {
	s := authz.Subject{User: name}
	if name == "BOB" || name == "ANN" {
		s.Groups = []string{"S1"}
	}
	return s
}

// waiting is P-77, asked by alice, with ten minutes to go.
func waiting() fix.Plan {
	return fix.Plan{
		Order: fix.Order{ID: 77, Check: "orphaned-orders", Domain: "orders", AskedBy: "ALICE", AskedAt: noon},
		State: fix.Waiting, Hash: "h", Digest: digest, Expires: noon.Add(10 * time.Minute),
		Draft: fix.Draft{Does: "delete 30 orders whose customer does not exist", Rows: 30, Total: 148},
	}
}

func second(p *fix.Plan) { p.Second, p.Why = true, "over 500 rows" }

func in(s fix.State) func(*fix.Plan) {
	return func(p *fix.Plan) {
		p.State, p.DecidedBy, p.DecidedAt = s, "ROSE", noon.Add(time.Minute)
	}
}

func TestDecide(t *testing.T) {
	type with = func(*fix.Plan)
	shared := func(c *fix.Clicker) { c.Shared = true }
	guest := func(c *fix.Clicker) { c.Subject.Guest = true }
	robot := func(c *fix.Clicker) { c.Subject.Bot = true }
	left := func(c *fix.Clicker) { c.Subject.Deactivated = true }
	outsider := func(c *fix.Clicker) { c.Subject.Outsider = true }
	nobody := func(c *fix.Clicker) { c.Subject = authz.Subject{} }
	irreversible := func(p *fix.Plan) { p.Draft.Irreversible = "the sequence moves on" }
	taken := func(p *fix.Plan) { p.UndoneBy = 80 }
	gone := "" // the check's declaration
	for _, tt := range []struct {
		name  string
		who   string
		want  fix.Wish
		with  []with
		click func(*fix.Clicker)
		now   time.Time // zero: noon
		// digest of the declaration now; nil: as it was
		digest *string
		to     fix.State // and allowed, unless refused is set
		// refused is a piece of the sentence; empty: it is allowed
		refused string
		rule    string
		anew    bool
	}{
		{name: "asker confirms a small one", who: "ALICE", want: fix.Confirm, to: fix.Approved, rule: "role responders"},
		{name: "colleague confirms", who: "ROSE", want: fix.Confirm, to: fix.Approved, rule: "role responders"},
		{name: "admin confirms", who: "ROOT", want: fix.Confirm, to: fix.Approved, rule: "role admins"},
		{name: "reader confirms", who: "EVE", want: fix.Confirm, refused: "You may look but not fix here: fix:orders is for responders, admins. Ask one of them", rule: "no role grants fix:orders"},
		{name: "fixer of another domain confirms", who: "CAROL", want: fix.Confirm, refused: "fix:orders is for responders", rule: "no role grants fix:orders"},
		{name: "approver alone confirms a small one", who: "BOB", want: fix.Confirm, refused: "fix:orders is for responders", rule: "no role grants fix:orders"},
		{name: "domain that no role has", who: "ALICE", want: fix.Confirm, with: []with{func(p *fix.Plan) { p.Domain = "events" }}, refused: "fix:events is for admins"},
		{name: "guest", who: "ALICE", want: fix.Confirm, click: guest, refused: "Guests may not", rule: "guests may not act"},
		{name: "bot", who: "ROOT", want: fix.Confirm, click: robot, refused: "a person has to ask", rule: "bots may not act"},
		{name: "deactivated", who: "ALICE", want: fix.Confirm, click: left, refused: "deactivated", rule: "deactivated accounts may not act"},
		{name: "outsider", who: "ALICE", want: fix.Confirm, click: outsider, refused: "another organisation", rule: "outsiders may not act"},
		{name: "nobody", who: "ALICE", want: fix.Confirm, click: nobody, refused: "did not say who you are", rule: "unknown person"},
		{name: "guest cancels", who: "ALICE", want: fix.Cancel, click: guest, refused: "Guests may not"},
		{name: "guest stops", who: "ALICE", want: fix.Stop, with: []with{in(fix.Applying)}, click: guest, refused: "Guests may not"},
		{name: "outsider undoes", who: "ROOT", want: fix.Undo, with: []with{in(fix.Applied)}, click: outsider, refused: "another organisation"},
		{name: "shared channel", who: "ROOT", want: fix.Confirm, click: shared, refused: "shared with another organisation", rule: "shared channel"},
		{name: "undo in a shared channel", who: "ROOT", want: fix.Undo, with: []with{in(fix.Applied)}, click: shared, refused: "shared with another organisation", rule: "shared channel"},
		{name: "cancel in a channel that became shared", who: "ALICE", want: fix.Cancel, click: shared, to: fix.Cancelled},
		{name: "stop in a channel that became shared", who: "ALICE", want: fix.Stop, with: []with{in(fix.Applying)}, click: shared},

		{name: "approver approves a large one", who: "BOB", want: fix.Confirm, with: []with{second}, to: fix.Approved, rule: "role approvers"},
		{name: "who does both approves for another", who: "ANN", want: fix.Confirm, with: []with{second}, to: fix.Approved, rule: "role approvers"},
		{name: "admin approves", who: "ROOT", want: fix.Confirm, with: []with{second}, to: fix.Approved, rule: "role admins"},
		{name: "asker approves a large one", who: "ALICE", want: fix.Confirm, with: []with{second}, refused: "You asked for P-77 yourself; someone else in approvers or admins has to approve it.", rule: "self-approval"},
		{name: "asker who may approve", who: "ANN", want: fix.Confirm, with: []with{second, func(p *fix.Plan) { p.AskedBy = "ANN" }}, refused: "You asked for P-77 yourself", rule: "self-approval"},
		{name: "admin approves their own", who: "ROOT", want: fix.Confirm, with: []with{second, func(p *fix.Plan) { p.AskedBy = "ROOT" }}, refused: "You asked for P-77 yourself", rule: "self-approval"},
		{name: "fixer approves without the right", who: "ROSE", want: fix.Confirm, with: []with{second}, refused: "P-77 needs a second person (over 500 rows): approve:orders is for approvers, admins.", rule: "no role grants approve:orders"},
		{name: "reader approves", who: "EVE", want: fix.Confirm, with: []with{second}, refused: "approve:orders is for approvers", rule: "no role grants approve:orders"},
		{name: "approver of another domain", who: "CAROL", want: fix.Confirm, with: []with{second}, refused: "approve:orders is for approvers"},

		{name: "the last moment", who: "ALICE", want: fix.Confirm, now: noon.Add(10*time.Minute - 1), to: fix.Approved},
		{name: "expired", who: "ALICE", want: fix.Confirm, now: noon.Add(10 * time.Minute), to: fix.Expired, refused: "P-77 expired 2026-11-21 12:10 UTC and nothing was done", rule: "expired", anew: true},
		{name: "someone else's expired plan", who: "ROSE", want: fix.Confirm, now: noon.Add(time.Hour), to: fix.Expired, refused: "Make a new preview", anew: true},
		{name: "expired and one's own large one", who: "ALICE", want: fix.Confirm, with: []with{second}, now: noon.Add(time.Hour), to: fix.Expired, refused: "expired", anew: true},
		{name: "expired, for a reader", who: "EVE", want: fix.Confirm, now: noon.Add(time.Hour), refused: "fix:orders is for"},
		{name: "without an expiry", who: "ALICE", want: fix.Confirm, with: []with{func(p *fix.Plan) { p.Expires = time.Time{} }}, to: fix.Expired, refused: "expired", anew: true},
		{name: "declared differently since", who: "ALICE", want: fix.Confirm, digest: ptr("d2"), to: fix.Refused, refused: "declared differently since", rule: "declared differently since", anew: true},
		{name: "large and declared differently", who: "BOB", want: fix.Confirm, with: []with{second}, digest: ptr("d2"), to: fix.Refused, refused: "declared differently since", anew: true},
		{name: "check gone", who: "ALICE", want: fix.Confirm, digest: &gone, to: fix.Refused, refused: "no longer in the config", rule: "check gone"},
		{name: "check gone and the plan has no digest", who: "ALICE", want: fix.Confirm, with: []with{func(p *fix.Plan) { p.Digest = "" }}, digest: &gone, to: fix.Refused, refused: "no longer in the config"},

		{name: "second click", who: "ALICE", want: fix.Confirm, with: []with{in(fix.Approved)}, refused: "P-77 was confirmed by @ROSE 2026-11-21 12:01 UTC already and is under way. To stop it: stop P-77", rule: "decided before: approved"},
		{name: "confirm while applying", who: "ALICE", want: fix.Confirm, with: []with{in(fix.Applying)}, refused: "confirmed by @ROSE"},
		{name: "confirm after it was applied", who: "ALICE", want: fix.Confirm, with: []with{in(fix.Applied)}, refused: "has been applied; its message says what was done"},
		{name: "confirm after it was partly applied", who: "ALICE", want: fix.Confirm, with: []with{in(fix.PartlyApplied)}, refused: "applied in part"},
		{name: "confirm after it failed", who: "ALICE", want: fix.Confirm, with: []with{in(fix.Failed)}, refused: "failed and changed nothing", anew: true},
		{name: "confirm after it was cancelled", who: "ALICE", want: fix.Confirm, with: []with{in(fix.Cancelled)}, refused: "cancelled by @ROSE 2026-11-21 12:01 UTC; nothing was done", anew: true},
		{name: "confirm after it expired", who: "ALICE", want: fix.Confirm, with: []with{in(fix.Expired)}, refused: "P-77 expired", anew: true},
		{name: "confirm after it was refused", who: "ALICE", want: fix.Confirm, with: []with{in(fix.Refused)}, refused: "was refused", anew: true},
		{name: "confirm after it was undone", who: "ALICE", want: fix.Confirm, with: []with{in(fix.Undone), taken}, refused: "taken back by P-80"},
		{name: "confirm while it is worked out", who: "ALICE", want: fix.Confirm, with: []with{in(fix.Planning)}, refused: "still being worked out"},
		{name: "one's own large one, decided", who: "ALICE", want: fix.Confirm, with: []with{second, in(fix.Approved)}, refused: "confirmed by @ROSE"},

		{name: "asker cancels", who: "ALICE", want: fix.Cancel, to: fix.Cancelled, rule: "role responders"},
		{name: "asker without rights by now cancels", who: "EVE", want: fix.Cancel, with: []with{func(p *fix.Plan) { p.AskedBy = "EVE" }}, to: fix.Cancelled, rule: "asked for it"},
		{name: "colleague cancels", who: "ROSE", want: fix.Cancel, to: fix.Cancelled},
		{name: "approver declines", who: "BOB", want: fix.Cancel, with: []with{second}, to: fix.Cancelled, rule: "role approvers"},
		{name: "approver cancels a small one", who: "BOB", want: fix.Cancel, refused: "fix:orders is for"},
		{name: "reader cancels", who: "EVE", want: fix.Cancel, refused: "fix:orders is for"},
		{name: "cancel what expired", who: "ALICE", want: fix.Cancel, now: noon.Add(time.Hour), to: fix.Expired, refused: "expired 2026-11-21 12:10 UTC already", anew: true},
		{name: "cancel what is confirmed", who: "ALICE", want: fix.Cancel, with: []with{in(fix.Approved)}, refused: "To stop it: stop P-77"},
		{name: "cancel twice", who: "ALICE", want: fix.Cancel, with: []with{in(fix.Cancelled)}, refused: "cancelled by @ROSE", anew: true},
		{name: "cancel while it is worked out", who: "ALICE", want: fix.Cancel, with: []with{in(fix.Planning)}, refused: "Cancel it when its preview is there"},
		{name: "cancel although the check is gone", who: "ALICE", want: fix.Cancel, digest: &gone, to: fix.Cancelled},

		{name: "stop while applying", who: "ALICE", want: fix.Stop, with: []with{in(fix.Applying)}},
		{name: "stop before it begins", who: "ROOT", want: fix.Stop, with: []with{in(fix.Approved)}},
		{name: "whoever confirmed stops", who: "DAVE", want: fix.Stop, with: []with{in(fix.Applying), func(p *fix.Plan) { p.DecidedBy = "DAVE" }}, rule: "decided it"},
		{name: "reader stops", who: "EVE", want: fix.Stop, with: []with{in(fix.Applying)}, refused: "fix:orders is for"},
		{name: "stop what waits", who: "ALICE", want: fix.Stop, refused: "Cancel it if it should not be"},
		{name: "stop what is over", who: "ALICE", want: fix.Stop, with: []with{in(fix.Applied)}, refused: "has been applied"},

		{name: "undo", who: "ROSE", want: fix.Undo, with: []with{in(fix.Applied)}, rule: "role responders"},
		{name: "undo in part", who: "ROSE", want: fix.Undo, with: []with{in(fix.PartlyApplied)}},
		{name: "undo an undo", who: "ALICE", want: fix.Undo, with: []with{in(fix.Applied), func(p *fix.Plan) { p.Undoes = 70 }}},
		{name: "undo although declared differently", who: "ALICE", want: fix.Undo, with: []with{in(fix.Applied)}, digest: ptr("d2")},
		{name: "undo without the check", who: "ALICE", want: fix.Undo, with: []with{in(fix.Applied)}, digest: &gone, refused: "no longer in the config", rule: "check gone"},
		{name: "reader undoes", who: "EVE", want: fix.Undo, with: []with{in(fix.Applied)}, refused: "fix:orders is for"},
		{name: "approver alone undoes", who: "BOB", want: fix.Undo, with: []with{in(fix.Applied), second}, refused: "fix:orders is for"},
		{name: "undo the irreversible that stopped half-way", who: "ALICE", want: fix.Undo, with: []with{in(fix.PartlyApplied), irreversible}, refused: "P-77 cannot be undone: the sequence moves on.", rule: "irreversible"},
		{name: "undo the irreversible", who: "ALICE", want: fix.Undo, with: []with{in(fix.Applied), irreversible}, refused: "P-77 cannot be undone: the sequence moves on.", rule: "irreversible"},
		{name: "undo twice", who: "ALICE", want: fix.Undo, with: []with{in(fix.Undone), taken}, refused: "P-77 was taken back by P-80 already", rule: "undone before"},
		{name: "undo what waits", who: "ALICE", want: fix.Undo, refused: "has changed nothing", rule: "not applied"},
		{name: "undo what is under way", who: "ALICE", want: fix.Undo, with: []with{in(fix.Applying)}, refused: "Stop it first (stop P-77)"},
		{name: "undo what failed", who: "ALICE", want: fix.Undo, with: []with{in(fix.Failed)}, refused: "has changed nothing"},
		{name: "undo what was cancelled", who: "ALICE", want: fix.Undo, with: []with{in(fix.Cancelled)}, refused: "has changed nothing"},
		{name: "an unknown wish", who: "ROOT", want: "burn", refused: `"burn"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := waiting()
			for _, change := range tt.with {
				change(&p)
			}
			c := fix.Clicker{Subject: person(tt.who)}
			if tt.click != nil {
				tt.click(&c)
			}
			now, d := noon, digest
			if !tt.now.IsZero() {
				now = tt.now
			}
			if tt.digest != nil {
				d = *tt.digest
			}
			v := fix.Decide(p, tt.want, c, policy, d, now)
			if v.Allowed != (tt.refused == "") || v.To != tt.to || v.New != tt.anew {
				t.Errorf("allowed %v, to %q, new %v: %s", v.Allowed, v.To, v.New, v.Sentence)
			}
			if !strings.Contains(v.Sentence, tt.refused) || v.Sentence != v.Says.String() {
				t.Errorf("says %q, want %q in it", v.Sentence, tt.refused)
			}
			if v.Rule == "" || tt.rule != "" && v.Rule != tt.rule {
				t.Errorf("rule %q, want %q", v.Rule, tt.rule)
			}
			if (v.To == fix.Refused) != (v.Reason != "") {
				t.Errorf("to %q because of %q", v.To, v.Reason)
			}
		})
	}
}

func ptr(s string) *string { return &s }

// TestWhateverIsAskedTheGuardHolds: over all combinations, nothing is approved
// that may not be, every refusal has words, and every move is one that a plan may
// make.
func TestWhateverIsAskedTheGuardHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := waiting()
		p.State = rapid.SampledFrom(states).Draw(t, "state")
		p.AskedBy = rapid.SampledFrom([]string{"ALICE", "BOB", "ANN", "ROOT", "EVE"}).Draw(t, "asker")
		p.Second = rapid.Bool().Draw(t, "second")
		p.Draft.Irreversible = rapid.SampledFrom([]string{"", "it is not"}).Draw(t, "irreversible")
		p.Digest = rapid.SampledFrom([]string{digest, ""}).Draw(t, "old digest")
		c := fix.Clicker{Subject: person(rapid.SampledFrom([]string{"ALICE", "ROSE", "BOB", "ANN", "CAROL", "ROOT", "EVE", ""}).Draw(t, "who")), Shared: rapid.Bool().Draw(t, "shared")}
		c.Subject.Guest = rapid.SampledFrom([]bool{false, false, false, true}).Draw(t, "guest")
		want := rapid.SampledFrom([]fix.Wish{fix.Confirm, fix.Cancel, fix.Stop, fix.Undo}).Draw(t, "wish")
		now := noon.Add(time.Duration(rapid.IntRange(0, 20).Draw(t, "minutes")) * time.Minute)
		d := rapid.SampledFrom([]string{digest, "d2", ""}).Draw(t, "digest")
		v := fix.Decide(p, want, c, policy, d, now)
		if !v.Allowed && v.Sentence == "" || v.Rule == "" {
			t.Errorf("no words: %+v", v)
		}
		if v.To != "" {
			if err := fix.May(p.State, v.To); err != nil {
				t.Error(err)
			}
		}
		if v.Allowed && (c.Subject.Guest || c.Subject.User == "") {
			t.Error("a barred person is allowed something")
		}
		if !v.Allowed || want != fix.Confirm {
			return
		}
		may := func(need authz.Permission) bool { return policy.Decide(c.Subject, need).Allowed }
		switch {
		case v.To != fix.Approved, p.State != fix.Waiting, !now.Before(p.Expires), d != p.Digest, d == "", c.Shared:
			t.Errorf("confirmed: %+v", v)
		case p.Second && (c.Subject.User == p.AskedBy || !may("approve:orders")):
			t.Error("approved by somebody who may not")
		case !p.Second && !may("fix:orders"):
			t.Error("confirmed by somebody who may not")
		}
	})
}

func TestStillMay(t *testing.T) {
	plan := func(decider string, with ...func(*fix.Plan)) fix.Plan {
		p := waiting()
		p.State, p.DecidedBy = fix.Approved, decider
		for _, change := range with {
			change(&p)
		}
		return p
	}
	gone := authz.Subject{User: "ALICE", Deactivated: true}
	for _, tt := range []struct {
		name           string
		plan           fix.Plan
		asker, decider authz.Subject
		digest         string
		way            fix.Way
		refused        string
	}{
		{name: "a way of its own", plan: plan("ROSE"), asker: person("ALICE"), decider: person("ROSE"), digest: digest, way: fix.Way{Right: "fix:orders"}},
		{name: "the way's right taken away", plan: plan("BOB", second), asker: person("ALICE"), decider: person("BOB"), digest: digest, way: fix.Way{Right: "writes:stop"}, refused: "Whoever asked for P-77 lost the right to (writes:stop)"},
		{name: "the way's asker not found", plan: plan("ROSE"), asker: authz.Subject{}, decider: person("ROSE"), digest: digest, way: fix.Way{Right: "fix:orders"}, refused: "lost the right to (fix:orders)"},
		{name: "as it was", plan: plan("ROSE"), asker: person("ALICE"), decider: person("ROSE"), digest: digest},
		{name: "one's own small one", plan: plan("ALICE"), asker: person("ALICE"), decider: person("ALICE"), digest: digest},
		{name: "right taken away", plan: plan("EVE"), asker: person("ALICE"), decider: person("EVE"), digest: digest, refused: "lost the right to (fix:orders)"},
		{name: "deactivated since", plan: plan("ALICE"), asker: gone, decider: gone, digest: digest, refused: "lost the right"},
		{name: "asker gone, small", plan: plan("ROSE"), asker: gone, decider: person("ROSE"), digest: digest},
		{name: "not who decided", plan: plan("ROSE"), asker: person("ALICE"), decider: person("ROOT"), digest: digest, refused: "could not be found out"},
		{name: "declared differently", plan: plan("ROSE"), asker: person("ALICE"), decider: person("ROSE"), digest: "d2", refused: "declared differently"},
		{name: "check gone", plan: plan("ROSE"), asker: person("ALICE"), decider: person("ROSE"), refused: "no longer in the config"},
		{name: "two people", plan: plan("BOB", second), asker: person("ALICE"), decider: person("BOB"), digest: digest},
		{name: "approval taken away", plan: plan("ROSE", second), asker: person("ALICE"), decider: person("ROSE"), digest: digest, refused: "lost the right to (approve:orders)"},
		{name: "self-approval", plan: plan("ALICE", second), asker: person("ALICE"), decider: person("ALICE"), digest: digest, refused: "it takes two people"},
		{name: "self-approval by an admin", plan: plan("ROOT", second, func(p *fix.Plan) { p.AskedBy = "ROOT" }), asker: person("ROOT"), decider: person("ROOT"), digest: digest, refused: "it takes two people"},
		{name: "asker gone, large", plan: plan("BOB", second), asker: gone, decider: person("BOB"), digest: digest, refused: "Whoever asked for P-77 lost the right"},
		{name: "asker not found, large", plan: plan("BOB", second), asker: authz.Subject{}, decider: person("BOB"), digest: digest, refused: "could not be found out"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rule, sentence, ok := fix.StillMay(tt.plan, tt.asker, tt.decider, policy, tt.digest, tt.way)
			if ok != (tt.refused == "") || rule == "" || !strings.Contains(sentence, tt.refused) || ok != (sentence == "") {
				t.Errorf("%v, rule %q: %s", ok, rule, sentence)
			}
		})
	}
}
