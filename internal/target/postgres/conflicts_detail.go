package postgres

import (
	"fmt"
	"strconv"
	"time"

	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// counter is one thing that a server counts.
type counter struct {
	name string // in pg_stat_database or pg_stat_database_conflicts
	says string // as people read it, after a number
}

// detailed are the counters that a server's own message lists, in that order.
// Source: PostgreSQL manual, 28.2 "The Cumulative Statistics System".
func detailed() []counter {
	return []counter{
		{"deadlocks", "deadlocks"},
		{"xact_rollback", "transactions rolled back"},
		{"conflicts", "statements cancelled because of recovery"},
		{"confl_lock", "of them because of a lock"},
		{"confl_snapshot", "because of rows that were cleaned up"},
		{"confl_bufferpin", "because of a page in use"},
		{"confl_deadlock", "because of a deadlock with recovery"},
		{"confl_tablespace", "because of a tablespace that was dropped"},
		{"confl_active_logicalslot", "because of a logical slot"},
		{"temp_files", "temporary files"},
		{"sessions_killed", "sessions ended by an administrator"},
		{"sessions_fatal", "sessions ended by an error"},
		{"sessions_abandoned", "sessions whose client was lost"},
	}
}

// detail lists all counters of a server, with how many there are in a day.
func (c *statServer) detail(asked time.Time) message.Message {
	table := &message.Table{Columns: []message.Column{{Name: "counter"}, {Name: "count", Numeric: true}, {Name: "a day", Numeric: true}, {Name: "last " + humane(c.now.at.Sub(c.before.at)), Numeric: true}}}
	for _, one := range detailed() {
		if n, ok := c.now.of(one.name); ok {
			table.Rows = append(table.Rows, []string{one.says, phrase.Count(n), c.daily(n), phrase.Count(c.grown(one.name))})
		}
	}
	if bytes, ok := c.now.of("temp_bytes"); ok {
		table.Rows = append(table.Rows, []string{"MB in temporary files", phrase.Count(bytes >> 20), c.daily(bytes >> 20), phrase.Count(c.grown("temp_bytes") >> 20)})
	}
	table.Total = int64(len(table.Rows))
	m := message.Message{
		Headline: append(message.Text("%s: ", c.name()), c.headline()...),
		Parts:    []message.Part{{Table: table}, {Lines: c.remarks(asked)}},
	}
	if c.now.address != "" {
		m.Context = []message.Line{message.Text("The server calls itself %s.", c.now.address)}
	}
	return m
}

// remarks are what the numbers do not say.
func (c *statServer) remarks(asked time.Time) []message.Line {
	var out []message.Line
	switch {
	case !c.now.checksums:
		out = append(out, message.Text("Data checksums are off on this server, so that damage on its disks is not noticed here."))
	case c.now.last != nil:
		ago := c.now.at
		if !asked.IsZero() {
			ago = asked
		}
		out = append(out, message.Join("The last checksum failure was ", message.At(*c.now.last), fmt.Sprintf(" (%s ago). It is counted for the whole server; its log names the pages.", phrase.Age(ago.Sub(*c.now.last)))))
	default:
		out = append(out, message.Text("Checksum failures are counted for the whole server, when a page is read: one that nobody reads is not noticed."))
	}
	if !c.now.recovery {
		out = append(out, message.Text("It is no standby, so that there is no recovery with which statements could be in conflict."))
	}
	return append(out, message.Text("Which sessions were in a deadlock stands in the server's log alone (SQLSTATE 40P01)."))
}

// daily is a counter spread over the days since the statistics began.
func (c *statServer) daily(n int64) string {
	days := c.now.days()
	switch {
	case days <= 0:
		return "not known"
	case n == 0:
		return "0"
	}
	each := float64(n) / days
	digits := 0
	if each < 10 {
		digits = 2
	}
	return strconv.FormatFloat(each, 'f', digits, 64)
}
