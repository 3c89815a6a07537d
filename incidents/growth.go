package incidents

import (
	"fmt"
	"time"

	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// growth says whether it still grows, with dates and not with ages.
func (f measured) growth(i Incident) message.Line {
	grew, seen := f.grew(), answered(f.fails)
	contained := i.Milestones.Contained
	switch {
	case !contained.IsZero() && grew.After(contained):
		return message.Join("Not contained: it was thought to be ", message.At(contained), ", but a run found more ", message.At(grew), ".")
	case !contained.IsZero() && seen.After(contained):
		return message.Join("Contained since ", message.At(contained), ": no run has found more since, the last ", message.At(seen), ".")
	case !contained.IsZero():
		return message.Join("Contained since ", message.At(contained), ".")
	case len(f.fails) == 0:
		return nil
	case !grew.IsZero() && !grew.Before(seen):
		return message.Join("Still growing: the run of ", message.At(grew), " found more than the one before.")
	case !grew.IsZero():
		return message.Join("Not growing since ", message.At(grew), ", last looked ", message.At(seen), ". Not contained yet.")
	}
	again := f.again()
	switch left := len(f.fails) - len(again); {
	case len(again) == 0:
		return message.Text("Whether it grows is not known yet: that takes a second run of the checks.")
	case left == 0:
		return message.Join("Not growing: no run has found more than the first, the last ", message.At(seen), ". Not contained yet.")
	default:
		return message.Join(fmt.Sprintf("Not growing as far as %s looked twice, the last ", phrase.Plural(int64(len(again)), "failing check")),
			message.At(answered(again)), fmt.Sprintf("; of %s it is not known yet: that takes a second run.", moreOf(left)))
	}
}

func moreOf(n int) string {
	if n == 1 {
		return "one more"
	}
	return phrase.Count(int64(n)) + " more"
}

// grew is when a failing check last found more than before.
func (f measured) grew() (grew time.Time) {
	for _, c := range f.fails {
		if c.Grew.After(grew) {
			grew = c.Grew
		}
	}
	return grew
}

// again are the failing checks that were run twice at least.
func (f measured) again() (out []Checked) {
	for _, c := range f.fails {
		if c.First.Known() && c.Last.Run != c.First.Run {
			out = append(out, c)
		}
	}
	return out
}
