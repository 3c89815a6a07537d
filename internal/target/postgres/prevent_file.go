package postgres

import (
	"fmt"
	"strings"
)

const (
	fileWidth   = 100
	lockTimeout = "2s" // of steps that make others queue behind them
)

// sqlFile is SQL with comments. Names in it may be anything: no comment ends
// before its line does.
type sqlFile struct{ strings.Builder }

// comment writes a paragraph; the zero text is an empty comment line.
func (f *sqlFile) comment(prefix, text string) {
	line := prefix
	rest := strings.Repeat(" ", len([]rune(prefix)))
	for _, w := range strings.Fields(plain(text)) {
		if len([]rune(line))+1+len([]rune(w)) > fileWidth-3 && strings.TrimSpace(line) != strings.TrimSpace(prefix) {
			f.row("-- " + line)
			line = rest
		}
		if line != prefix && line != rest {
			line += " "
		}
		line += w
	}
	f.row(strings.TrimRight("-- "+line, " "))
}

// example writes SQL as a comment, line by line as it is.
func (f *sqlFile) example(sql string) {
	lines := strings.FieldsFunc(sql, func(r rune) bool { return r == '\n' || r == '\r' })
	for _, l := range lines {
		f.row("--   " + strings.TrimPrefix(l, "  "))
	}
}

func (f *sqlFile) about(paragraphs []string) {
	for _, p := range paragraphs {
		if strings.HasPrefix(p, "  ") {
			f.example(p)
		} else {
			f.comment("", p)
		}
	}
}

func (f *sqlFile) row(text string) {
	f.WriteString(text)
	f.WriteByte('\n')
}

// file is the whole migration.
func (m *migration) file(place, name string) string {
	f := &sqlFile{}
	m.header(f, place, name)
	f.row("")
	f.row("SET statement_timeout = 0;")
	timeout := ""
	for i, s := range m.steps {
		if want := timeoutOf(s.concurrent); want != timeout {
			f.row("SET lock_timeout = " + want + ";")
			timeout = want
		}
		f.row("")
		f.comment(fmt.Sprintf("%d. ", i+1), s.what+".")
		f.comment("Lock: ", s.lock)
		if s.concurrent {
			f.comment("", "Must run outside of a transaction.")
		}
		f.about(s.about)
		f.row(s.sql + ";")
	}
	f.row("")
	f.row("RESET lock_timeout;")
	f.row("RESET statement_timeout;")
	m.choices(f)
	m.rollback(f)
	return f.String()
}

// timeoutOf is how long a step waits for its lock. A concurrent one makes
// nobody queue; ended while it waits, it would leave an INVALID index behind.
func timeoutOf(concurrent bool) string {
	if concurrent {
		return "0"
	}
	return "'" + lockTimeout + "'"
}

// header says what the file is for, how to run it, and what it does.
func (m *migration) header(f *sqlFile, place, name string) {
	f.comment("", m.title)
	f.row("--")
	f.comment("", "Proposed by Integrity Bot from the catalog of "+place+", for people to review. The bot does not run it. "+
		"Asked again, it leaves out what exists by then.")
	for _, a := range m.about {
		if !strings.HasPrefix(a, "  ") {
			f.row("--")
		}
		f.about([]string{a})
	}
	if m.veiled() {
		f.row("--")
		f.comment("", "Careful: names below hold characters that cannot be seen. They may look like other names.")
	}
	f.row("--")
	f.comment("", "Run it as the owner of the tables, each statement in a transaction of its own:")
	f.example("  psql -v ON_ERROR_STOP=1 -f " + name + "   (without -1)")
	f.comment("  Flyway: ", "beside it a file "+name+".conf with the line executeInTransaction=false")
	if m.concurrent() {
		f.comment("          ", "and the setting flyway.postgresql.transactional.lock=false, or CREATE INDEX CONCURRENTLY "+
			"waits for Flyway's own transaction for ever")
	}
	f.comment("", "A step that fails leaves nothing behind, except where it says so; the steps before it stay and do no harm. "+
		"A step that waits for its lock longer than "+lockTimeout+" gives up, so that nobody queues behind it: run it again.")
	f.row("--")
	f.comment("", "Steps, in this order:")
	for i, s := range m.steps {
		f.comment(fmt.Sprintf("%4d. ", i+1), s.what)
	}
}

// choices are steps that somebody has to decide.
func (m *migration) choices(f *sqlFile) {
	if len(m.optional) == 0 {
		return
	}
	f.row("")
	f.comment("", "To decide; not part of the above.")
	for _, s := range m.optional {
		f.row("--")
		f.comment("* ", s.what+".")
		if s.lock != "" {
			f.comment("  ", "Lock: "+s.lock)
		}
		f.about(s.about)
		f.example("  " + s.sql + ";")
	}
}

// rollback takes the steps back, the last one first.
func (m *migration) rollback(f *sqlFile) {
	f.row("")
	f.comment("", "Rollback, in this order, each in a transaction of its own:")
	timeout := ""
	for i := len(m.steps) - 1; i >= 0; i-- {
		undo := m.steps[i].undo
		if undo == "" {
			continue
		}
		if want := timeoutOf(strings.HasPrefix(undo, "DROP INDEX CONCURRENTLY")); want != timeout {
			f.example("  SET lock_timeout = " + want + ";")
			timeout = want
		}
		f.example("  " + undo + ";")
	}
	if timeout == "" {
		f.comment("", "Nothing: what the steps above prove or switch on changes no definition.")
	}
}

func (m *migration) concurrent() bool {
	for _, s := range m.steps {
		if s.concurrent {
			return true
		}
	}
	return false
}

// veiled tells whether the SQL holds characters that a reviewer cannot see.
func (m *migration) veiled() bool {
	for _, s := range m.steps {
		for _, r := range s.sql {
			if r != '\n' && r != '\t' && hidden(r) {
				return true
			}
		}
	}
	return false
}
