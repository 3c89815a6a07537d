package postgres

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// finishSessions puts the plan together. Each session is a batch of its own: a
// signal that was given is recorded at once.
func (e *sessionPlan) finishSessions() error {
	d := &e.draft
	d.Rows, d.Total = int64(len(e.chosen)), int64(len(e.chosen))
	d.Plain, d.Irreversible = true, endedForGood
	d.Heads, d.Columns = []string{"session", "is doing", "will be"}, []check.Column{{Name: "pid", Class: check.Key}}
	if len(e.chosen) == 0 {
		return nil
	}
	if err := e.contents(); err != nil {
		return err
	}
	freed := map[string]bool{}
	for _, s := range e.chosen {
		for _, w := range e.chain.behind(s) {
			freed[w.id] = true
		}
		e.show(s)
	}
	for _, s := range e.chosen {
		delete(freed, s.id)
	}
	sessions := phrase.Plural(d.Rows, "session")
	who := sessions
	if d.Rows == 1 {
		who = "session " + e.chosen[0].name()
	}
	d.Noun, d.Done, d.Button, d.Does = "sessions", "ended", "end "+sessions, "end "+who
	if e.mode == wayCancel {
		d.Done, d.Button, d.Does = "cancelled", "cancel "+sessions, "cancel what "+who+" run"
		if d.Rows == 1 {
			d.Does += "s"
		}
	}
	if n := int64(len(freed)); n > 0 {
		waits := "wait"
		if n == 1 {
			waits = "waits"
		}
		d.Does += fmt.Sprintf(", for which %s %s", phrase.Plural(n, "other"), waits)
	}
	e.risks()
	return nil
}

// contents freezes which sessions, transactions and statements are meant.
func (e *sessionPlan) contents() error {
	form := fix.Form{Op: fix.Terminate, Table: "pg_stat_activity", Key: []string{"pid"}}
	spec := signalSpec{Blocking: !e.named}
	if e.mode == wayCancel {
		form.Op = fix.Interrupt
	}
	for _, s := range e.chosen {
		id := sessionID{Backend: stamp(s.backendStart), Transaction: stampOf(s.xactStart)}
		if e.mode == wayCancel {
			id.Statement = stampOf(s.queryStart)
		}
		text, err := json.Marshal(id)
		if err != nil {
			return fmt.Errorf("plan for pid %d: %w", s.pid, err)
		}
		if !slices.Contains(spec.Roles, s.user) {
			spec.Roles = append(spec.Roles, s.user)
		}
		e.draft.Content.Changes = append(e.draft.Content.Changes, fix.Change{Key: []string{s.id}, Before: string(text), Repairs: true})
	}
	slices.Sort(spec.Roles)
	var err error
	if form.Spec, err = json.Marshal(spec); err != nil {
		return fmt.Errorf("plan for sessions: %w", err)
	}
	e.draft.Content.Forms, e.draft.Content.PerBatch = []fix.Form{form}, 1
	return nil
}

// stamp is a time as the server writes it in our sessions, without the zone: UTC.
func stamp(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05.000000")
}

func stampOf(t *time.Time) *string {
	if t == nil {
		return nil
	}
	text := stamp(t)
	return &text
}

// show puts a session into the preview and its file.
func (e *sessionPlan) show(s *backend) {
	c, then := e.chain, "ended"
	if e.mode == wayCancel {
		then = "cancelled"
	}
	behind := c.behind(s)
	var names []string
	for _, w := range behind {
		names = append(names, w.id)
	}
	does := []string{cmp.Or(c.stateText(s), "nothing")}
	if s.xactStart != nil {
		does = append(does, "transaction "+c.ageText(s.xactStart)+" old")
	}
	if s.wrote {
		does = append(does, "has written")
	}
	if text := s.statement(); text != "" {
		does = append(does, text)
	}
	if len(behind) > 0 {
		then += "; " + c.names(names) + " waited for it"
	}
	e.sample([]string{s.name()}, strings.Join(does, ", "), then)
	if e.draft.Listing == nil {
		e.draft.Listing = [][]string{{"pid", "user", "application", "client", "state", "transaction", "has_written", "waiting_for_it", "statement", "will_be"}}
	}
	row := []string{s.id, s.user, s.application, s.client, c.stateText(s), c.ageText(s.xactStart), yes(s.wrote), strings.Join(names, " "), s.statement(), strings.Split(then, ";")[0]}
	for i, cell := range row {
		row[i] = check.Inert(cell)
	}
	e.draft.Listing = append(e.draft.Listing, row)
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// risks is what somebody should know before the click.
func (e *sessionPlan) risks() {
	wrote := slices.ContainsFunc(e.chosen, func(s *backend) bool { return s.wrote })
	if e.mode == wayCancel {
		e.risk("The statement ends with an error, and the transaction that it is in is rolled back, or up to its last savepoint.")
	} else {
		e.risk("The connection is closed, and an open transaction is rolled back.")
	}
	if wrote {
		e.risk("What it has written and not committed is lost unless its application does it again.")
	}
	if slices.ContainsFunc(e.chosen, func(s *backend) bool { return s.state == "active" && len(e.chain.behind(s)) > 0 }) {
		e.risk("It is at work: it may be about to end by itself.")
	}
}
