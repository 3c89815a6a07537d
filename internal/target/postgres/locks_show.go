package postgres

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/check"
)

const (
	// statementRunes is how much of a statement is shown, and nameRunes of the names
	// that clients give themselves.
	statementRunes = 200
	nameRunes      = 40
	// mostNamed is how many sessions one cell names.
	mostNamed = 5
)

// lockColumns are of the failing sessions. No cell holds row data: of a statement
// only its shape is shown.
func lockColumns() []check.Column {
	var out []check.Column
	for _, name := range []string{"pid", "user", "application", "client", "state", "transaction", "waits", "waits_for", "blocked_by", "statement"} {
		out = append(out, check.Column{Name: name, Class: check.Code})
	}
	out[0].Class = check.Key
	return out
}

// cells are a session as a row of that table.
func (c *lockChain) cells(s *backend) []string {
	waits, waitsFor, by := "", "", ""
	if c.waiting[s.id] != nil {
		waits, waitsFor, by = c.waitText(s), s.what.String(), c.names(s.blockers)
	}
	return []string{
		s.id, clipped(s.user, nameRunes), clipped(s.application, nameRunes), s.client, c.stateText(s), c.ageText(s.xactStart),
		waits, waitsFor, by, s.statement(),
	}
}

func (c *lockChain) waitText(s *backend) string {
	if s.since == nil {
		return "just now"
	}
	return humane(c.waitOf(s))
}

func (l *lockLook) ageText(since *time.Time) string {
	if since == nil {
		return ""
	}
	return humane(l.age(since))
}

// stateText is what a session does, and for how long where it does nothing.
func (l *lockLook) stateText(s *backend) string {
	switch {
	case s.hidden:
		return "not shown to our role"
	case s.sits():
		return s.state + " for " + l.ageText(s.stateChange)
	case s.state == "" && s.kind != "":
		return s.kind
	}
	return s.state
}

// String says what is waited for, for people.
func (w waited) String() string {
	of := ""
	if w.table != "" {
		of = " of " + w.table
	}
	switch w.kind {
	case "relation":
		if w.table == "" {
			return "a table (" + w.mode + ")"
		}
		return "table " + w.table + " (" + w.mode + ")"
	case "tuple", "transactionid":
		return "a row" + of
	case "advisory":
		return "an advisory lock"
	case "virtualxid":
		return "a transaction to end"
	case "extend":
		return "room" + of
	}
	return w.kind
}

// statement is the shape of what a session runs, or ran last.
func (s *backend) statement() string {
	if s.hidden || s.query == "" {
		return ""
	}
	return clipped(maskStatement(s.query), statementRunes)
}

func (c *lockChain) names(ids []string) string {
	if len(ids) == 0 {
		return "unknown"
	}
	shown := slices.Clone(ids[:min(len(ids), mostNamed)])
	if more := len(ids) - len(shown); more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(shown, ", "), more)
	}
	return strings.Join(shown, ", ")
}

// name is a session as a sentence names it.
func (s *backend) name() string {
	switch {
	case s.gid != "":
		return "prepared transaction " + clipped(s.gid, nameRunes)
	case s.application != "":
		return fmt.Sprintf("pid %d (%s)", s.pid, clipped(s.application, nameRunes))
	case s.user != "":
		return fmt.Sprintf("pid %d (%s)", s.pid, clipped(s.user, nameRunes))
	}
	return fmt.Sprintf("pid %d", s.pid)
}

// overview is the chains as a tree, then the others that fail, then who writes to
// the tables.
func (c *lockChain) overview(failing []failingSession, tables []*Table) *check.Overview {
	o := &check.Overview{Columns: append([]check.Column{{Name: "session", Class: check.Code}, {Name: "what", Class: check.Code}}, lockColumns()[1:]...), Rows: [][]string{}}
	add := func(depth int, s *backend, what string) {
		if o.Total++; len(o.Rows) == check.MaxOverview {
			return
		}
		indent := ""
		if depth > 0 {
			indent = strings.Repeat("  ", min(depth, mostIndent)-1) + "└ "
		}
		o.Rows = append(o.Rows, append([]string{indent + s.id, what}, c.cells(s)[1:]...))
	}
	shown := map[string]bool{}
	c.tree(func(depth int, s *backend) {
		shown[s.id] = true
		add(depth, s, c.role(s))
	})
	for _, one := range failing {
		if !shown[one.id] {
			shown[one.id] = true
			add(0, one.backend, one.class)
		}
	}
	for _, table := range tables {
		for _, s := range c.writers(table.OID) {
			add(0, s, "writes to "+table.String())
		}
	}
	return o
}

// mostIndent is how deep a tree is shown; what is deeper stands below each other.
const mostIndent = 12

// role is what a session has to do with others.
func (c *lockChain) role(s *backend) string {
	var parts []string
	if c.waiting[s.id] != nil {
		parts = append(parts, "waits "+c.waitText(s))
	}
	if n := len(c.behind(s)); n > 0 {
		parts = append(parts, fmt.Sprintf("blocks %d", n))
	}
	return strings.Join(parts, ", ")
}

// writers are the sessions of others that have written to a table in a transaction
// that is still open, or are about to.
func (l *lockLook) writers(table uint32) []*backend {
	var out []*backend
	for _, s := range l.sessions {
		if !s.ours() && slices.Contains(s.writes, table) {
			out = append(out, s)
		}
	}
	return out
}
