package incidents_test

import (
	"testing"
	"time"

	"github.com/integritybot/integritybot/internal/audit"
)

type args = map[string]string

// fullEvents has every action that belongs to an incident.
func fullEvents(t testing.TB) []audit.Entry {
	alert := audit.Event{Request: "r-a", Actor: audit.Actor{Kind: audit.Alert}, Source: audit.FromAlert, Target: "INC-12", Args: args{"alert": "DataInconsistencyDetected", "fingerprint": "f1"}}
	about := func(e audit.Event, action string, outcome audit.Outcome, why string) audit.Event {
		e.Action, e.Outcome, e.Error = action, outcome, why
		return e
	}
	took := func(e audit.Event, d time.Duration) audit.Event { e.Duration = d; return e }
	inc := "INC-12"
	return recorded(t,
		about(alert, "alert.declare", audit.Done, ""), about(alert, "alert.fired", audit.Done, ""), about(alert, "alert.ended", audit.Done, ""),
		about(alert, "alert.refused", audit.Refused, "No token was given, so the alert was not taken."),
		changed(by("UALICE", "r-0", "incident.declare", inc, args{"words": "orders", "run": "R-1042"}), "", "P1 investigating"),
		by("UBOB", "r-0b", "incident.declare", inc, args{"declared": "open already"}), changed(by("UBOB", "r-4b", "incident.lead", inc, nil), "UBOB", ""),
		changed(by("UALICE", "r-23b", "resend", "N-1046/3", args{"notice": "N-1046", "audience": "support"}), "unclear", "waiting"),
		intended(itself("incident.create-channel", inc, args{"name": "inc-20261121-orders"})),
		ended(itself("incident.create-channel", inc, args{"name": "inc-20261121-orders"}), audit.Failed, "The name is taken by somebody else's channel."),
		intended(itself("incident.create-channel", inc, args{"name": "inc-20261121-orders-2"})),
		itself("incident.create-channel", inc, args{"name": "inc-20261121-orders-2", "channel": "CINC"}),
		ended(itself("incident.furnish", inc, args{"what": "invite"}), audit.Failed, "The user group S0DBA has nobody in it."),
		itself("incident.furnish", inc, args{"what": "topic"}), itself("incident.pin", inc, nil),
		by("UALICE", "r-1", "incident.bind", inc, nil),
		changed(by("UALICE", "r-2", "incident.severity", inc, nil), "P1", "P0"), changed(by("UALICE", "r-3", "incident.status", inc, nil), "investigating", "fixing"),
		changed(by("UALICE", "r-4", "incident.lead", inc, nil), "UBOB", "UALICE"), changed(by("UBOB", "r-5", "incident.claim", inc, nil), "", "UBOB"),
		changed(by("UALICE", "r-6", "incident.cause", inc, nil), "", "Customers are deleted."),
		by("UALICE", "r-6b", "incident.milestone", inc, args{"milestone": "contained", "at": "2026-11-21T12:10:00Z"}),
		by("UBOB", "r-7", "incident.note", inc, args{"words": "Writes are in read-only mode."}),
		changed(by("UBOB", "r-9", "incident.followup", inc, nil), "", "Alert on dead letters"),
		by("UBOB", "r-10", "incident.snooze", inc, args{"audience": "support", "until": "2026-11-21T12:42:00Z"}), by("UCAROL", "r-11", "incident.ack", inc, nil),
		by("UCAROL", "r-12", "incident.step", "R-1043", args{"step": "measure", "did": "begin"}),
		allowed(intended(by("UCAROL", "r-12", "check", "R-1043", args{"words": "orders"}))),
		by("UCAROL", "r-13", "incident.step", inc, args{"step": "cause", "did": "skip", "why": "known"}), by("UCAROL", "r-14", "incident.step", inc, args{"step": "choose", "did": "own", "owner": "UDAVE"}),
		by("UCAROL", "r-15", "incident.step", inc, args{"step": "verify", "did": "reopen"}), itself("incident.step", inc, args{"step": "measure", "did": "done"}),
		by("UCAROL", "r-12", "check.finding", "stock", args{"run": "R-1043", "verdict": "PASS", "rows": "0", "scanned": "50000"}),
		by("UCAROL", "r-12", "check.finding", "order-totals", args{"run": "R-1043", "verdict": "FAIL", "rows": "90", "scanned": "3000000", "money_USD": "1804.10"}),
		ended(by("UCAROL", "r-12", "check.finding", "customer-cache", args{"run": "R-1043", "verdict": "UNKNOWN", "rows": "0", "scanned": "0"}), audit.Failed, "Redis did not answer in 5 s."),
		took(by("UCAROL", "r-12", "check.run", "R-1043", args{"state": "done", "epoch": "1"}), 6200*time.Millisecond),
		ended(by("UDAVE", "r-16", "fix", "", args{"words": "orphaned-orders"}), audit.Refused, "You may look but not fix here."),
		intended(planned(by("UALICE", "r-17", "fix", "P-77", args{"words": "orphaned-orders"}), "P-77", "", "")),
		planned(by("UALICE", "r-17", "plan", "P-77", args{"check": "orphaned-orders", "rows": "30"}), "P-77", "", ""),
		intended(planned(by("UBOB", "r-18", "confirm", "P-77", nil), "P-77", "", "")),
		intended(planned(by("UBOB", "r-18", "fix.apply", "P-77", args{"check": "orphaned-orders"}), "P-77", "", "")),
		planned(by("UBOB", "r-18", "fix.applied", "P-77", args{"state": "applied", "rows": "30", "skipped": "2", "left": "0"}), "P-77", "", ""),
		planned(by("UBOB", "r-18", "fix.verified", "P-77", args{"check": "orphaned-orders", "verdict": "PASS"}), "P-77", "30", "0"),
		planned(by("UBOB", "r-19", "cancel", "P-76", nil), "P-76", "", ""), planned(itself("plan.expired", "P-75", nil), "P-75", "", ""),
		planned(itself("fix.settled", "P-74", args{"state": "partly applied", "rows": "5", "left": "2"}), "P-74", "", ""),
		by("UBOB", "r-20", "stop", "R-1044", nil), intended(by("UBOB", "r-21", "diagnose", "R-1045", args{"words": "orders"})),
		by("UALICE", "r-22", "notify", inc, args{"template": "update", "audiences": "executives,support", "seal": "ab"}),
		by("UALICE", "r-23", "send", "N-1046", args{"notice": "N-1046", "template": "update", "audiences": "executives,support"}),
		by("UALICE", "r-24", "discard", inc, args{"seal": "ab"}),
		ended(itself("notice.delivery", inc, args{"notice": "N-1046", "audience": "executives", "kind": "email", "to": "b…@example.com", "state": "refused"}), audit.Failed, "The mail server refused it: mailbox full."),
		itself("notice.delivery", inc, args{"notice": "N-1046", "audience": "support", "kind": "channel", "to": "CSUPPORT", "state": "delivered"}),
		by("UALICE", "r-25", "escalate", inc, args{"level": "L2", "reason": "payments are affected"}),
		itself("incident.page", inc, args{"level": "L2", "title": "Backend", "people": "UCAROL,UDAVE", "n": "1"}), itself("incident.page-empty", inc, args{"level": "L1", "why": "the user group S0OPS has nobody in it"}),
		itself("incident.page-over", inc, nil), itself("incident.remind", inc, args{"audience": "support", "due": "2026-11-21T12:42:00Z"}),
		by("UALICE", "r-26", "incident.resolve", inc, args{"says": "all repaired", "override": "the cache is rebuilt at night"}),
		itself("incident.soak-check", inc, nil), itself("incident.reopen", inc, args{"check": "order-totals", "why": "12 rows are wrong again"}), itself("incident.soak-over", inc, nil), itself("incident.soak-over", inc, args{"unanswered": "Customer cache"}),
		by("UALICE", "r-27", "incident.merge", inc, args{"into": "INC-13"}), by("UALICE", "r-28", "incident.decline", inc, args{"why": "a test"}),
		changed(by("UALICE", "r-29", "something.new", "X-1", args{"words": "as <!channel> typed"}), "a", "b"),
		by("UALICE", "r-30", "incident.export", inc, nil), by("UALICE", "r-31", "help", "", nil),
	)
}
