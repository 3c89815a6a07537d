package fix

import "github.com/integritybot/integritybot/internal/message/phrase"

// Second tells whether a plan needs a second person, and why in a clause that
// stands before "someone other than …".
func Second(d Draft, r Rules, way Way) (bool, string) {
	switch changes := max(d.Total, d.Rows); {
	case way.Second != "":
		return true, way.Second
	case changes <= r.SecondOver:
		return false, ""
	case r.SecondOver <= 0:
		return true, "every change by this fix needs a second person"
	}
	return true, "over " + phrase.Count(r.SecondOver) + " rows"
}

// Nothing says why a draft has nothing to carry out, and whether that is good
// news; empty if it has. title is the check's.
func Nothing(title string, d Draft) string {
	if d.Rows > 0 || d.Total > 0 {
		return ""
	}
	if len(d.Left) == 0 {
		return title + ": nothing is wrong any more, so there is nothing to fix."
	}
	return title + ": nothing that this fix may change. What is wrong is left alone, for the reasons given."
}
