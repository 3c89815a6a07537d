package kube

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/fix"
)

// What plans write beside what they change, on the object itself.
const (
	planKey     = "integritybot.io/plan"     // the last plan: <store>/P-77
	meantKey    = "integritybot.io/meant"    // what it wants: running, stopped, read-only
	previousKey = "integritybot.io/previous" // how it was before, for a resume; JSON
	recordKey   = "integritybot.io/record"   // what the last plans did, for their undo; JSON
)

// What a deployment is meant to be.
const (
	meantRunning  = "running"
	meantStopped  = "stopped"
	meantReadOnly = "read-only"
)

// remembered is how many plans a deployment remembers.
const remembered = 6

// former is how a deployment was before plans stopped its writes; what is nil was
// not changed. It is never taken from a deployment that a plan has stopped.
type former struct {
	Replicas *int32     `json:"replicas,omitempty"`
	Env      *formerEnv `json:"env,omitempty"`
}

// formerEnv is a variable as it was before. Value nil: it was not there. On is what
// the plan has set it to.
type formerEnv struct {
	Container string  `json:"container"`
	Name      string  `json:"name"`
	Value     *string `json:"value"`
	On        string  `json:"on"`
}

// meant is what a deployment is meant to be of which this was kept.
func (k former) meant() string {
	switch {
	case k.Replicas != nil:
		return meantStopped
	case k.Env != nil:
		return meantReadOnly
	}
	return meantRunning
}

// change is what a plan makes of a deployment; what is nil it does not touch.
type change struct {
	Replicas *int32     `json:"replicas,omitempty"`
	Env      *envChange `json:"env,omitempty"`
}

// envChange sets a variable; Value nil: takes it away.
type envChange struct {
	Container string  `json:"container"`
	Name      string  `json:"name"`
	Value     *string `json:"value"`
}

// entry is what one plan did to a deployment.
type entry struct {
	Plan  string `json:"plan"` // <store>/P-77
	Batch int    `json:"batch"`
	// At is when all of it was done; zero: it was only begun, at Begun.
	At    time.Time `json:"at,omitzero"`
	Begun time.Time `json:"begun"`
	// Generation is that of the deployment right after it was begun.
	Generation int64 `json:"generation"`
	// Was and Made are what it found and what it made of that.
	Was  change `json:"was"`
	Made change `json:"made"`
	// Left says why it was not done after all; empty: it was, or is not over.
	Left fix.Why `json:"left,omitempty"`
	// Before is what was kept before.
	Before former `json:"before"`
}

func (e entry) done() bool { return !e.At.IsZero() }

// record is what plans have written on a deployment. The last plan's entry comes
// first.
type record struct {
	kept    former
	entries []entry
	// broken says that somebody else wrote there, so that nothing is known.
	broken error
}

func (r record) readable() bool { return r.broken == nil }

// recordOf reads what plans have written.
func recordOf(annotations map[string]string) record {
	var r record
	for key, into := range map[string]any{previousKey: &r.kept, recordKey: &r.entries} {
		if text := annotations[key]; text != "" {
			if err := json.Unmarshal([]byte(text), into); err != nil {
				r.broken = fmt.Errorf("annotation %s: %w", key, err)
			}
		}
	}
	return r
}

// annotations are the record as it is written; nil takes one away.
func (r record) annotations() (map[string]any, error) {
	previous, err := json.Marshal(r.kept)
	if err != nil {
		return nil, fmt.Errorf("annotation %s: %w", previousKey, err)
	}
	entries, err := json.Marshal(r.entries)
	if err != nil {
		return nil, fmt.Errorf("annotation %s: %w", recordKey, err)
	}
	out := map[string]any{planKey: nil, meantKey: nil, previousKey: nil, recordKey: nil}
	if len(r.entries) > 0 {
		out[planKey], out[recordKey], out[meantKey] = r.entries[0].Plan, string(entries), r.kept.meant()
	}
	if r.kept != (former{}) {
		out[previousKey] = string(previous)
	}
	return out, nil
}

// last is the last plan's entry; the zero entry if there was none.
func (r record) last() entry {
	if len(r.entries) == 0 {
		return entry{}
	}
	return r.entries[0]
}

// of is a plan's entry.
func (r record) of(plan string) (entry, bool) {
	for _, e := range r.entries {
		if e.Plan == plan {
			return e, true
		}
	}
	return entry{}, false
}

// with is the record with one more entry, or with that of the same plan renewed.
func (r record) with(e entry, now former) record {
	out := record{kept: now, entries: []entry{e}}
	for _, old := range r.entries {
		if old.Plan != e.Plan && len(out.entries) < remembered {
			out.entries = append(out.entries, old)
		}
	}
	return out
}

// without is the record as if its last entry had never been.
func (r record) without() record {
	return record{kept: r.entries[0].Before, entries: r.entries[1:]}
}

// planName is a plan as objects name it.
func (t *Target) planName(id int64) string { return t.opts.Store + "/" + fix.Ref(id) }

// saidPlan is how people name the plan of an entry: P-77, or P-77 of another bot.
func (t *Target) saidPlan(plan string) string {
	at := strings.LastIndexByte(plan, '/')
	if store := plan[:max(at, 0)]; store != t.opts.Store {
		return clipped(plan[at+1:]) + " of another bot (store " + clipped(store) + ")"
	}
	return plan[at+1:]
}

// ours tells whether a plan is one of this bot's.
func (t *Target) ours(plan string) bool {
	_, err := fix.ParseRef(strings.TrimPrefix(plan, t.opts.Store+"/"))
	return err == nil && strings.HasPrefix(plan, t.opts.Store+"/")
}
