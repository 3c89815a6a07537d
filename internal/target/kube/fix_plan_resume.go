package kube

import (
	"context"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/integritybot/integritybot/internal/fix"
)

// resume gives a deployment back what it was before plans stopped it. What
// somebody else has given back already is accepted: from then on it is meant to
// be so.
func (t *Target) resume(d *drafting, one *candidate) {
	was := one.record.kept
	if was == (former{}) {
		d.leave(one, t.notStopped(one.seen))
		return
	}
	t.back(one, was)
	if one.w.want.Env != nil && one.Spec.Paused {
		d.leave(one, "its rollout is paused, so that the variable would reach no pod: kubectl rollout resume deployment "+one.Name+" -n "+one.Namespace)
		return
	}
	one.w.want.Kept = &former{}
	d.choose(one)
}

// back sets what is still as plans left it to what it was before.
func (t *Target) back(one *candidate, was former) {
	if was.Replicas != nil && one.replicas() == 0 {
		n := *was.Replicas
		one.w.want.Replicas = &n
		one.w.spec.Autoscaled = autoscaled(one.owners)
	}
	if e := was.Env; e != nil {
		one.w.spec.Container, one.w.spec.Env, one.w.spec.On = e.Container, e.Name, e.On
		is := envOf(one.Deployment, e.Container, e.Name)
		one.w.found.Env = is.value
		if is.problem == "" && is.value != nil && *is.value == e.On {
			one.w.want.Env = &envChange{Container: e.Container, Name: e.Name, Value: e.Value}
		}
	}
}

// notStopped says why a deployment that no plan stopped is left alone.
func (t *Target) notStopped(s seen) string {
	var why []string
	if s.replicas() == 0 {
		why = append(why, fmt.Sprintf("stopped by hand (%s), so that it is not known how many pods there were: kubectl scale deployment %s -n %s --replicas=N",
			setterOfReplicas(s.Deployment).said(), s.Name, s.Namespace))
	}
	if s.readOnly() {
		by := setterOf(s.ManagedFields, envPath(s.env.container, s.writer.ReadOnly.Env))
		why = append(why, fmt.Sprintf("read-only by hand (%s): %s", by.said(), s.writer.unset(s.Namespace)))
	}
	if len(why) == 0 {
		return "it is not stopped"
	}
	return strings.Join(why, "; ")
}

// inverse drafts the way back of a plan that stopped writers.
func (t *Target) inverse(ctx context.Context, o fix.Order, undoes fix.Plan, forms []fix.Form) (fix.Draft, error) {
	d := &drafting{t: t, plan: t.planName(o.ID), mode: wayResume, target: t.opts.Name, of: len(forms), undoes: undoes}
	for _, f := range forms {
		spec, err := specOf(f)
		if err != nil {
			return fix.Draft{}, err
		}
		if spec.Mode == wayResume {
			return fix.Draft{}, problemf("%s cannot be taken back: %s.", undoes.Ref(), stopAgain)
		}
		if err := t.takeBack(ctx, d, f.Name, spec); err != nil {
			return fix.Draft{}, err
		}
	}
	draft, err := d.finish(ctx)
	draft.Partial = len(d.left) > 0
	return draft, err
}

// stopAgain says why a resume has no undo: it would stop writes with one click.
const stopAgain = "to stop writes again, ask for writes stop, which a second person approves"

// takeBack decides about one deployment of the plan.
func (t *Target) takeBack(ctx context.Context, d *drafting, name string, spec writeSpec) error {
	c, err := t.reading()
	if err != nil {
		return err
	}
	one := &candidate{w: writing{plan: d.plan, name: name, spec: spec}}
	is, err := t.getDeployment(ctx, c, name)
	switch {
	case apierrors.IsNotFound(err):
		d.left = append(d.left, fix.Left{Rows: 1, Why: "gone", Examples: []string{name}})
		return nil
	case err != nil:
		return t.problem(ctx, act{doing: "getting deployment " + name, verb: "get", resource: "deployments.apps", name: name}, err)
	}
	if one.seen, err = t.remember(ctx, c, seenAs(one.w.writer(), is)); err != nil {
		return err
	}
	if one.owners, one.unseen, err = t.owners(ctx, is); err != nil {
		return err
	}
	one.find()
	e, did := one.record.of(t.planName(d.undoes.ID))
	if why := t.notAsLeft(one, e, did); why != "" {
		d.leave(one, why)
		return nil
	}
	one.w.spec.Mode = wayResume
	var was former
	if e.Made.Replicas != nil {
		was.Replicas = e.Was.Replicas
	}
	if m := e.Made.Env; m != nil && m.Value != nil && e.Was.Env != nil {
		was.Env = &formerEnv{Container: m.Container, Name: m.Name, Value: e.Was.Env.Value, On: *m.Value}
	}
	t.back(one, was)
	before := e.Before
	one.w.want.Kept = &before
	d.choose(one)
	return nil
}

// notAsLeft says why a deployment is not as a plan has left it; empty if it is.
func (t *Target) notAsLeft(one *candidate, e entry, did bool) string {
	switch {
	case one.record.broken != nil:
		return "what the plan wrote on it cannot be read any more"
	case did && e.Left != "":
		return "the plan left it alone: " + string(e.Left)
	case !did:
		return "the plan did not change it, or more plans have since than a deployment remembers"
	case one.record.last().Plan != e.Plan:
		return "changed by " + t.saidPlan(one.record.last().Plan) + " since"
	}
	made, _ := t.made(one.seen, e)
	by, wrong := one.undone()
	switch {
	case !made:
		return "the plan has begun to change it and did not finish: resume it with writes resume"
	case wrong && by.known():
		return fmt.Sprintf("not as the plan left it: changed by %s (%s); accept that with writes resume", by.said(), moment(by.at))
	case wrong:
		return "not as the plan left it: changed by " + by.said() + "; accept that with writes resume"
	case one.w.spec.Mode == wayReadOnly && one.Spec.Paused:
		return "its rollout is paused, so that the variable would reach no pod: kubectl rollout resume deployment " + one.Name + " -n " + one.Namespace
	}
	return ""
}
