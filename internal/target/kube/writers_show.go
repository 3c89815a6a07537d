package kube

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

func writerColumns() []check.Column {
	return []check.Column{
		{Name: "deployment", Class: check.Key},
		{Name: "writes", Class: check.Code},
		{Name: "meant", Class: check.Code},
		{Name: "pods", Class: check.Code},
		{Name: "since", Class: check.Time},
		{Name: "by", Class: check.Code},
		{Name: "owners", Class: check.Code},
	}
}

// cells are a writer as a row of a table.
func (l *writerLook) cells() []string {
	if l.unknown != nil {
		return []string{l.Name, "unknown", l.meant(), "unknown", "", "", ""}
	}
	since := ""
	if !l.since.IsZero() {
		since = l.since.UTC().Format(time.RFC3339)
	}
	pods := fmt.Sprintf("%d of %d ready", l.Status.AvailableReplicas, l.replicas())
	if l.replicas() == 0 {
		pods = fmt.Sprintf("%d of 0", len(l.pods))
	}
	return []string{l.Name, l.writes, l.meant(), pods, since, l.by, saidOwners(l.owners)}
}

func (l *writerLook) values() []*string {
	cells := l.cells()
	out := make([]*string, len(cells))
	for i := range cells {
		out[i] = &cells[i]
	}
	return out
}

func overviewOf(looks []*writerLook) *check.Overview {
	o := &check.Overview{Columns: writerColumns(), Rows: [][]string{}, Total: int64(len(looks))}
	for _, l := range looks[:min(len(looks), check.MaxOverview)] {
		o.Rows = append(o.Rows, l.cells())
	}
	return o
}

// says is the outcome in a clause: what is wrong first.
func (d *writersDetector) says(looks []*writerLook) string {
	all := len(d.words.Deployments)
	var wrong, right []string
	states, since := map[string]int{}, map[string]time.Time{}
	var order []string
	for _, l := range looks {
		switch state := l.state(); {
		case l.unknown != nil:
		case l.class != "":
			wrong = append(wrong, l.Name+": "+l.wrong())
		default:
			if states[state] == 0 {
				order = append(order, state)
			}
			states[state]++
			if first := since[state]; l.writes != "yes" && (first.IsZero() || l.since.Before(first)) {
				since[state] = l.since
			}
		}
	}
	slices.SortStableFunc(order, func(a, b string) int { return states[b] - states[a] })
	for _, state := range order {
		text := fmt.Sprintf("%d of %s %s", states[state], phrase.Plural(int64(all), "writer"), state)
		if at := since[state]; !at.IsZero() {
			text += " since " + moment(at)
		}
		right = append(right, text)
	}
	if len(wrong) == 0 {
		return strings.Join(right, "; ")
	}
	const named = 3
	text := fmt.Sprintf("%d of %s not as meant: %s", len(wrong), phrase.Plural(int64(all), "writer"), strings.Join(wrong[:min(len(wrong), named)], "; "))
	if len(wrong) > named {
		text += fmt.Sprintf("; and %d more", len(wrong)-named)
	}
	return text
}

// state is what a writer does that is as it is meant to be.
func (l *writerLook) state() string {
	text := map[string]string{"yes": "writing", meantReadOnly: "read-only", meantStopped: "stopped", "stopping": "stopping"}[l.writes]
	if l.by != "" && l.writes != "yes" {
		text += " by " + l.by
	}
	if l.unready != "" {
		text += ", " + l.unready
	}
	return text
}

// wrong is what is not as it is meant to be.
func (l *writerLook) wrong() string {
	text := l.class
	switch l.class {
	case classReverted:
		text = fmt.Sprintf("meant to be %s, and writes", l.meant())
		if l.record.kept.Env != nil && l.record.kept.Replicas != nil && l.writes == meantReadOnly {
			text = "meant to be stopped, and only read-only"
		}
	case classBegun:
		return fmt.Sprintf("%s has begun to change it and did not finish", l.by)
	case classPending:
		text = fmt.Sprintf("not %s yet (%s)", l.meant(), l.unready)
	case classStuck, classNotReady:
		text += " (" + l.unready + ")"
	}
	if l.by != "" && l.class != classStuck && l.class != classNotReady && l.class != classPaused {
		text += ", by " + l.by
	}
	if !l.since.IsZero() {
		text += " since " + moment(l.since)
	}
	return text
}

// notes are what the numbers do not say.
func (d *writersDetector) notes(looks []*writerLook) []string {
	var out []string
	for _, l := range looks {
		out = append(out, l.unseen...)
		if l.unknown == nil && l.bares() && l.replicas() == 0 {
			out = append(out, l.Name+" has no pods, and its read-only variable was taken away: it writes as soon as it has pods again.")
		}
		if l.class == classReverted || l.class == classStopped || l.class == classReadOnly {
			out = append(out, d.advice(l))
		}
	}
	return out
}

// advice says what to do about a writer that is not as it is meant to be.
func (d *writersDetector) advice(l *writerLook) string {
	name, namespace := l.Name, l.Namespace
	switch l.class {
	case classReverted:
		text := fmt.Sprintf("%s writes although %s stopped it: stop it again, or accept it with writes resume.", name, d.target.saidPlan(l.record.last().Plan))
		for _, o := range l.owners {
			if !o.paused && !o.stands() {
				text += fmt.Sprintf(" First keep %s from it: %s.", clipped(o.said()), clipped(o.rest(l.Deployment)))
			}
		}
		return text
	case classStopped:
		return fmt.Sprintf("%s has no pods, and no plan of the bot stopped it, so how many there were is not known here: kubectl scale deployment %s -n %s --replicas=N.", name, name, namespace)
	}
	return fmt.Sprintf("%s was made read-only by somebody else than the bot: %s.", name, l.writer.unset(namespace))
}

// unset is how a variable is taken back by hand.
func (w Writer) unset(namespace string) string {
	to := "-"
	if w.ReadOnly.Off != "" {
		to = "=" + w.ReadOnly.Off
	}
	return fmt.Sprintf("kubectl set env deployment %s -n %s %s%s", w.Name, namespace, w.ReadOnly.Env, to)
}

// moment is a time as sentences say it.
func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
