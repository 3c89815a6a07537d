package incidents_test

import (
	"strings"
	"testing"
	"time"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/check"
)

// allPassing is orders with every check passing.
func allPassing() incidents.View {
	v := orders()
	for n := range v.Checks {
		v.Checks[n].Last = passed(4, 1000, noticeNow.Add(-time.Minute))
	}
	return v
}

// TestAnAllClearIsSentOnlyWhileItIsTrue: what was previewed is sent byte for byte, so it
// may not be sent when the facts have changed.
func TestAnAllClearIsSentOnlyWhileItIsTrue(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*incidents.View)
		want   string // in the refusal; empty: it may be sent
	}{
		{"nothing changed", func(*incidents.View) {}, ""},
		{"the checks passed again", func(v *incidents.View) { v.Checks[0].Last.Run++ }, ""},
		{"a check fails now", func(v *incidents.View) { v.Checks[0].Last = failed(5, 3, 1000, "", noticeNow) }, "1 check of INC-12 found something wrong"},
		{"a check did not answer", func(v *incidents.View) { v.Checks[0].Last.Verdict = check.Unknown }, "did not answer"},
		{"it was opened again, and the checks pass", func(v *incidents.View) {
			v.Incident.Status, v.Incident.Said = incidents.Investigating, map[string]time.Time{"status": noticeNow.Add(time.Minute)}
		}, "INC-12 is open: investigating"},
		{"it was resolved all the same while a check fails", func(v *incidents.View) {
			v.Checks[0].Last = failed(5, 3, 1000, "", noticeNow)
			v.Incident.Status, v.Incident.End = incidents.Resolved, &incidents.End{Override: "the rest are test orders"}
		}, "other numbers"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := allPassing()
			n := compose(t, v, incidents.Draft{Template: "all-clear", Audiences: []string{"executives"}})
			tt.change(&v)
			refusal(t, incidents.StillTrue(v, n), tt.want)
		})
	}
}

// refusal is an error that says so to people; want empty: there is none.
func refusal(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("refused: %v", err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("%v, want %q", err, want)
	}
}

func TestNoChangeIsSaidOnlyWhereNothingChanged(t *testing.T) {
	after := noticeNow.Add(-time.Minute)
	for _, tt := range []struct {
		name, audience string
		change         func(*incidents.View)
		want           string
	}{
		{"nothing changed", "executives", func(*incidents.View) {}, ""},
		{"it was told nothing yet", "support", func(*incidents.View) {}, "Support was told nothing yet"},
		{"other numbers", "executives", func(v *incidents.View) { v.Checks[0].Last.Rows = 25 }, "133 rows wrong then, 128 now"},
		{"a check that is not added up gave another answer", "executives", func(v *incidents.View) { v.Checks[3].Last = failed(5, 1, 2, "", after) }, "other answers"},
		{"a check does not answer", "executives", func(v *incidents.View) { v.Checks[0].Last.Verdict = check.Unknown }, "103 now"},
		{"a repair was approved", "executives", func(v *incidents.View) { v.Repairs[2].Decided = after }, "see the timeline"},
		{"it is contained", "executives", func(v *incidents.View) { v.Incident.Milestones.Contained = after }, "see the timeline"},
		{"the status was changed", "executives", func(v *incidents.View) { v.Incident.Said = map[string]time.Time{"status": after} }, "see the timeline"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := orders()
			v.Notices[0].At, v.Notices[0].Rows = noticeNow.Add(-5*time.Minute), map[string]int64{"orphaned-orders": 30, "order-totals": 60, "order-payments": 43, "writers": 0}
			tt.change(&v)
			refusal(t, incidents.NoChange(v, noticeWords(), tt.audience), tt.want)
		})
	}
}

// TestWhenPeopleWereToldIsWhenItWasSent: a preview may be half an hour old.
func TestWhenPeopleWereToldIsWhenItWasSent(t *testing.T) {
	v := fullView(t)
	v.Notices[1].SentAt = v.Notices[1].At.Add(25 * time.Minute)
	sent := v.Notices[1].SentAt.UTC().Format("15:04")
	markdown, data := exported(t, v)
	for name, text := range map[string]string{
		"summary": incidents.Summary(v, ourWords()).PlainText(), "message": incidents.SentMessage(v.Notices[1], ourWords()).PlainText(), "export": markdown, "JSON": data,
	} {
		if !strings.Contains(text, sent) {
			t.Errorf("%s does not say %s:\n%s", name, sent, text)
		}
	}
}

// TestNoAddressIsShown: servers repeat addresses in what they answer.
func TestNoAddressIsShown(t *testing.T) {
	const says = "The mail server refused it: 550 5.1.1 <ceo.office@example.com>: no such user, ask postmaster@example.com."
	v := fullView(t)
	v.Notices[1].Deliveries[0].Reason = says
	v.Events = append(recorded(t, ended(itself("notice.delivery", "N-1046/1", map[string]string{"notice": "N-1046", "kind": "email", "to": "c…@example.com", "state": "refused"}), "failed", says)), v.Events...)
	markdown, data := exported(t, v)
	for name, text := range map[string]string{
		"summary": incidents.Summary(v, ourWords()).PlainText(), "message": incidents.SentMessage(v.Notices[1], ourWords()).PlainText(),
		"timeline": incidents.TimelineMessage(v, ourWords()).PlainText(), "export": markdown, "JSON": data,
	} {
		if strings.Contains(text, "ceo.office@") || strings.Contains(text, "postmaster@") {
			t.Errorf("%s shows an address:\n%s", name, text)
		}
	}
	if !strings.Contains(data, "550 5.1.1 <c…@example.com>: no such user, ask p…@example.com.") {
		t.Errorf("the reason lost more than its addresses:\n%s", data)
	}
}

// TestAnAllClearAfterAnOverrideSaysSoFirst: its subject is all that a phone shows.
func TestAnAllClearAfterAnOverrideSaysSoFirst(t *testing.T) {
	v := orders()
	v.Incident.Status, v.Incident.End = incidents.Resolved, &incidents.End{Override: "the rest are test orders"}
	n := compose(t, v, incidents.Draft{Template: "all-clear", Audiences: everybody()})
	for _, l := range n.Letters {
		if !strings.HasSuffix(l.Subject, "closed, not all clear") || strings.Contains(l.Body, "is over") {
			t.Errorf("%s: %s\n%s", l.Audience, l.Subject, l.Body)
		}
	}
}
