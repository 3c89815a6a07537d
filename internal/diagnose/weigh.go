package diagnose

import "slices"

// strength is how much speaks for a cause.
type strength string

// The strengths. Below weak a cause is not named.
const (
	strong strength = "strong"
	some   strength = "some"
	weak   strength = "weak"
	none   strength = ""
)

// From how much on a cause has a strength: what speaks for it less what speaks
// against it.
const (
	strongFrom = 7
	someFrom   = 4
	weakFrom   = 2
)

// darkFrom is how many steps that saw nothing make everything less sure.
const darkFrom = 3

// weighed is a cause with all that speaks for and against it.
type weighed struct {
	cause    Cause
	score    int
	strength strength
	pro, con []ground // the heaviest first
}

// diagnosis is what the evidence comes to.
type diagnosis struct {
	causes []weighed // the likeliest first; those without a strength too
	// unsure: so much is not known that every strength is one step lower.
	unsure bool
}

// weigh puts the causes in order.
func weigh(e evidence) diagnosis { return judge(grounds(e), unsure(e)) }

// unsure tells that too much is not known: the data itself, or half of the steps.
func unsure(e evidence) bool {
	return len(e.dark) >= darkFrom || slices.Contains(e.dark, Data)
}

// grounds are the rules that hold: of one cause and signal the first for it and the
// first against it.
func grounds(e evidence) []ground {
	type side struct {
		cause   Cause
		signal  Signal
		against bool
	}
	counted := map[side]bool{}
	var out []ground
	for _, r := range rules() {
		s := side{r.cause, r.signal, r.weight < 0}
		if counted[s] {
			continue
		}
		if g, ok := r.holds(e); ok {
			counted[s] = true
			out = append(out, g)
		}
	}
	return out
}

// judge adds up.
func judge(grounds []ground, unsure bool) diagnosis {
	d := diagnosis{unsure: unsure}
	for _, c := range Causes() {
		w := weighed{cause: c}
		for _, g := range grounds {
			if g.rule.cause != c {
				continue
			}
			w.score += g.rule.weight
			if g.rule.weight > 0 {
				w.pro = append(w.pro, g)
			} else {
				w.con = append(w.con, g)
			}
		}
		slices.SortStableFunc(w.pro, heavier)
		slices.SortStableFunc(w.con, heavier)
		w.strength = strengthOf(w, unsure)
		d.causes = append(d.causes, w)
	}
	slices.SortStableFunc(d.causes, func(a, b weighed) int { return b.score - a.score })
	return d
}

// heavier puts the grounds that count most first.
func heavier(a, b ground) int { return abs(b.rule.weight) - abs(a.rule.weight) }

func strengthOf(w weighed, unsure bool) strength {
	steps := []strength{none, weak, some, strong}
	at := 0
	switch {
	case w.score >= strongFrom:
		at = 3
	case w.score >= someFrom:
		at = 2
	case w.score >= weakFrom:
		at = 1
	}
	if unsure && at > 1 {
		at--
	}
	return steps[at]
}

// named are the causes that are worth naming.
func (d diagnosis) named() []weighed {
	return slices.DeleteFunc(slices.Clone(d.causes), func(w weighed) bool { return w.strength == none })
}

// others are the causes that are not.
func (d diagnosis) others() []weighed {
	return slices.DeleteFunc(slices.Clone(d.causes), func(w weighed) bool { return w.strength != none })
}
