package kafka

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

func (r *lettersRun) result() check.Result {
	s := r.state
	res := check.Result{
		Scanned:  s.Judged.Scanned,
		Read:     s.Judged.Read,
		Plan:     "read from the first record to the end of each partition",
		Position: positions(s.Ends),
		Notes:    r.notes(),
		Says:     r.says(),
	}
	if r.opts.Overview {
		res.Overview = s.Groups.overview(r.by)
	}
	return res
}

// positions are end offsets by partition: 0:123 1:456.
func positions(ends map[int32]int64) string {
	var out []string
	for _, p := range slices.Sorted(maps.Keys(ends)) {
		out = append(out, fmt.Sprintf("%d:%d", p, ends[p]))
	}
	return strings.Join(out, " ")
}

func (r *lettersRun) notes() []string {
	var out []string
	note := func(n int64, one, many string, args ...any) {
		if n == 0 {
			return
		}
		form := many
		if n == 1 {
			form = one
		}
		out = append(out, phrase.Count(n)+" "+fmt.Sprintf(form, args...))
	}
	t := r.state.Judged
	out = append(out, r.missing(r.state.ID, r.state.Behind)...)
	if r.state.Innocent {
		note(t.Failing, "dead letter stands there: up to %s are innocent (max).", "dead letters stand there: up to %s are innocent (max).", phrase.Count(r.words.Max))
	}
	n, plans := byPlans(t.Sent)
	note(n, "was sent on by %s: not counted.", "were sent on by %s: not counted.", plans)
	n, plans = byPlans(t.Taken)
	note(n, "of these is taken by %s, which has not ended.", "of these are taken by %s, which has not ended.", plans)
	note(t.Back, "of these was sent on before and died again.", "of these were sent on before and died again.")
	note(t.Lost, "of these does not say which topic it is from: name it under origin or headers.",
		"of these do not say which topic they are from: name it under origin or headers.")
	note(t.Broken, "of these is not wrapped as the config's envelope says.", "of these are not wrapped as the config's envelope says.")
	return out
}

// missing says what could not be taken into account.
func (d *lettersDetector) missing(id string, behind int64) []string {
	var out []string
	if behind > 0 {
		out = append(out, stand(behind)+" behind an open transaction: not looked at.")
	}
	if nameless(id) && d.sources.Ledger != nil {
		out = append(out, "Kafka "+d.target.opts.Place+" gives topics no ids (it is older than 2.8), so that nobody knows which letters plans have sent: all count.")
	}
	return out
}

// unknown is the Problem of letters that nobody can see yet, unless the others
// fail the check without them, or all of them would be innocent.
func (r *lettersRun) unknown() error {
	s := r.state
	failing := s.Judged.Failing > 0 && !s.Innocent
	if s.Behind == 0 || failing || s.Judged.Failing+s.Behind <= r.words.Max {
		return nil
	}
	return problemf("%s behind an open transaction in topic %s on Kafka %s: it is not known whether they are dead letters. Run the check again when the transaction has ended; Kafka ends one itself after its transaction.timeout.ms, mostly a minute.",
		stand(s.Behind), r.words.Topic, r.target.opts.Place)
}

// mostPlans is how many plans a note names.
const mostPlans = 3

func byPlans(m map[int64]int64) (int64, string) {
	n, names := int64(0), []string{}
	for _, plan := range slices.Backward(slices.Sorted(maps.Keys(m))) {
		n += m[plan]
		if len(names) < mostPlans {
			names = append(names, fmt.Sprintf("P-%d", plan))
		}
	}
	if more := len(m) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return n, strings.Join(names, ", ")
}
