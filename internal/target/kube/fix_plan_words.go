package kube

import (
	"fmt"
	"slices"
	"strings"

	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// namedInDoes is how many deployments one clause names.
const namedInDoes = 5

// say puts into words what the plan does.
func (d *drafting) say(draft *fix.Draft) {
	var parts []string
	for _, one := range d.chosen {
		now, then := one.texts()
		if len(draft.Samples) < fix.MaxSamples {
			draft.Samples = append(draft.Samples, fix.Sample{Key: one.Name, Before: now, After: then})
		}
		draft.Listing = append(draft.Listing, []string{one.Name, now, then})
		parts = append(parts, one.Name+" "+one.clause())
		d.warn(one)
	}
	if more := len(parts) - namedInDoes; more > 0 {
		parts = append(parts[:namedInDoes], fmt.Sprintf("and %d more", more))
	}
	list, n := strings.Join(parts, ", "), phrase.Plural(int64(len(d.chosen)), "deployment")
	draft.Noun = "deployments"
	if d.of == 1 {
		draft.Noun = "deployment"
	}
	switch {
	case d.undoes.ID != 0:
		draft.Does, draft.Button, draft.Done = "take "+d.undoes.Ref()+" back: "+list, "take back "+n, "resumed"
	case d.mode == wayScale:
		draft.Does, draft.Button, draft.Done = fmt.Sprintf("stop writes of %s by scaling to zero (%s)", n, list), "stop "+n, "stopped"
		d.risk("What these pods serve is down until writes are resumed.")
	case d.mode == wayReadOnly:
		draft.Does, draft.Button, draft.Done = fmt.Sprintf("stop writes of %s by read-only mode (%s)", n, list), "make "+n+" read-only", "read-only"
		d.risk("The pods are replaced, and the old ones write until they are gone. That the new ones do not write is up to the application.")
	default:
		draft.Does, draft.Button, draft.Done = fmt.Sprintf("resume writes of %s (%s)", n, list), "resume "+n, "resumed"
	}
	if d.mode == wayResume {
		draft.Irreversible = stopAgain
	}
	draft.Risk = strings.Join(d.risks, " ")
}

// risk adds a sentence that somebody should know before the click, once.
func (d *drafting) risk(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); text != "" && !slices.Contains(d.risks, text) {
		d.risks = append(d.risks, text)
	}
}

// warn says who may take the change back, and what to do about that.
func (d *drafting) warn(one *candidate) {
	if d.undoes.ID != 0 && one.bares() && one.replicas() == 0 && one.w.want.Kept != nil && one.w.want.Kept.Env != nil {
		d.risk("The read-only variable of %s was taken away meanwhile: with its pods it writes again.", one.Name)
	}
	for _, text := range append(slices.Clip(one.unseen), one.unsure) {
		d.risk("%s", text)
	}
	for _, o := range one.owners {
		said, rest := clipped(o.said()), clipped(o.rest(one.Deployment))
		switch {
		case o.paused:
		case o.holds != nil:
			d.warnHeld(one, o)
		case o.scales() && d.mode == wayResume:
			d.risk("From then on %s decides how many pods %s has.", said, one.Name)
		case o.scales() && d.mode == wayReadOnly:
		case o.kind == keda:
			d.risk("The %s brings pods of %s back when its trigger fires; pause it first: %s.", said, one.Name, rest)
		case o.kind == hpa && o.zeroes:
			d.risk("The %s follows an object or external metric and may bring pods of %s back from zero (Kubernetes 1.37 or newer).", said, one.Name)
		case o.kind == hpa:
			d.risk("The %s rests while %s has no pods; how many there are when it is stopped is kept.", said, one.Name)
		default:
			d.risk("The %s may take it back; before that, %s.", said, rest)
		}
	}
}

// warnHeld says that KEDA takes a deployment back to the number that it holds it at.
func (d *drafting) warnHeld(one *candidate, o owner) {
	said := clipped(o.said())
	switch {
	case d.mode == wayResume:
		d.risk("The %s takes %s back to that as long as it is told so: kubectl annotate scaledobject %s -n %s autoscaling.keda.sh/paused-replicas- first.", said, one.Name, clipped(o.name), one.Namespace)
	case d.mode == wayScale && !o.stands():
		d.risk("The %s takes %s back to that; before, %s.", said, one.Name, clipped(o.rest(one.Deployment)))
	}
}

// texts are a deployment now and then.
func (c *candidate) texts() (now, then string) {
	var n, t []string
	n = append(n, phrase.Plural(int64(c.replicas()), "pod"))
	want := c.w.want
	switch {
	case want.Replicas != nil:
		t = append(t, phrase.Plural(int64(*want.Replicas), "pod"))
	case want.Env == nil:
		t = append(t, "as it is, and meant to be so")
	}
	if want.Env != nil {
		n = append(n, valued(want.Env.Name, c.w.found.Env))
		t = append(t, valued(want.Env.Name, want.Env.Value))
	}
	if c.w.want.Kept != nil && c.meant() != meantRunning {
		n = append(n, "meant to be "+c.meant())
	}
	return strings.Join(n, ", "), strings.Join(t, ", ")
}

// clause is what becomes of it, in short.
func (c *candidate) clause() string {
	var out []string
	want := c.w.want
	if want.Replicas != nil {
		out = append(out, fmt.Sprintf("%d → %s", c.replicas(), phrase.Plural(int64(*want.Replicas), "pod")))
	}
	if want.Env != nil {
		out = append(out, valued(want.Env.Name, c.w.found.Env)+" → "+value(want.Env.Value))
	}
	if by, wrong := c.undone(); len(out) == 0 && wrong && c.record.last().done() {
		return "stays as it is, changed by " + by.said()
	}
	if len(out) == 0 {
		return "stays as it is"
	}
	return strings.Join(out, " and ")
}

// valued is a variable with its value.
func valued(name string, v *string) string {
	if v == nil {
		return name + " not set"
	}
	return name + "=" + clipped(*v)
}

func value(v *string) string {
	if v == nil {
		return "not set"
	}
	return clipped(*v)
}
