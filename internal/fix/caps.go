package fix

import (
	"fmt"
	"math"
	"strconv"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// AlwaysRows is what the share of a table never forbids: in a small table a few
// rows are a large share.
const AlwaysRows = 50

// Most is how many failing rows of a table with so many rows one plan may
// repair. Caps that nobody set allow none.
func (c Caps) Most(of int64) int64 {
	share := int64(c.Share*float64(of) + 1e-6) // 0.29 of 100 is 29
	return max(0, min(c.Rows, max(share, AlwaysRows)))
}

// Check is nil if a plan may repair so many failing rows of a table with so many
// rows. found counts what the plan would repair, after its limit. The error is a
// check.Problem that says how to go on.
func (c Caps) Check(found, of int64) error {
	most := c.Most(of)
	if found <= most {
		return nil
	}
	n := phrase.Count(found)
	if found > c.Rows {
		return &check.Problem{Sentence: fmt.Sprintf(
			"%s failing rows are more than one plan may repair: max_rows of this fix is %s. %sor raise max_rows in the config.",
			n, phrase.Count(max(0, c.Rows)), fewer(most))}
	}
	return &check.Problem{Sentence: fmt.Sprintf(
		"%s failing rows are %s of the %s in their table; max_share of this fix is %s, which is %s. So many at once often mean that something else is wrong: look for the cause first. %sor raise max_share in the config.",
		n, phrase.Share(found, of), phrase.Count(of), percent(c.Share), phrase.Count(most), fewer(most))}
}

func fewer(most int64) string {
	if most == 0 {
		return "Repair them by hand, "
	}
	return fmt.Sprintf("Repair fewer with --limit %d, ", most)
}

func percent(share float64) string {
	return strconv.FormatFloat(math.Round(1e8*share)/1e6, 'f', -1, 64) + " %"
}

// Limit is nil if a person may ask for a plan of at most n failing rows.
func (c Caps) Limit(n int) error {
	switch {
	case n <= 0:
		return &check.Problem{Sentence: fmt.Sprintf(
			"A limit of %d would repair nothing: give a number from 1 to %s, or leave --limit out to repair all.", n, phrase.Count(c.Rows))}
	case int64(n) > c.Rows:
		return &check.Problem{Sentence: fmt.Sprintf(
			"A limit of %s is more than one plan may repair: max_rows of this fix is %s. Give a smaller one, or raise max_rows in the config.",
			phrase.Count(int64(n)), phrase.Count(c.Rows))}
	}
	return nil
}
