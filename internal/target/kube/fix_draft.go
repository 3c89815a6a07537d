package kube

import (
	"context"
	"fmt"
	"strings"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
)

// candidate is a deployment of which it is decided what becomes of it.
type candidate struct {
	seen
	owners []owner
	unseen []string
	w      writing
}

// find freezes what is seen.
func (c *candidate) find() {
	c.w.found = original{UID: string(c.UID), Replicas: c.replicas(), Env: c.env.value, Plan: c.record.last().Plan}
}

// drafting is one plan being worked out.
type drafting struct {
	t      *Target
	plan   string // as objects name it
	mode   string
	target string // the target's name
	of     int    // deployments that there are
	undoes fix.Plan
	chosen []*candidate
	left   []fix.Left
	risks  []string
}

func (d *drafting) choose(one *candidate) { d.chosen = append(d.chosen, one) }

// leave notes a deployment that the plan does not touch.
func (d *drafting) leave(one *candidate, why string) {
	for i := range d.left {
		if d.left[i].Why == why {
			d.left[i].Rows++
			d.left[i].Examples = append(d.left[i].Examples, one.Name)
			return
		}
	}
	d.left = append(d.left, fix.Left{Rows: 1, Why: why, Examples: []string{one.Name}})
}

// nothing says why there is nothing to change.
func (d *drafting) nothing() error {
	const named = 3
	var why []string
	for _, l := range d.left[:min(len(d.left), named)] {
		why = append(why, strings.Join(l.Examples, ", ")+": "+l.Why)
	}
	if more := len(d.left) - len(why); more > 0 {
		why = append(why, fmt.Sprintf("and %d more", more))
	}
	what := map[string]string{wayScale: "stop", wayReadOnly: "make read-only", wayResume: "resume"}[d.mode]
	return problemf("There is nothing to %s. %s.", what, sentenceCase(strings.Join(why, "; ")))
}

// finish makes sure that the cluster would let the plan be carried out, and puts
// it into words.
func (d *drafting) finish(ctx context.Context) (fix.Draft, error) {
	draft := fix.Draft{
		Target: d.target, Place: d.t.opts.Place, Plain: true, Uncounted: true, Left: d.left,
		Rows: int64(len(d.chosen)), Found: int64(len(d.chosen)), Total: int64(len(d.chosen)), Of: int64(d.of),
		Heads: []string{"deployment", "now", "then"}, Columns: []check.Column{{Name: "deployment", Class: check.Key}},
		Content: fix.Content{PerBatch: 1},
		Listing: [][]string{{"deployment", "now", "then"}},
	}
	if len(d.chosen) == 0 {
		return draft, nil
	}
	if err := d.t.mayWrite(ctx, d.chosen); err != nil {
		return fix.Draft{}, err
	}
	for i, one := range d.chosen {
		if err := d.t.dryRun(ctx, one.w); err != nil {
			return fix.Draft{}, err
		}
		form, err := one.w.form()
		if err != nil {
			return fix.Draft{}, err
		}
		changed, err := one.w.change(i)
		if err != nil {
			return fix.Draft{}, err
		}
		draft.Content.Forms = append(draft.Content.Forms, form)
		draft.Content.Changes = append(draft.Content.Changes, changed)
	}
	d.say(&draft)
	return draft, nil
}
