package kafka

import (
	"bytes"

	"github.com/integritybot/integritybot/internal/fix"
)

// laneBytes is how much of a lane's name a plan's group keeps.
const laneBytes = 8

// lane is what a copy keeps its order in: its topic and key.
type lane [laneBytes]byte

// queue has what comes later in a lane wait for what is left alone of it, so that
// no record overtakes an earlier one of its key. What is gone, or was processed
// meanwhile, is not waited for: it comes no more. The batches before count, too.
func (w *posting) queue() {
	w.waiting = bytes.Clone(w.s.memory.Waiting)
	blocked := map[lane]bool{}
	for at := 0; at+laneBytes <= len(w.waiting); at += laneBytes {
		blocked[lane(w.waiting[at:])] = true
	}
	for i := range w.fates {
		f := &w.fates[i]
		if f.why == "" && len(blocked) == 0 || f.why != "" && !f.holds() {
			continue
		}
		l, ordered := w.lane(i)
		switch {
		case !ordered:
		case blocked[l] && f.why == "":
			f.why = whyWaits
		case !blocked[l] && f.holds():
			blocked[l] = true
			w.waiting = append(w.waiting, l[:]...)
		}
	}
}

// holds tells whether a change is left alone in such a way that later ones of its
// lane have to wait.
func (f posted) holds() bool {
	switch f.why { //nolint:exhaustive // for the others nobody waits
	case fix.WhyChanged, whyLarge, whyTime, whyPartition:
		return true
	}
	return false
}

// lane is that of a change. What is put aside has none, nor what has no key.
func (w *posting) lane(i int) (l lane, ordered bool) {
	r := w.fates[i].record
	if r == nil || r.Key == nil || w.specs[w.batch.Changes[i].Form].Kind == sendAside {
		return l, false
	}
	of := laneOf(r.Topic, r.Key)
	return lane(of[:]), true
}
