package incidents

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// measured is what the checks say about the data now. A check counts by its latest run:
// one that did not answer is unknown, whatever it said before.
type measured struct {
	fails, unknown, passes []Checked
	// summed are those of fails whose rows are added up, and beside the others: what they
	// find are no rows of data, or rows that another check has found already.
	summed, beside []Checked
	rows           int64 // wrong in those that are summed
	money          map[string]decimal.Decimal
}

// measure is the one place where numbers of checks are added up, so that the summary, the
// list, the export and the letters give the same ones.
func (w Wording) measure(checks []Checked) measured {
	f := measured{money: map[string]decimal.Decimal{}}
	for _, c := range checks {
		switch c.Last.Verdict {
		case check.Fail:
			f.fails = append(f.fails, c)
			if !w.counts(c.Name) {
				f.beside = append(f.beside, c)
				continue
			}
			f.summed = append(f.summed, c)
			f.rows += c.Last.Rows
			for currency, amount := range c.Last.Money {
				f.money[currency] = f.money[currency].Add(amount)
			}
		case check.Pass:
			f.passes = append(f.passes, c)
		default:
			f.unknown = append(f.unknown, c)
		}
	}
	return f
}

// verdict is that of all checks together: PASS only if there are some and all pass.
func (f measured) verdict() check.Verdict {
	switch {
	case len(f.fails) > 0:
		return check.Fail
	case len(f.unknown) > 0 || len(f.passes) == 0:
		return check.Unknown
	}
	return check.Pass
}

// answer is how many rows are wrong; nil: no check gave an answer that would say.
func (f measured) answer() *int64 {
	if len(f.fails) == 0 && f.verdict() != check.Pass {
		return nil
	}
	return &f.rows
}

// answer is how many rows a run found; nil: it gave no answer.
func (m Measure) answer() *int64 {
	if word(m.Verdict) == string(check.Unknown) {
		return nil
	}
	return &m.Rows
}

// newer tells whether a run looked later than another one.
func (m Measure) newer(than Measure) bool {
	return cmp.Or(m.Began.Compare(than.Began), cmp.Compare(m.Run, than.Run)) > 0
}

// data names what checks are about, each once.
func (w Wording) data(checks []Checked) []string {
	var out []string
	for _, c := range checks {
		if d := w.dataOf(c.Name); !slices.Contains(out, d) {
			out = append(out, d)
		}
	}
	return out
}

// dataText is the same in words, of which there are not too many.
func (w Wording) dataText(checks []Checked) string {
	names := few(w.data(checks))
	for n := range names {
		names[n] = shorten(flat(names[n]), mostTitle)
	}
	return listed(names)
}

// wrong is what fails: "133 rows wrong in orders ($18,204.10); Event lag fails, too".
func (f measured) wrong(w Wording) string {
	if len(f.beside) > 1 {
		return f.clause(w, "", "fail")
	}
	return f.clause(w, "", "fails")
}

// worst is the same of the damage, where each check counts by its worst run.
func (f measured) worst(w Wording) string { return f.clause(w, " at worst", "failed") }

func (f measured) clause(w Wording, how, fail string) string {
	var titles []string
	for _, c := range f.beside {
		titles = append(titles, shorten(flat(w.checkTitle(c.Name)), mostTitle))
	}
	also := listed(few(titles)) + " " + fail
	if len(f.summed) == 0 {
		return also
	}
	text := phrase.Plural(f.rows, "row") + " wrong in " + w.dataText(f.summed)
	if money := phrase.Amounts(f.money); money != "" {
		text += " (" + money + ")"
	}
	if text += how; len(titles) > 0 {
		text += "; " + also + ", too"
	}
	return text
}

// what is what is wrong, in one clause: "133 rows wrong in orders ($18,204.10)".
func (f measured) what(w Wording) string {
	switch {
	case len(f.fails) > 0:
		text := f.wrong(w)
		if len(f.unknown) > 0 {
			text += fmt.Sprintf("; %s did not answer", phrase.Plural(int64(len(f.unknown)), "check"))
		}
		return text
	case len(f.unknown) > 0:
		return fmt.Sprintf("not known: %d of %s did not answer", len(f.unknown), phrase.Plural(int64(len(f.unknown)+len(f.passes)), "check"))
	case len(f.passes) > 0:
		return fmt.Sprintf("0 rows wrong: %s", passing(len(f.passes)))
	}
	return "not measured yet"
}

func passing(n int) string {
	if n == 1 {
		return "the one check that was run passes"
	}
	return fmt.Sprintf("all %d checks that were run pass", n)
}

// badSince is the first bad time known of failing checks. open: some of them have none,
// so that it may have begun earlier.
func badSince(fails []Checked, i Incident) (first time.Time, open bool) {
	for _, c := range fails {
		switch {
		case c.Last.First.IsZero():
			open = true
		case first.IsZero() || c.Last.First.Before(first):
			first = c.Last.First
		}
	}
	if began := i.Milestones.Began; open && !began.IsZero() && (first.IsZero() || began.Before(first)) {
		first = began
	}
	return first, open
}

// safe answers whether the data may be read. It is Yes only if every check passes.
func (f measured) safe(w Wording, i Incident) message.Line {
	var parts []message.Line
	if len(f.fails) > 0 {
		line := message.Text("No, for %s", w.dataText(f.fails))
		switch first, open := badSince(f.fails, i); {
		case first.IsZero():
			line = append(line, message.Span{Text: "; since when is not known"})
		case open:
			line = append(line, message.Join(" since ", message.At(first), " or earlier")...)
		default:
			line = append(line, message.Join(" since ", message.At(first))...)
		}
		parts = append(parts, line)
	}
	if silent := f.silent(w); len(silent) > 0 {
		parts = append(parts, message.Text("Not known for %s: no answer", w.dataText(silent)))
	}
	switch {
	case len(parts) > 0:
		return append(joined(". ", 0, parts), message.Span{Text: "."})
	case len(f.passes) > 0:
		return message.Join("Yes, as far as these checks look: all passed, the last ", message.At(answered(f.passes)), ".")
	}
	return message.Text("Not known: no check has answered yet.")
}

// silent are the checks that did not answer, about data of which no other says No.
func (f measured) silent(w Wording) (out []Checked) {
	no := map[string]bool{}
	for _, c := range f.fails {
		no[w.dataOf(c.Name)] = true
	}
	for _, c := range f.unknown {
		if !no[w.dataOf(c.Name)] {
			out = append(out, c)
		}
	}
	return out
}

// answered is when the latest of the checks answered.
func answered(checks []Checked) (at time.Time) {
	for _, c := range checks {
		if c.Last.At.After(at) {
			at = c.Last.At
		}
	}
	return at
}
