package report

import (
	"fmt"

	"github.com/shopspring/decimal"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// headline is the first line: the verdict, the worst number, what it means.
func headline(run check.Run, checks Checks) message.Line {
	t := sum(run)
	all, says := len(run.Checks), ""
	if len(run.Findings) == 1 {
		says = saying(run, run.Findings[0], checks)
	}
	switch {
	case run.State == check.Failed:
		return message.Text("⚪ UNKNOWN %s: the run could not be finished. %s", run.Title, run.Reason)
	case run.State == check.Stopped:
		return append(message.Text("⚪ UNKNOWN %s: stopped by ", run.Title),
			append(message.Line{message.Mention(run.StoppedBy)}, message.Text(" after %d of %s; %s", len(run.Findings), checksText(all), t.stoppedText())...)...)
	case t.failed > 0 && all == 1 && says != "":
		return message.Text("🔴 FAIL %s: %s", run.Title, says)
	case t.failed > 0 && all == 1 && t.worst.Result.Says != "": // which names too much to be said here
		return message.Text("🔴 FAIL %s: %s", run.Title, meaning(checks[t.worst.Check], t.worst))
	case t.failed > 0:
		return message.Text("🔴 FAIL %s: %s%s", run.Title, t.failText(all), t.worstText(checks))
	case t.unknown > 0:
		return message.Text("⚪ UNKNOWN %s: %d of %s did not answer, %d pass", run.Title, t.unknown, checksText(all), t.passed)
	case all == 1 && says != "":
		return message.Text("🟢 PASS %s: %s", run.Title, says)
	case all == 1:
		return message.Text("🟢 PASS %s: %s", run.Title, ofWhole(run.Findings[0])+" wrong")
	}
	return message.Text("🟢 PASS %s: all %d checks pass, 0 of %s rows wrong%s", run.Title, all, phrase.Count(t.scanned), notRun(run))
}

// notRun is how many checks were left out: nobody may take them for passed.
func notRun(run check.Run) string {
	if len(run.Off) == 0 {
		return ""
	}
	return fmt.Sprintf("; %d not run", len(run.Off))
}

// totals of a run's findings.
type totals struct {
	passed, failed, unknown int
	rows, scanned           int64
	money                   map[string]decimal.Decimal
	worst                   check.Finding
}

func sum(run check.Run) totals {
	t := totals{money: map[string]decimal.Decimal{}}
	for _, f := range run.Findings {
		t.scanned += f.Result.Scanned
		switch f.Verdict {
		case check.Pass:
			t.passed++
			continue
		case check.Unknown:
			t.unknown++
			continue
		case check.Fail:
		}
		t.failed++
		t.rows += f.Tally.Rows
		for currency, amount := range f.Tally.Money {
			t.money[currency] = t.money[currency].Add(amount)
		}
		if f.Tally.Rows > t.worst.Tally.Rows {
			t.worst = f
		}
	}
	return t
}

func (t totals) failText(all int) string {
	s := fmt.Sprintf("%d of %s fail", t.failed, checksText(all))
	if all == 1 {
		s = "the check fails"
	}
	if t.unknown > 0 {
		s += fmt.Sprintf(", %d unknown", t.unknown)
	}
	s += " — " + phrase.Plural(t.rows, "row") + " wrong"
	if m := phrase.Amounts(t.money); m != "" {
		s += ", " + m + " at stake"
	}
	return s
}

func (t totals) worstText(checks Checks) string {
	if t.failed < 2 {
		return ""
	}
	return fmt.Sprintf("; worst: %s, %s", checks.title(t.worst.Check), phrase.Count(t.worst.Tally.Rows))
}

func (t totals) stoppedText() string {
	if t.failed == 0 {
		return "nothing wrong was found until then"
	}
	return phrase.Plural(t.rows, "row") + " wrong until then"
}
