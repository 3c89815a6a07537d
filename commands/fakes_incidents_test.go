package commands_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/message"
)

// memory keeps incidents as the store does: each moves on by compare-and-set, and of
// one key, as of one channel, one is held.
type memory struct {
	mu        sync.Mutex
	incidents map[int64]incidents.Incident
	facts     map[int64]incidents.View // what the view of an incident says beside it
	drafts    map[string]incidents.Sealed
	sent      map[string]incidents.Sealed // drafts that were sent
	now       time.Time
}

func newMemory() *memory {
	return &memory{
		incidents: map[int64]incidents.Incident{}, facts: map[int64]incidents.View{},
		drafts: map[string]incidents.Sealed{}, sent: map[string]incidents.Sealed{}, now: noon,
	}
}

// apply writes what an intent changes, or nothing.
func (m *memory) apply(in commands.Intent) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range in.Incidents {
		if err := m.judge(c.Incident); err != nil {
			return err
		}
	}
	for _, n := range in.Notices {
		for _, sent := range m.facts[n.Incident].Notices {
			if sent.Seal() == n.Seal() {
				return incidents.ErrMoved
			}
		}
	}
	if err := m.thrown(in); err != nil {
		return err
	}
	for _, c := range in.Incidents {
		c.Incident.Version++
		m.incidents[c.Incident.ID] = c.Incident
	}
	m.keep(in)
	return nil
}

// thrown judges what is thrown away or sent again.
func (m *memory) thrown(in commands.Intent) error {
	if in.Discard == "" {
		return nil
	}
	s, kept := m.drafts[in.Discard]
	if !kept {
		return incidents.ErrMoved
	}
	delete(m.drafts, in.Discard)
	for _, n := range in.Notices {
		s.Notice = n
		m.sent[in.Discard] = s
	}
	return nil
}

func (m *memory) judge(i incidents.Incident) error {
	if was := m.incidents[i.ID]; was.Version != i.Version {
		return incidents.ErrMoved
	}
	for _, other := range m.incidents {
		sameRoom := i.Room.Channel != "" && other.Room.Channel == i.Room.Channel
		if other.ID != i.ID && other.Held() && i.Held() && (other.Key == i.Key || sameRoom) {
			return incidents.ErrMoved
		}
	}
	return nil
}

// keep notes what goes with the changes.
func (m *memory) keep(in commands.Intent) {
	for _, n := range in.Notices {
		facts := m.facts[n.Incident]
		facts.Notices = append(facts.Notices, sentAs(n))
		m.facts[n.Incident] = facts
	}
	if in.Draft != nil {
		m.drafts[in.Draft.Seal] = *in.Draft
	}
	for _, e := range in.Entries {
		facts := m.facts[e.Incident]
		facts.Entries = append(facts.Entries, e)
		m.facts[e.Incident] = facts
	}
	for _, e := range in.Events {
		id, err := incidents.ParseRef(e.Incident)
		if err != nil {
			continue
		}
		facts := m.facts[id]
		facts.Events = append(facts.Events, audit.Entry{Seq: int64(len(facts.Events) + 1), At: m.now, Event: e})
		m.facts[id] = facts
	}
}

// sentAs is a notice with its deliveries, all of them still to be made.
func sentAs(n incidents.Notice) incidents.Sent {
	return incidents.Sent{Notice: n, Deliveries: n.Outgoing()}
}

func (m *memory) Incident(_ context.Context, id int64) (incidents.Incident, error) {
	return m.find(func(i incidents.Incident) bool { return i.ID == id })
}

func (m *memory) IncidentIn(_ context.Context, channel string) (incidents.Incident, error) {
	return m.find(func(i incidents.Incident) bool { return i.Held() && i.Room.Channel == channel && channel != "" })
}

func (m *memory) IncidentOf(_ context.Context, key string) (incidents.Incident, error) {
	return m.find(func(i incidents.Incident) bool { return i.Held() && i.Key == key })
}

func (m *memory) find(fits func(incidents.Incident) bool) (incidents.Incident, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, i := range m.incidents {
		if fits(i) {
			return i, nil
		}
	}
	return incidents.Incident{}, incidents.ErrNotFound
}

func (m *memory) IncidentView(ctx context.Context, id int64) (incidents.View, error) {
	i, err := m.Incident(ctx, id)
	if err != nil {
		return incidents.View{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	v := m.facts[id]
	v.Incident, v.Now = i, m.now
	return v, nil
}

func (m *memory) Incidents(_ context.Context, all bool, limit int) ([]incidents.Opened, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []incidents.Opened
	for _, i := range slices.SortedFunc(maps.Values(m.incidents), func(a, b incidents.Incident) int { return cmp.Compare(b.ID, a.ID) }) {
		if (all || !i.Status.Over()) && len(out) < limit {
			out = append(out, incidents.Opened{Incident: i, Checks: m.facts[i.ID].Checks})
		}
	}
	return out, nil
}

func (m *memory) IncidentOfNotice(_ context.Context, notice int64) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, facts := range m.facts {
		if slices.ContainsFunc(facts.Notices, func(s incidents.Sent) bool { return s.ID == notice }) {
			return id, nil
		}
	}
	return 0, incidents.ErrNotFound
}

func (m *memory) Draft(_ context.Context, seal string) (incidents.Sealed, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s, ok := m.drafts[seal]; ok {
		return s, nil
	}
	if s, ok := m.sent[seal]; ok {
		return s, nil
	}
	return incidents.Sealed{}, incidents.ErrNotFound
}

func (m *memory) KeepDraft(_ context.Context, s incidents.Sealed) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.drafts[s.Seal] = s
	return nil
}

func (*memory) WaitingPlans(context.Context, int) ([]fix.Plan, error) { return nil, nil }
func (*memory) LatestRuns(context.Context, int) ([]check.Run, error)  { return nil, nil }

// rules are those of most tests.
func rules() incidents.Rules {
	every := map[incidents.Severity]time.Duration{incidents.P0: 30 * time.Minute, incidents.P1: time.Hour, incidents.P2: 4 * time.Hour}
	shows := []string{"numbers", "money", "checks", "places", "people", "cause", "links"}
	return incidents.Rules{
		Channel: "inc-{date}-{domain}", Fallback: "C0FALL", Runbook: "https://wiki.example/runbook", Reaction: "pushpin",
		Subject: "Data Inconsistency", Updates: every, Grace: 5 * time.Minute, Snooze: 15 * time.Minute, Soak: 30 * time.Minute,
		Severities: []incidents.SeverityRule{{Severity: incidents.P0, Domains: []string{"payments", "orders"}}, {Severity: incidents.P1}},
		Audiences: []incidents.Audience{
			{
				Name: "responders", Title: "Responders", Shows: shows, Templates: incidents.Templates(),
				To: []incidents.Destination{{Kind: incidents.ToChannel, To: "incident"}},
			},
			{
				Name: "executives", Title: "Executives", Shows: []string{"numbers", "checks"}, Templates: incidents.Templates(),
				To: []incidents.Destination{{Kind: incidents.ToEmail, To: "cto@example.com"}, {Kind: incidents.ToGroup, To: "S0EXEC"}},
			},
		},
		Levels: []incidents.Level{
			{Name: "L1", Title: "DevOps", Groups: []string{"S0DEVOPS"}, After: 15 * time.Minute},
			{Name: "L2", Title: "Backend", Groups: []string{"S0EMPTY"}, After: 15 * time.Minute},
			{Name: "data", Title: "Data team", Users: []string{"U1EVE"}},
		},
		Alerts: map[string]incidents.AlertRule{
			"DataInconsistencyDetected": {Domain: "orders"},
			"HighEventProcessingLag":    {Domain: "events", Severity: incidents.P2, Title: "Events are late"},
			"PaymentsDiffer":            {Domain: "payments"},
		},
	}
}

// members of the user groups of the rules.
func members(group string) []string {
	switch group {
	case "S0DEVOPS":
		return []string{"U1BOB", "U1OLIVE"}
	case "S0EXEC":
		return []string{"U1ADMIN"}
	}
	return nil
}

// opened is an incident about a domain that holds a channel, as Alice declared it an hour
// ago.
func opened(id int64, domain, channel string, change func(*incidents.Incident)) incidents.Incident {
	i := incidents.Declare(incidents.Declaration{
		ID: id, Domain: domain, By: "U1ALICE", Source: audit.FromSlash, Request: "request-0",
		Asked: incidents.Place{Channel: "C1"}, At: noon.Add(-50 * time.Minute),
	}, wording())
	i.Room = incidents.Room{Channel: channel, Name: "inc-20261121-" + domain}
	if change != nil {
		change(&i)
	}
	i.Version = 1
	return i
}

func wording() incidents.Wording {
	return incidents.Wording{Rules: rules(), Checks: catalog.ByName(), Word: "/integrity"}
}

// fewIncidents are: INC-12 about orders, in whose run orphans failed, led by nobody, with
// a notice of which one letter was refused and a preview of another; INC-13 about
// payments, in which nothing failed; INC-14 about events, resolved and still watched;
// INC-15, declined; INC-16 about the cache, in which a fix is under way.
func fewIncidents(m *memory) {
	end := incidents.End{By: "U1ALICE", At: noon.Add(-10 * time.Minute), Soak: noon.Add(20 * time.Minute)}
	for _, i := range []incidents.Incident{
		opened(12, "orders", "CINC", nil),
		opened(13, "payments", "CPAY", func(i *incidents.Incident) { i.Lead = "U1ALICE" }),
		opened(14, "events", "CSOAK", func(i *incidents.Incident) { i.Status, i.End, i.Clocks = incidents.Resolved, &end, nil }),
		opened(15, "locks", "CENDED", func(i *incidents.Incident) {
			i.Status, i.End, i.Clocks = incidents.Declined, &incidents.End{By: "U1ALICE", At: noon}, nil
		}),
		opened(16, "cache", "CFIX", nil),
	} {
		m.incidents[i.ID] = i
	}
	bad := incidents.Measure{
		Run: 50, Verdict: check.Fail, Rows: 30, Of: 3_000_000, First: noon.Add(-2 * time.Hour),
		Started: noon.Add(-45 * time.Minute), At: noon.Add(-44 * time.Minute),
	}
	orphans := incidents.Checked{Name: "orphaned-orders", First: bad, Last: bad, Failed: bad}
	m.facts[12] = incidents.View{Checks: []incidents.Checked{orphans}}
	m.facts[16] = incidents.View{Repairs: []incidents.Repair{{ID: 80, Ref: "P-80", State: "applying", Check: "customer-cache", AskedBy: "U1ALICE"}}}
	sent := sentAs(m.compose(12, "opened", "executives"))
	sent.ID = 60
	for n := range sent.Deliveries {
		sent.Deliveries[n].Notice, sent.Deliveries[n].State = 60, incidents.Delivered
	}
	sent.Deliveries[0].State, sent.Deliveries[0].Reason = incidents.Refused, "The mailbox is full."
	i := m.incidents[12].Sent(sent.Notice)
	i.Version = 1
	m.incidents[12] = i
	facts := m.facts[12]
	facts.Notices = []incidents.Sent{sent}
	m.facts[12] = facts
	m.drafts["preview"] = incidents.Sealed{Seal: "preview", Notice: m.compose(12, "update", "executives")}
}

// compose makes a notice of Alice's to one audience.
func (m *memory) compose(id int64, template, audience string) incidents.Notice {
	v := m.facts[id]
	v.Incident, v.Now = m.incidents[id], noon
	n, err := incidents.Compose(v, wording(), incidents.Draft{
		Template: template, Audiences: []string{audience}, Fields: map[string]string{"says": "We are looking into it."}, By: "U1ALICE", At: noon.Add(-5 * time.Minute),
	}, func(group string) ([]string, error) { return members(group), nil })
	if err != nil {
		panic(err) // the fixture is wrong
	}
	return n
}

// does asks for something in a channel and gives what was recorded of it.
func (h house) does(t *testing.T, user, channel, text string) commands.Intent {
	t.Helper()
	return h.doesBy(t, audit.FromSlash, user, channel, text)
}

func (h house) doesBy(t *testing.T, source audit.Source, user, channel, text string) commands.Intent {
	t.Helper()
	q := ask(user, channel, text)
	q.Key, q.Source = fmt.Sprintf("request %d", len(h.ledger.intents)), source
	if post := h.runner.Ask(t.Context(), q); post != nil {
		t.Fatalf("%s: answered directly: %s", text, post.Message.PlainText())
	}
	return h.ledger.last(t)
}

// formFor is the form that something opens; nil: none.
func (h house) formFor(t *testing.T, source audit.Source, user, channel, text string) *message.Form {
	t.Helper()
	q := ask(user, channel, text)
	q.Source = source
	return h.runner.Form(t.Context(), q)
}

func (h house) incident(t *testing.T, id int64) incidents.Incident {
	t.Helper()
	i, err := h.memory.Incident(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return i
}
