package postgres

import (
	"fmt"
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/look"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// conflictReport says what matters most first: damage, then what grows.
func conflictReport(servers []*statServer, missing []string, asked time.Time) look.Report {
	r := look.Report{Missing: missing}
	worst := servers[0]
	for i, c := range servers {
		if c.weight() > worst.weight() {
			worst = c
		}
		r.Facts = append(r.Facts, c.facts()...)
		r.Thread = append(r.Thread, look.Detail{Name: "server-" + letters(i), Message: c.detail(asked)})
	}
	headline := worst.headline()
	if len(servers) > 1 {
		headline = append(message.Text("%s: ", worst.name()), headline...)
	}
	headline = append(message.Text("🔎 Database: "), headline...)
	table := &message.Table{Columns: []message.Column{
		{Name: "server"},
		{Name: "deadlocks", Numeric: true},
		{Name: "rolled back", Numeric: true},
		{Name: "checksum failures", Numeric: true},
		{Name: "recovery conflicts", Numeric: true},
		{Name: "since"},
	}, Total: int64(len(servers))}
	for _, c := range servers {
		table.Rows = append(table.Rows, c.row())
	}
	r.Head = message.Message{Headline: headline, Parts: append([]message.Part{{Table: table}}, lines(missing)...)}
	return r
}

// letters names things in order: a, b, … z, ba, bb.
func letters(i int) string {
	const all = "abcdefghijklmnopqrstuvwxyz"
	if i < len(all) {
		return all[i : i+1]
	}
	return letters(i/len(all)) + letters(i%len(all))
}

// weight orders servers by how bad it is: damage before deadlocks before the rest.
func (c *statServer) weight() int64 {
	weight, _ := c.now.of("deadlocks")
	if conflicts, ok := c.now.of("conflicts"); ok && c.now.recovery {
		weight += conflicts
	}
	if c.now.corrupt != nil && *c.now.corrupt > 0 {
		weight += 1 << 60
	}
	return weight
}

// headline is what a server counted, in one line: "3 deadlocks and 0 checksum
// failures since … (12 d), 0.4 % of transactions rolled back; none grew in 2 s".
func (c *statServer) headline() message.Line {
	deadlocks, _ := c.now.of("deadlocks")
	first, second := phrase.Plural(deadlocks, "deadlock"), c.corruption()
	if c.now.corrupt != nil && *c.now.corrupt > 0 {
		first, second = second, first
	}
	line := message.Join(first+" and "+second+" ", c.since())
	if conflicts, ok := c.now.of("conflicts"); ok && c.now.recovery {
		line = append(line, message.Text(", %s", phrase.Plural(conflicts, "conflict")+" with recovery")...)
	}
	return append(line, message.Text(", %s of transactions rolled back; %s", c.rolledBack(), c.growth())...)
}

func (c *statServer) corruption() string {
	if c.now.corrupt == nil || !c.now.checksums {
		return "checksums are off"
	}
	return phrase.Plural(*c.now.corrupt, "checksum failure")
}

// since is from when on the server counts.
func (c *statServer) since() message.Line {
	if c.now.reset == nil {
		return message.Text("since the server was made (its statistics were never reset)")
	}
	return message.Join("since ", message.At(*c.now.reset), " ("+phrase.Age(c.now.at.Sub(*c.now.reset))+")")
}

func (c *statServer) rolledBack() string {
	back, all := c.transactions()
	return phrase.Share(back, all)
}

func (c *statServer) transactions() (back, all int64) {
	back, _ = c.now.of("xact_rollback")
	committed, _ := c.now.of("xact_commit")
	return back, back + committed
}

// growth is what came about while the counters were watched.
func (c *statServer) growth() string {
	var grown []string
	for _, one := range []counter{{"deadlocks", "deadlock"}, {"xact_rollback", "rollback"}, {"conflicts", "conflict"}} {
		if n := c.grown(one.name); n > 0 {
			grown = append(grown, phrase.Plural(n, one.says))
		}
	}
	watched := humane(c.now.at.Sub(c.before.at))
	if len(grown) == 0 {
		return "none came about in the last " + watched
	}
	return fmt.Sprintf("in the last %s: %s", watched, strings.Join(grown, ", "))
}

func (c *statServer) row() []string {
	number := func(name string) string {
		n, ok := c.now.of(name)
		if !ok {
			return "not counted"
		}
		return phrase.Count(n)
	}
	corrupt, since := "off", "never reset"
	if c.now.corrupt != nil && c.now.checksums {
		corrupt = phrase.Count(*c.now.corrupt)
	}
	if c.now.reset != nil {
		since = c.now.reset.UTC().Format("2006-01-02 15:04 UTC")
	}
	conflicts := "no standby"
	if c.now.recovery {
		conflicts = number("conflicts")
	}
	return []string{c.name(), number("deadlocks"), fmt.Sprintf("%s (%s)", number("xact_rollback"), c.rolledBack()), corrupt, conflicts, since}
}

// facts are the same for a diagnosis.
func (c *statServer) facts() []look.Fact {
	deadlocks, _ := c.now.of("deadlocks")
	back, all := c.transactions()
	facts := []look.Fact{
		{Kind: look.Deadlocks, Subject: c.name(), Count: deadlocks, Says: c.says(deadlocks, "deadlock", "deadlocks")},
		{Kind: look.Rollbacks, Subject: c.name(), Count: back, Of: all, Says: fmt.Sprintf("%s of transactions on %s rolled back", phrase.Share(back, all), c.name())},
	}
	if c.now.corrupt != nil && c.now.checksums {
		f := look.Fact{Kind: look.Checksums, Subject: c.name(), Count: *c.now.corrupt, Says: fmt.Sprintf("%s on %s", phrase.Plural(*c.now.corrupt, "checksum failure"), c.name())}
		if c.now.last != nil {
			f.At = c.now.last.UTC()
		}
		facts = append(facts, f)
	}
	if n, ok := c.now.of("conflicts"); ok && c.now.recovery {
		facts = append(facts, look.Fact{Kind: look.Conflicts, Subject: c.name(), Count: n, Says: c.says(n, "conflict with recovery", "conflicts")})
	}
	return facts
}

// says is a counter as a line of evidence.
func (c *statServer) says(n int64, noun, name string) string {
	text := fmt.Sprintf("%s %s on %s", phrase.Count(n), noun, c.name())
	if n != 1 {
		text = fmt.Sprintf("%s %s on %s", phrase.Count(n), plural(noun), c.name())
	}
	if n > 0 && c.now.reset != nil {
		text += " in " + phrase.Age(c.now.at.Sub(*c.now.reset))
	}
	if g := c.grown(name); g > 0 {
		text += fmt.Sprintf(", %s of them in the last %s", phrase.Count(g), humane(c.now.at.Sub(c.before.at)))
	}
	return text
}

// plural is of the first word of a noun: conflicts with recovery.
func plural(noun string) string {
	first, rest, more := strings.Cut(noun, " ")
	if !more {
		return first + "s"
	}
	return first + "s " + rest
}
