package kube

import (
	"cmp"
	"context"
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
	if last := s.record.last(); s.record.kept != (former{}) && !p.target.ours(last.Plan) {
		d.leave(one, "stopped by "+p.target.saidPlan(last.Plan)+": resume it there")
		return nil
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
