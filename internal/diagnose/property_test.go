package diagnose

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/look"
)

// rankOf is where a cause stands, 0 for the likeliest.
func rankOf(d diagnosis, c Cause) int {
	return slices.IndexFunc(d.causes, func(w weighed) bool { return w.cause == c })
}

func scoreOf(d diagnosis, c Cause) int { return d.causes[rankOf(d, c)].score }

// TestAGroundForACauseNeverLowersIt: one more rule that holds for a cause raises
// its score, changes no other's, and never lowers its rank or strength.
func TestAGroundForACauseNeverLowersIt(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var held []ground
		for _, r := range rules() {
			if rapid.Bool().Draw(t, r.says) {
				held = append(held, ground{rule: r})
			}
		}
		unsure := rapid.Bool().Draw(t, "unsure")
		one := rapid.SampledFrom(slices.DeleteFunc(rules(), func(r rule) bool { return r.weight < 0 })).Draw(t, "one more")
		before, after := judge(held, unsure), judge(append(slices.Clone(held), ground{rule: one}), unsure)
		if rankOf(after, one.cause) > rankOf(before, one.cause) || scoreOf(after, one.cause) <= scoreOf(before, one.cause) {
			t.Errorf("%s fell from %d to %d", one.cause, rankOf(before, one.cause), rankOf(after, one.cause))
		}
		for _, c := range Causes() {
			if c != one.cause && scoreOf(after, c) != scoreOf(before, c) {
				t.Errorf("a rule of %s changed %s", one.cause, c)
			}
		}
	})
}

// drawn is a random situation.
func drawn(t *rapid.T) *world {
	w := healthy()
	at := func(name string) time.Time {
		return rapid.SampledFrom([]time.Time{{}, ago(time.Minute), ago(2 * hour), ago(7 * hour), ago(3 * day), ago(20 * day), now().Add(hour)}).Draw(t, name)
	}
	for _, c := range catalog() {
		if step, ok := stepOf(c.Kind); !ok || c.OnRequest || step == "" {
			continue
		}
		switch rapid.IntRange(0, 3).Draw(t, c.Name) {
		case 0:
			mute(c.Name, "it did not answer.")(w)
		case 1:
			first := at(c.Name + " since")
			fails(c.Name, rapid.Int64Range(1, 5_000_000).Draw(t, "rows"), first, first)(w)
			classed(c.Name, map[string]int64{rapid.SampledFrom([]string{"stale", "no expiry", "waits", "violated", "not valid", "x"}).Draw(t, "class"): 1})(w)
		}
	}
	for _, kind := range []look.Kind{look.Rollout, look.ConfigEdit, look.Scaling, look.Migration} {
		if rapid.Bool().Draw(t, string(kind)) {
			w.sees(Changes, look.Fact{Kind: kind, Subject: "x", Count: 1, At: at(string(kind) + " at")})
		}
	}
	for name, step := range map[string]Step{"logs": Scope, "db conflicts": Scope, "changes": Changes, "locks": Races} {
		kinds := map[string][]look.Kind{"db conflicts": {look.Deadlocks, look.Checksums, look.Rollbacks}, "locks": {look.Blocked, look.Writers}, "changes": {look.Rollout, look.ConfigEdit, look.Scaling, look.Migration}}
		if rapid.IntRange(0, 3).Draw(t, name) == 0 {
			silent(step, name, name+": it did not answer.", kinds[name]...)(w)
		}
	}
	return w
}

// TestMoreEvidenceNeverLowersACause, through the whole of it: from what was seen to
// the order.
func TestMoreEvidenceNeverLowersACause(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := drawn(t)
		before := weigh(w.evidence())
		more := rapid.SampledFrom([]struct {
			cause Cause
			add   change
		}{
			{Race, sees(Races, look.Fact{Kind: look.Blocked, Subject: "pid 1", Count: 3, Says: "pid 1 blocks 3 others"})},
			{Race, sees(Scope, look.Fact{Kind: look.LogErrors, Subject: "deadlock detected", Count: 3})},
			{Race, sees(Races, look.Fact{Kind: look.Writers, Subject: "orders", Count: 3})},
			{FailedEvents, sees(Events, look.Fact{Kind: look.EventErrors, Subject: "event failed", Count: 3})},
			{Corruption, sees(Scope, look.Fact{Kind: look.Checksums, Subject: "shop", Count: 3})},
		}).Draw(t, "more")
		more.add(w)
		after := weigh(w.evidence())
		if rankOf(after, more.cause) > rankOf(before, more.cause) {
			t.Errorf("%s fell from %d to %d", more.cause, rankOf(before, more.cause), rankOf(after, more.cause))
		}
	})
}

// TestNothingIsSaidToBeAbsentThatIsNotKnown, whatever the situation.
func TestNothingIsSaidToBeAbsentThatIsNotKnown(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := drawn(t)
		text := all(w.reporter().report())
		answered := func(checks ...string) bool {
			return !slices.ContainsFunc(checks, func(c string) bool { return w.check(c).Verdict == check.Unknown })
		}
		whole := func(s Step, name string) bool { return slices.Contains(w.at(s).whole, name) }
		for says, known := range map[string]bool{
			"no dead letters":       answered("failed-events"),
			"the consumers keep up": answered("consumer-lag"),
			"the cache agrees":      answered("customer-cache"),
			"and the rows are right": answered("orphaned-orders", "order-totals", "order-payments",
				"duplicate-emails", "negative-totals"),
			"no row is wrong":        answered("orphaned-orders", "order-totals", "order-payments", "duplicate-emails", "negative-totals"),
			"all foreign keys hold":  answered("foreign-keys"),
			"no blocked sessions":    answered("blocked-sessions") || whole(Races, "locks"),
			"no deadlocks":           whole(Scope, "db conflicts"),
			"no checksum failures":   whole(Scope, "db conflicts"),
			"no migration":           whole(Changes, "changes"),
			"nothing was changed":    whole(Changes, "changes"),
			"no dead letter that":    answered("failed-events"),
			"all changes came later": whole(Changes, "changes"),
		} {
			if strings.Contains(text, says) && !known {
				t.Errorf("says %q, which is not known:\n%s", says, text)
			}
		}
	})
}

// TestTheSameIsSaidTwice: neither maps nor goroutines change a word.
func TestTheSameIsSaidTwice(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := drawn(t)
		if diff := cmp.Diff(w.reporter().report(), w.reporter().report()); diff != "" {
			t.Errorf("-once +then:\n%s", diff)
		}
	})
}

// TestAWaveIsMostOfTheRows and begins with one of them; rows that come evenly are
// none.
func TestAWaveIsMostOfTheRows(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var times []time.Time
		for _, minutes := range rapid.SliceOfN(rapid.IntRange(0, 100_000), 0, 60).Draw(t, "minutes ago") {
			times = append(times, ago(time.Duration(minutes)*time.Minute))
		}
		start, n, ok := wave(times)
		if !ok {
			return
		}
		since := len(slices.DeleteFunc(slices.Clone(times), func(at time.Time) bool { return at.Before(start) }))
		if since < n || float64(n) < (1-stragglers)*float64(len(times)) || n == len(times) || !slices.ContainsFunc(times, start.Equal) {
			t.Errorf("%d of %d since %s", n, len(times), start)
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		step := time.Duration(rapid.IntRange(1, 1_000_000).Draw(t, "seconds apart")) * time.Second
		var times []time.Time
		for i := range rapid.IntRange(0, 300).Draw(t, "rows") {
			times = append(times, ago(time.Duration(i)*step))
		}
		if start, n, ok := wave(times); ok {
			t.Errorf("%d since %s, though they come evenly", n, start)
		}
	})
}
