package incidents_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/check"
)

// marked is a view whose every free text is the marker: whatever an audience reads of it
// has leaked. The texts that come from the config, and ids and names that the bot made,
// are not free.
func marked(marker string) incidents.View {
	v := orders()
	v.Checks[0].Last.Verdict, v.Checks[1].Last.Verdict = check.Fail, check.Unknown
	i := &v.Incident
	i.Key, i.Domain, i.Title, i.Rule, i.Cause, i.Request = marker, marker, marker, marker, marker, marker
	i.FollowUps, i.Links = []string{marker}, map[string]string{marker: marker}
	i.Alerts = map[string]incidents.Alert{marker: {Name: marker, URL: marker, Firing: true}}
	i.Room.Trouble = map[string]string{"invite": marker}
	i.Escalation = &incidents.Escalation{Reason: marker, Levels: []incidents.Called{{Title: marker, Empty: marker}}}
	i.Steps = []incidents.Step{{Name: "measure", Title: marker, Note: marker}}
	i.End = &incidents.End{Says: marker, Override: marker}
	for n := range v.Checks {
		v.Checks[n].First.Reason, v.Checks[n].Last.Reason, v.Checks[n].Failed.Reason = marker, marker, marker
	}
	for n := range v.Repairs {
		r := &v.Repairs[n]
		r.Does, r.Target, r.Mode, r.AskedBy, r.DecidedBy, r.Ref = marker, marker, marker, marker, marker, marker
	}
	v.Notices[0].Fields, v.Notices[0].By = map[string]string{"says": marker}, marker
	for n := range v.Notices[0].Letters {
		v.Notices[0].Letters[n].Body, v.Notices[0].Letters[n].Subject, v.Notices[0].Letters[n].Not = marker, marker, []string{marker}
	}
	v.Notices[0].Deliveries = []incidents.Delivery{{Reason: marker}}
	v.Entries = []incidents.Entry{{Key: marker, Text: marker, Author: marker, Files: []string{marker}, Link: marker}}
	v.Events = []audit.Entry{{Event: audit.Event{Action: marker, Target: marker, Args: map[string]string{marker: marker}, Error: marker, Before: marker, After: marker}}}
	v.Runs = []incidents.Underway{{Title: marker, By: marker}}
	return v
}

func TestNoRowDataReachAnAudience(t *testing.T) {
	const marker, own = "TAINTED<!channel>o100000", "These are the poster's own words."
	v := marked(marker)
	w := noticeWords()
	for n := range w.Rules.Audiences { // all may see everything but the cause, which people wrote for them
		if w.Rules.Audiences[n].Shows = w.Rules.Audiences[0].Shows; n > 0 {
			w.Rules.Audiences[n].Shows = []string{incidents.ShowNumbers, incidents.ShowMoney, incidents.ShowChecks, incidents.ShowPlaces, incidents.ShowPeople, incidents.ShowLinks}
		}
	}
	w.Rules.Audiences = w.Rules.Audiences[1:]
	for _, template := range incidents.Templates() {
		t.Run(template, func(t *testing.T) {
			n, err := incidents.Compose(v, w, incidents.Draft{
				Template: template, Audiences: everybody()[1:], At: noticeNow, Fields: map[string]string{"says": own, "repair": "soon"},
			}, inGroup)
			if err != nil {
				t.Fatal(err)
			}
			for _, l := range n.Letters {
				if strings.Contains(l.Text(), "TAINTED") {
					t.Errorf("%s reads what is not for it:\n%s", l.Audience, l.Text())
				}
				if !strings.Contains(l.Body, own) {
					t.Errorf("%s does not read the poster's words:\n%s", l.Audience, l.Text())
				}
			}
		})
	}
}

func TestTheCauseIsShownOnlyToThoseWhoMaySeeIt(t *testing.T) {
	n := compose(t, orders(), incidents.Draft{Template: "update", Audiences: everybody()})
	for _, l := range n.Letters {
		if got, want := strings.Contains(l.Body, "deploy 41"), l.Audience == "responders"; got != want {
			t.Errorf("%s: the cause is shown: %t, want %t", l.Audience, got, want)
		}
	}
}

func TestWhatIsMissingOrNotSoIsRefusedWithAnExample(t *testing.T) {
	unanswered := orders()
	unanswered.Checks = unanswered.Checks[:1]
	unanswered.Checks[0].Last.Verdict = check.Unknown
	noOne := noticeWords()
	noOne.Rules.Audiences = nil
	for name, tt := range map[string]struct {
		view     incidents.View
		words    incidents.Wording
		draft    incidents.Draft
		sentence string
		try      string
	}{
		"no such notice":          {orders(), noticeWords(), incidents.Draft{Template: "party"}, `There is no notice called "party"; there are opened, update, fix-applied, all-clear, postponed.`, "notify update INC-12 --says"},
		"no such audience":        {orders(), noticeWords(), incidents.Draft{Template: "update", Audiences: []string{"support", "pres"}}, `There is no audience called "pres"; there are responders, executives, support, consumers, customers-draft.`, "notify update --audience responders"},
		"no such audience, field": {orders(), noticeWords(), incidents.Draft{Template: "update", Fields: map[string]string{"audience": "support,pres"}}, `There is no audience called "pres"`, "notify update"},
		"nobody to tell":          {orders(), noOne, incidents.Draft{Template: "update"}, "The config names no audience", ""},
		"update of nothing":       {justDeclared(), noticeWords(), incidents.Draft{Template: "update"}, "say with --says what people should know", "notify update INC-12 --says 'We know"},
		"fix that nobody applied": {justDeclared(), noticeWords(), incidents.Draft{Template: "fix-applied"}, "No repair of INC-12 was applied by me", "notify fix-applied INC-12 --says"},
		"postponed, no reason":    {orders(), noticeWords(), incidents.Draft{Template: "postponed", Fields: map[string]string{"repair": "at 02:00"}}, "--says why it is postponed", "notify postponed INC-12 --says"},
		"postponed, until when":   {orders(), noticeWords(), incidents.Draft{Template: "postponed", Fields: map[string]string{"says": "busy"}}, "--repair when it is expected", "notify postponed INC-12 --says"},
		"all-clear while wrong":   {orders(), noticeWords(), incidents.Draft{Template: "all-clear", Fields: map[string]string{"says": "all is well"}}, "No all-clear yet: 3 checks of INC-12 found something wrong", "check orders"},
		"all-clear while unknown": {unanswered, noticeWords(), incidents.Draft{Template: "all-clear", Fields: map[string]string{"says": "all is well"}}, "No all-clear yet: 1 check of INC-12 did not answer", "check orders"},
		"all-clear of nothing":    {justDeclared(), noticeWords(), incidents.Draft{Template: "all-clear"}, "nothing proves that all is well", "check orders"},
		"next is no time":         {orders(), noticeWords(), incidents.Draft{Template: "update", Fields: map[string]string{"next": "soon"}}, `"soon" is no time until the next update`, "--next 1h"},
		"next is long ago":        {orders(), noticeWords(), incidents.Draft{Template: "update", Fields: map[string]string{"next": "-1h"}}, `"-1h" is no time`, "--next 1h"},
		"confidence":              {orders(), noticeWords(), incidents.Draft{Template: "update", Fields: map[string]string{"confidence": "very"}}, "The confidence is one of low, medium, high.", "notify update"},
		"too many words":          {orders(), noticeWords(), incidents.Draft{Template: "update", Fields: map[string]string{"says": strings.Repeat("ü", 2001)}}, "What you say has 2001 characters; at most 2000", "notify update"},
		"repair of two lines":     {orders(), noticeWords(), incidents.Draft{Template: "update", Fields: map[string]string{"repair": "a\nb"}}, "one line of at most 200", "notify update"},
	} {
		t.Run(name, func(t *testing.T) {
			tt.draft.At = noticeNow
			_, err := incidents.Compose(tt.view, tt.words, tt.draft, inGroup)
			var refusal *incidents.Refusal
			if !errors.As(err, &refusal) {
				t.Fatalf("got %v, want a refusal", err)
			}
			if !strings.Contains(refusal.Sentence, tt.sentence) || !strings.Contains(refusal.Try, tt.try) {
				t.Errorf("got %q, try %q;\nwant %q, try %q", refusal.Sentence, refusal.Try, tt.sentence, tt.try)
			}
		})
	}
}

func TestWhoIsToldWhenNobodyIsNamed(t *testing.T) {
	for template, want := range map[string][]string{"opened": {"responders", "executives", "support", "consumers"}, "update": {"responders", "executives", "support"}} {
		var got []string
		for _, l := range compose(t, orders(), incidents.Draft{Template: template}).Letters {
			got = append(got, l.Audience)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: -want +got:\n%s", template, diff)
		}
	}
}

func TestAGroupThatCannotBeReadKeepsNobodyElseFromBeingTold(t *testing.T) {
	w := noticeWords()
	w.Rules.Audiences = []incidents.Audience{{Name: "all", Title: "All", To: []incidents.Destination{
		{Kind: incidents.ToGroup, To: "S0BROKEN"},
		{Kind: incidents.ToGroup, To: "S0EXEC"},
		{Kind: incidents.ToPerson, To: "U2"},
		{Kind: incidents.ToPerson, To: "U3"},
		{Kind: incidents.ToEmail, To: "a@example.com"},
		{Kind: incidents.ToEmail, To: "A@example.com"},
	}}}
	n, err := incidents.Compose(orders(), w, incidents.Draft{Template: "opened", Audiences: []string{"all"}, At: noticeNow}, inGroup)
	if err != nil {
		t.Fatal(err)
	}
	want := []incidents.Destination{
		{Kind: incidents.ToPerson, To: "U1", Via: "S0EXEC"}, {Kind: incidents.ToPerson, To: "U2", Via: "S0EXEC"}, {Kind: incidents.ToPerson, To: "U3"}, {Kind: incidents.ToEmail, To: "a@example.com"},
	}
	if diff := cmp.Diff(want, n.Letters[0].To); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"Slack did not say who is in the user group S0BROKEN."}, n.Letters[0].Not); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	var numbers []int
	for _, d := range n.Outgoing() {
		numbers = append(numbers, d.N)
	}
	if diff := cmp.Diff([]int{1, 2, 3, 4}, numbers); diff != "" {
		t.Errorf("deliveries: -want +got:\n%s", diff)
	}
}

func TestWhenTheNextUpdateIs(t *testing.T) {
	at := func(hour, minute int) time.Time { return time.Date(2026, 11, 21, hour, minute, 0, 0, time.UTC) }
	for name, tt := range map[string]struct {
		draft incidents.Draft
		want  map[string]time.Time
	}{
		"as the clocks say":     {incidents.Draft{Template: "update"}, map[string]time.Time{"responders": at(13, 0), "executives": at(13, 30), "support": at(13, 0)}},
		"as the poster says":    {incidents.Draft{Template: "update", Next: 15 * time.Minute}, map[string]time.Time{"responders": at(12, 45), "executives": at(12, 45), "support": at(12, 45)}},
		"as the form says":      {incidents.Draft{Template: "update", Fields: map[string]string{"next": "2h"}}, map[string]time.Time{"responders": at(14, 30), "executives": at(14, 30), "support": at(14, 30)}},
		"none":                  {incidents.Draft{Template: "update", Fields: map[string]string{"next": "none"}}, map[string]time.Time{"responders": {}, "executives": {}, "support": {}}},
		"never, by the config":  {incidents.Draft{Template: "update", Audiences: []string{"hands-off"}}, map[string]time.Time{"hands-off": {}}},
		"none behind all-clear": {incidents.Draft{Template: "all-clear"}, map[string]time.Time{"responders": {}, "executives": {}, "support": {}}},
	} {
		t.Run(name, func(t *testing.T) {
			v := orders()
			if tt.draft.Template == "all-clear" {
				v = repaired()
			}
			w := noticeWords()
			w.Rules.Audiences = append(w.Rules.Audiences, incidents.Audience{
				Name: "hands-off", Title: "Hands off", To: []incidents.Destination{{Kind: incidents.ToPerson, To: "U9"}}, Updates: map[incidents.Severity]time.Duration{incidents.P0: 0},
			})
			tt.draft.At = noticeNow
			n, err := incidents.Compose(v, w, tt.draft, inGroup)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, n.Next); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			for _, l := range n.Letters {
				said := "No further update is planned."
				if name == "never, by the config" {
					said = "The next update comes when there is news."
				}
				if next := n.Next[l.Audience]; !next.IsZero() {
					said = "Next update by " + next.Format("15:04 UTC on 2 January 2006")
				}
				if !strings.Contains(l.Body, said) {
					t.Errorf("%s does not say %q:\n%s", l.Audience, said, l.Body)
				}
			}
		})
	}
}

func TestAChangedByteChangesTheSeal(t *testing.T) {
	base := compose(t, orders(), incidents.Draft{Template: "update", Audiences: everybody()})
	if again := compose(t, orders(), incidents.Draft{Template: "update", Audiences: everybody()}); again.Seal() != base.Seal() {
		t.Fatal("the same notice has two seals")
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringN(0, 40, -1)
		draw := func(label string) incidents.Notice {
			n := incidents.Notice{Incident: rapid.Int64Range(1, 3).Draw(t, label+" incident"), Template: text.Draw(t, label+" template"), Number: rapid.IntRange(1, 2).Draw(t, label+" number")}
			for range rapid.IntRange(0, 3).Draw(t, label+" letters") {
				l := incidents.Letter{Audience: text.Draw(t, "audience"), Title: text.Draw(t, "title"), Subject: text.Draw(t, "subject"), Body: string(rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "body"))}
				for range rapid.IntRange(0, 2).Draw(t, "to") {
					l.To = append(l.To, incidents.Destination{Kind: incidents.ToEmail, To: text.Draw(t, "address")})
				}
				l.Not = rapid.SliceOfN(text, 0, 2).Draw(t, "not")
				if len(l.Not) == 0 {
					l.Not = nil
				}
				n.Letters = append(n.Letters, l)
			}
			return n
		}
		a, b := draw("a"), draw("b")
		if same := reflect.DeepEqual(a, b); same != (a.Seal() == b.Seal()) {
			t.Fatalf("same notice: %t, same seal: %t\n%#v\n%#v", same, !same, a, b)
		}
		if len(a.Letters) == 0 {
			return
		}
		c := a
		c.Letters = append([]incidents.Letter(nil), a.Letters...)
		body := []byte(c.Letters[0].Body + "x")
		body[rapid.IntRange(0, len(body)-1).Draw(t, "at")] ^= byte(rapid.IntRange(1, 255).Draw(t, "bits"))
		c.Letters[0].Body = string(body[:len(body)-1]) + string(body[len(body)-1])
		if c.Letters[0].Body != a.Letters[0].Body && c.Seal() == a.Seal() {
			t.Fatal("another text has the same seal")
		}
	})
}

func TestWhatChangedIsSaidOnlyWhereItIsKnown(t *testing.T) {
	const line = "Since the notice of 11:40 UTC on 21 November 2026: 163 wrong rows then, 133 now."
	for name, tt := range map[string]struct {
		change func(*incidents.View)
		want   bool
	}{
		"the same checks answered":     {func(*incidents.View) {}, true},
		"one does not answer now":      {func(v *incidents.View) { v.Checks[2].Last.Verdict = check.Unknown }, false},
		"one had not answered then":    {func(v *incidents.View) { delete(v.Notices[0].Rows, "order-payments") }, false},
		"none had answered then":       {func(v *incidents.View) { v.Notices[0].Rows = nil }, false},
		"this audience was not told":   {func(v *incidents.View) { v.Notices[0].Letters = nil }, false},
		"a check on request had other": {func(v *incidents.View) { delete(v.Notices[0].Rows, "writers") }, true},
	} {
		t.Run(name, func(t *testing.T) {
			v := orders()
			tt.change(&v)
			n := compose(t, v, incidents.Draft{Template: "update", Audiences: []string{"executives"}})
			if got := strings.Contains(n.Letters[0].Body, line); got != tt.want {
				t.Errorf("it says what changed: %t, want %t\n%s", got, tt.want, n.Letters[0].Body)
			}
		})
	}
}
