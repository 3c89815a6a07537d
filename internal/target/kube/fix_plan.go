package kube

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/declare"
	"github.com/integritybot/integritybot/internal/fix"
)

// writersPlanner works out how writers are stopped and resumed. It changes
// nothing: what it tries, it tries as a dry run.
type writersPlanner struct {
	words  *writersFix
	target *Target
	check  check.Check
}

// Modes implements fix.Planner.
func (p *writersPlanner) Modes() []string { return p.words.Allowed(p.words.Ways()) }

// Draft implements fix.Planner. One that cannot be carried out, because a right is
// missing or the cluster would refuse it, is no draft but a Problem.
func (p *writersPlanner) Draft(ctx context.Context, o fix.Order, caps fix.Caps, tell func(check.Progress)) (fix.Draft, error) {
	mode, err := modeOf(o, p.Modes(), p.check.Name)
	if err != nil {
		return fix.Draft{}, err
	}
	writers, err := p.selected(o)
	if err != nil {
		return fix.Draft{}, err
	}
	if tell == nil {
		tell = func(check.Progress) {}
	}
	d := &drafting{t: p.target, plan: p.target.planName(o.ID), mode: mode, target: p.check.Target, of: len(p.words.check.Deployments)}
	for i, w := range writers {
		tell(check.Progress{Done: int64(i), Total: int64(len(writers)), Reading: "deployments"})
		if err := p.consider(ctx, d, w); err != nil {
			return fix.Draft{}, err
		}
	}
	if len(d.chosen) == 0 {
		return fix.Draft{}, d.nothing()
	}
	if err := caps.Check(int64(len(d.chosen)), int64(d.of)); err != nil {
		return fix.Draft{}, err
	}
	return d.finish(ctx)
}

// modeOf is the way that was asked for.
func modeOf(o fix.Order, modes []string, name string) (string, error) {
	mode := cmp.Or(o.Mode, modes[0])
	switch {
	case !slices.Contains(modes, mode):
		return "", problemf("%s cannot be changed by %s: its config allows %s.", name, clipped(mode), strings.Join(modes, ", "))
	case o.Limit != 0:
		return "", problemf("A plan for %s has no limit: leave --limit out.", name)
	case o.Rate != 0:
		return "", problemf("A plan for %s has no rate: leave --rate out.", name)
	}
	return mode, nil
}

// selected are the deployments that are meant: all, or those that are named.
func (p *writersPlanner) selected(o fix.Order) ([]Writer, error) {
	all := p.words.check.Deployments
	switch {
	case o.Argument != "":
		return nil, problemf("Stopping and resuming writers takes no argument (%s): name a deployment with deployment=NAME.", clipped(o.Argument))
	case !o.From.IsZero() || !o.To.IsZero():
		return nil, problemf("Writers are stopped and resumed now: leave the times out.")
	case len(o.Select) == 0:
		return all, nil
	}
	wanted := map[string]bool{}
	names := p.words.check.names()
	for _, word := range o.Select {
		key, name, ok := strings.Cut(word, "=")
		switch {
		case !ok || key != "deployment" || name == "":
			return nil, problemf("%q does not tell which writers are meant: name them with deployment=NAME, of %s.", clipped(word), strings.Join(names, ", "))
		case !slices.Contains(names, name):
			return nil, problemf("%s has no deployment %s%s It has %s.", p.check.Name, clipped(name), declare.DidYouMean(name, names), strings.Join(names, ", "))
		}
		wanted[name] = true
	}
	return slices.DeleteFunc(slices.Clone(all), func(w Writer) bool { return !wanted[w.Name] }), nil
}

// consider decides about one deployment.
func (p *writersPlanner) consider(ctx context.Context, d *drafting, w Writer) error {
	s, err := p.target.see(ctx, w)
	if err != nil {
		return err
	}
	one := &candidate{seen: s, w: writing{plan: d.plan, name: w.Name, spec: writeSpec{
		Mode: d.mode, Watch: p.words.watch(), Settle: p.words.check.settle(),
	}}}
	if w.ReadOnly != nil {
		one.w.spec.Container, one.w.spec.Env, one.w.spec.On = s.env.container, w.ReadOnly.Env, w.ReadOnly.On
	}
	if one.owners, one.unseen, err = p.target.owners(ctx, s.Deployment); err != nil {
		return err
	}
	one.find()
	if !s.record.readable() {
		d.leave(one, "what plans have written on it cannot be read any more ("+previousKey+" or "+recordKey+" was changed)")
		return nil
	}
	if last := s.record.last(); last.Plan != "" && !last.done() {
		if made, _ := p.target.made(s, last); !made && d.mode != wayResume {
			d.leave(one, p.target.saidPlan(last.Plan)+" has begun to change it and did not finish; resume it first")
			return nil
		}
	}
	switch d.mode {
	case wayScale:
		p.scale(d, one)
	case wayReadOnly:
		p.readOnly(d, one)
	default:
		p.target.resume(d, one)
	}
	return nil
}

// scale stops a deployment by leaving it no pods.
func (p *writersPlanner) scale(d *drafting, one *candidate) {
	if one.replicas() == 0 {
		d.leave(one, "stopped already"+p.target.stoppedBy(one.seen))
		return
	}
	zero := int32(0)
	one.w.want.Replicas, one.w.spec.Autoscaled = &zero, autoscaled(one.owners)
	d.choose(one)
}

// readOnly tells the application of a deployment not to write.
func (p *writersPlanner) readOnly(d *drafting, one *candidate) {
	ro := one.writer.ReadOnly
	switch {
	case ro == nil:
		d.leave(one, "its config does not say how it is told not to write (read_only): scale it to zero instead")
	case one.env.problem != "":
		d.leave(one, one.env.problem)
	case one.seen.readOnly():
		d.leave(one, "read-only already"+p.target.readOnlyBy(one.seen))
	case one.Spec.Paused:
		d.leave(one, "its rollout is paused, so that the variable would reach no pod: kubectl rollout resume deployment "+one.Name+" -n "+one.Namespace)
	default:
		on := ro.On
		one.w.want.Env = &envChange{Container: one.env.container, Name: ro.Env, Value: &on}
		d.choose(one)
	}
}

// stoppedBy tells who stopped it, to follow "stopped already".
func (t *Target) stoppedBy(s seen) string {
	if s.record.kept.Replicas != nil {
		return " by " + t.saidPlan(s.record.last().Plan)
	}
	return " by " + setterOfReplicas(s.Deployment).said()
}

func (t *Target) readOnlyBy(s seen) string {
	if s.record.kept.Env != nil {
		return " by " + t.saidPlan(s.record.last().Plan)
	}
	return " by " + setterOf(s.ManagedFields, envPath(s.env.container, s.writer.ReadOnly.Env)).said()
}

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
