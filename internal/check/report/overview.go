package report

import (
	"fmt"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// overview is everything that a check looked at, where that was asked for. In a
// channel shared with others it is not shown: it names topics and hosts.
func overview(run check.Run, f check.Finding, checks Checks) (message.Message, bool) {
	o := f.Result.Overview
	if o == nil || !run.Options.Overview || run.NoRows {
		return message.Message{}, false
	}
	m := message.Message{
		Headline: message.Text("%s: all that was looked at", checks.title(f.Check)),
		Parts:    []message.Part{{Table: &message.Table{Columns: columns(o.Columns), Rows: moments(o), Total: max(o.Total, int64(len(o.Rows)))}}},
	}
	if len(o.Rows) == 0 {
		m.Headline = message.Text("%s: there is nothing to list", checks.title(f.Check))
		m.Parts = nil
	}
	if more := o.Total - int64(len(o.Rows)); more > 0 {
		m.Parts = append(m.Parts, lines(fmt.Sprintf("The first %d of %s are shown, the worst first.", len(o.Rows), phrase.Count(o.Total))))
	}
	for _, note := range f.Result.Notes {
		m.Parts = append(m.Parts, lines("• "+note))
	}
	return m, true
}

func columns(of []check.Column) []message.Column {
	var out []message.Column
	for _, c := range of {
		out = append(out, message.Column{Name: c.Name, Numeric: c.Class == check.Number})
	}
	return out
}

// moments are the rows with times as people read them.
func moments(o *check.Overview) [][]string {
	var out [][]string
	for _, row := range o.Rows {
		line := make([]string, len(row))
		for i, v := range row {
			if i < len(o.Columns) && o.Columns[i].Class == check.Time {
				v = phrase.Moment(v)
			}
			line[i] = v
		}
		out = append(out, line)
	}
	return out
}
