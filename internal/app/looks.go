package app

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/config"
	"github.com/integritybot/integritybot/internal/diagnose"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/look"
	"github.com/integritybot/integritybot/internal/reconcile"
	"github.com/integritybot/integritybot/internal/store"
	"github.com/integritybot/integritybot/internal/target/kube"
	"github.com/integritybot/integritybot/internal/target/postgres"
)

// How long one look may take.
const (
	lookWithin     = 2 * time.Minute
	diagnoseWithin = 5 * time.Minute
	// diagnoseLogs is how far back a diagnosis reads: what caused it is older than what
	// somebody saw of it.
	diagnoseLogs = 3 * time.Hour
)

// looks are the ways of looking that the config makes possible. One whose targets
// are off says so.
func (t *Targets) looks(c *config.Config, catalog check.Catalog, fixes fix.Catalog, last lastFindings, panicked func(source string, value any, stack []byte)) look.Catalog {
	out := look.Catalog{}
	add := func(name, title, place, off string, l look.Looker) {
		one := look.Look{Name: name, Title: title, Place: place, Timeout: lookWithin, Looker: l, Past: name == "changes"}
		if place == "" {
			one.Looker, one.Off = nil, off
		}
		out[name] = one
	}
	clusters, databases := sortedTargets(t.kube), sortedTargets(t.postgres)
	const noCluster = "There is no cluster to look at: the config gives no targets.….kubernetes.kubeconfig, and the bot runs in none."
	const noDatabase = "There is no database to look at: the config gives no address (targets.….postgres.dsn)."
	add("logs", "Logs", placesOf(clusters), noCluster, kube.Logs(clusters, false))
	add("events logs", "Event errors in logs", placesOf(clusters), noCluster, kube.Logs(clusters, true))
	add("db conflicts", "Database conflicts", placesOf(databases), noDatabase, postgres.Conflicts(databases))
	add("locks", "Locks", placesOf(databases), noDatabase, postgres.Locks(databases))
	var sources []look.Source
	for _, one := range clusters {
		sources = append(sources, look.Source{Place: one.Place(), Chronicler: one.Chronicler()})
	}
	for _, one := range databases {
		sources = append(sources, look.Source{Place: one.Place(), Chronicler: one.Chronicler()})
	}
	add("changes", "Changes", joined(placesOf(clusters), placesOf(databases)), noCluster+" "+noDatabase, look.TimeLine(sources))
	caches := t.caches(c, catalog)
	for name, l := range reconcile.Looks(caches) {
		add(name, "Cache", cachePlaces(caches), "There is no cache to look at: the config declares no check of kind cache, or gives no targets.….redis.addr.", l)
	}
	out["diagnose"] = look.Look{Name: "diagnose", Title: "Diagnosis", Timeout: diagnoseWithin, Past: true, Looker: diagnose.New(diagnose.Options{
		Checks: catalog, Looks: out, Fixes: fixes, Last: last.findings, Now: time.Now,
		LogsSince: diagnoseLogs, ChangeKinds: changeKinds(len(clusters) > 0, len(databases) > 0), OnPanic: panicked,
	})}
	return out
}

// changeKinds are the kinds of change that would be seen.
func changeKinds(cluster, database bool) []look.Kind {
	var kinds []look.Kind
	if cluster {
		kinds = append(kinds, look.Rollout, look.ConfigEdit, look.Scaling)
	}
	if database {
		kinds = append(kinds, look.Migration)
	}
	return kinds
}

// lastFindings asks the store what runs found last. What was found before this
// process read its config may have been found under another one.
type lastFindings struct {
	store *store.Store
	since time.Time
}

func (l lastFindings) findings(ctx context.Context, checks []string, within time.Duration) ([]diagnose.Seen, error) {
	since := time.Now().Add(-within)
	if since.Before(l.since) {
		since = l.since
	}
	found, err := l.store.LastFindings(ctx, checks, since)
	var out []diagnose.Seen
	for _, one := range found {
		out = append(out, diagnose.Seen{Run: one.Run, Finding: one.Finding})
	}
	return out, err
}

// placed is a target that knows where it is.
type placed interface {
	Name() string
	Place() string
}

func sortedTargets[T placed](of map[string]T) []T {
	var out []T
	for _, one := range of {
		out = append(out, one)
	}
	slices.SortFunc(out, func(a, b T) int { return strings.Compare(a.Name(), b.Name()) })
	return out
}

func placesOf[T placed](of []T) string {
	var places []string
	for _, one := range of {
		places = append(places, one.Place())
	}
	return joined(places...)
}

func cachePlaces(of []reconcile.Cache) string {
	var places []string
	for _, one := range of {
		if one.Target != nil {
			places = append(places, one.Target.Place())
		}
	}
	return joined(places...)
}

// joined names each place once.
func joined(places ...string) string {
	var out []string
	for _, p := range places {
		if p != "" && !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return strings.Join(out, ", ")
}
