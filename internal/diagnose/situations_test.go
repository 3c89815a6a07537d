package diagnose

import (
	"strings"
	"testing"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/look"
)

// scene is a situation and what has to be said of it. Lines are looked for in the
// head message as plain text.
type scene struct {
	name      string
	world     *world
	causes    []string // in order, with their strengths
	says      []string
	saysNever []string
}

func TestSituations(t *testing.T) {
	var all []scene
	for _, of := range [][]scene{quietScenes(), eventScenes(), raceScenes(), cacheScenes(), corruptionScenes(), changeScenes(), unknownScenes()} {
		all = append(all, of...)
	}
	if len(all) < 30 {
		t.Errorf("%d situations, want at least 30", len(all))
	}
	for _, s := range all {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			text := s.world.reporter().report().Head.PlainText()
			equal(t, s.causes, s.world.named())
			for _, want := range s.says {
				if !strings.Contains(text, want) {
					t.Errorf("does not say %q:\n%s", want, text)
				}
			}
			for _, never := range s.saysNever {
				if strings.Contains(text, never) {
					t.Errorf("says %q:\n%s", never, text)
				}
			}
			if t.Failed() {
				t.Log(text)
			}
		})
	}
}

func quietScenes() []scene {
	return []scene{
		{
			name: "nothing is wrong at all", world: healthy(), causes: []string{},
			says:      []string{"🔎 Orders: no row is wrong, and there is no cause to name", "no dead letters", "no blocked sessions", "the cache agrees with its rows in 50,000 of 50,000 values"},
			saysNever: []string{"Not known", "Look next"},
		},
		{
			name: "nothing is wrong, and a rollout an hour ago explains nothing", world: situation(rollout(ago(time.Hour))), causes: []string{},
			says: []string{"no row is wrong, and there is no cause to name"}, saysNever: []string{"recent change"},
		},
		{
			name: "repaired by hand since a run that failed", causes: []string{},
			world: situation(migration(ago(80*time.Minute)), told(ago(time.Hour), "orphaned-orders")),
			says:  []string{"🔎 Orders: no row is wrong, and there is no cause to name"}, saysNever: []string{"migration V57", "Wrong:"},
		},
		{
			name: "repaired by hand, and another check does not answer", causes: []string{},
			world: situation(migration(ago(80*time.Minute)), told(ago(time.Hour), "orphaned-orders"), mute("order-totals", "Postgres did not answer.")),
			says:  []string{"no clear cause, and it is not known whether data is wrong"}, saysNever: []string{"migration V57"},
		},
		{
			name: "bad rows without a time, which an earlier run has told", causes: []string{"corruption or a bad migration: some", "a recent change: weak"},
			world: situation(migration(ago(80*time.Minute)), told(ago(time.Hour), "orphaned-orders"), fails("orphaned-orders", 30, time.Time{}, time.Time{})),
			says:  []string{"20 min before the first bad row of an earlier run"},
		},
		{
			name: "data that is not known now, and was wrong an hour ago", causes: []string{"corruption or a bad migration: some", "a recent change: weak"},
			world: situation(migration(ago(80*time.Minute)), told(ago(time.Hour), "orphaned-orders"), mute("orphaned-orders", "Postgres did not answer.")),
			says:  []string{"20 min before the first bad row of an earlier run"},
		},
		{
			name: "of two databases one did not say who waits", causes: []string{},
			world: situation(partly(Races, "locks", "Locks: Postgres b does not answer."), secondLocks(check.Unknown)),
			says:  []string{"Not known: Locks: Postgres b does not answer."}, saysNever: []string{"no blocked sessions"},
		},
		{
			name: "of two databases one did not say who waits, and no check found anybody who waits too long", causes: []string{},
			world: situation(partly(Races, "locks", "Locks: Postgres b does not answer."), secondLocks(check.Pass)), saysNever: []string{"no blocked sessions"},
		},
		{
			name: "no look at locks, and checks that all saw nobody wait", causes: []string{},
			world: situation(noLook(Races, "locks", look.Blocked, look.Writers), secondLocks(check.Pass)),
			says:  []string{"no blocked sessions"},
		},
		{
			name: "no look at locks, and one check did not answer", causes: []string{},
			world:     situation(noLook(Races, "locks", look.Blocked, look.Writers), secondLocks(check.Unknown)),
			saysNever: []string{"no blocked sessions"},
		},
		{
			name: "of two servers one keeps no checksums", causes: []string{},
			world: situation(func(w *world) {
				w.at(Scope).facts = append(w.at(Scope).facts, look.Fact{Kind: look.Deadlocks, Subject: "production/b", Says: "0 deadlocks on production/b"})
			}),
			says: []string{"no row is wrong"}, saysNever: []string{"no checksum failures"},
		},
		{
			name: "rows are wrong, and nothing else is to be seen", causes: []string{},
			world: situation(fails("negative-totals", 12, ago(3*hour), ago(2*hour))),
			says: []string{
				"🔎 Orders: no clear cause for 12 wrong rows", "Wrong: 12 rows, in 1 of 6 checks; the first bad row of Negative totals 2026-11-21 09:00 UTC (3 h ago).",
				"nothing was changed in the time that was looked at", "Look next at: the failing rows themselves", "[Show failing rows] [Show changes]",
			},
		},
		{
			name: "idle sessions are no blocked ones", causes: []string{},
			world: situation(fails("blocked-sessions", 2, time.Time{}, time.Time{}), classed("blocked-sessions", map[string]int64{"idle in transaction": 2})),
			says:  []string{"no blocked sessions"},
		},
		{
			name: "old deadlocks and one writer are ordinary", causes: []string{},
			world: situation(
				sees(Scope, look.Fact{Kind: look.Deadlocks, Subject: "production/shop", Count: 3, At: ago(30 * day), Says: "3 deadlocks on production/shop in 30 d"}),
				sees(Races, look.Fact{Kind: look.Writers, Subject: "orders", Count: 1, Of: 40, Says: "1 session writes to orders"})),
			says: []string{"no row is wrong"}, saysNever: []string{"no deadlocks"},
		},
	}
}

func eventScenes() []scene {
	return []scene{
		{
			name:   "failed events alone",
			world:  situation(letters(412, ago(2*hour), ago(5*time.Minute)), fails("orphaned-orders", 30, ago(2*hour-3*time.Minute), ago(20*time.Minute))),
			causes: []string{"failed events: strong"},
			says: []string{
				"🔎 Orders: most likely failed events (strong)", "1. Failed events (strong) — 412 dead letters since 2026-11-21 10:00 UTC (2 h ago)",
				"399 are OrderCreated/NullPointer", "the first bad row of Orphaned orders came in that time", "30 rows without their counterpart", "[Preview replay]",
			},
			saysNever: []string{"no dead letters", "Preview fix"},
		},
		{
			name: "failed events after a rollout, as in the runbook's story",
			world: situation(rollout(ago(2*hour+3*time.Minute)), migration(ago(2*hour+23*time.Minute)), letters(412, ago(2*hour), ago(5*time.Minute)),
				fails("orphaned-orders", 30, ago(2*hour-3*time.Minute), ago(20*time.Minute)), overlapping("orphaned-orders", 28)),
			causes: []string{"failed events: strong", "a recent change: some", "corruption or a bad migration: some"},
			says: []string{
				"🔎 Orders: most likely failed events (strong), second a recent change (some), and 1 more", "first 3 min after rollout 41 of ecommerce-backend",
				"the letters name 28 of the 30 rows of Orphaned orders", "rollout 41 of ecommerce-backend (image 1.8.2 → 1.8.3) 2026-11-21 09:57 UTC (2 h ago), 3 min before the first dead letter",
				"Against the other causes: the cache agrees with its rows in 50,000 of 50,000 values; no blocked sessions", "[Show changes] [Preview stopping writes]",
			},
		},
		{
			name:   "dead letters while all rows are right",
			world:  situation(letters(3, ago(20*time.Minute), ago(10*time.Minute))),
			causes: []string{"failed events: some"},
			says:   []string{"3 dead letters since", "[Preview replay]"},
		},
		{
			name:   "dead letters that came only after the data had gone bad",
			world:  situation(letters(40, ago(hour), ago(5*time.Minute)), fails("negative-totals", 12, ago(9*hour), ago(8*hour))),
			causes: []string{},
			says:   []string{"no clear cause for 12 wrong rows", "the dead letters began only later: the first bad row of Negative totals is 8 h older"},
		},
		{
			name:   "dead letters that are older than the first bad row",
			world:  situation(letters(40, ago(20*day), ago(18*day)), fails("negative-totals", 12, ago(9*hour), ago(8*hour))),
			causes: []string{},
			says:   []string{"the dead letters are older: the first bad row of Negative totals came 17 d after", "Seen beside that, and not enough to name a cause: 40 dead letters"},
		},
		{
			name: "a consumer that is behind, and its errors in the logs",
			world: situation(fails("consumer-lag", 2, ago(40*time.Minute), now()), said("consumer-lag", "2 of 12 partitions are behind: 48,210 records, the oldest 40 min old"),
				fails("order-payments", 17, ago(35*time.Minute), ago(20*time.Minute)),
				sees(Events, look.Fact{Kind: look.EventErrors, Subject: "event processing failed: *", Count: 1_900, At: ago(41 * time.Minute), Says: "1,900 event log lines of OrderEventHandler in 3 of 12 pods"})),
			causes:    []string{},
			says:      []string{"no clear cause for 17 wrong rows", "2 of 12 partitions are behind: 48,210 records", "errors about events in the logs: 1,900 event log lines of OrderEventHandler in 3 of 12 pods", "no dead letters"},
			saysNever: []string{"the consumers keep up"},
		},
		{
			name: "a consumer that is behind, and whose dead letters nobody can read",
			world: situation(mute("failed-events", "Kafka production/events refused to read topic ecommerce-dlq."), fails("consumer-lag", 2, ago(40*time.Minute), now()),
				sees(Events, look.Fact{Kind: look.EventErrors, Subject: "event processing failed: *", Count: 1_900, At: ago(41 * time.Minute)})),
			causes:    []string{"failed events: weak"},
			says:      []string{"only weak signs of a cause: failed events", "2 partitions behind", "Not known: Failed events: Kafka production/events refused to read topic ecommerce-dlq."},
			saysNever: []string{"no dead letters"},
		},
		{
			name:   "letters of a check that did not come to its end",
			world:  situation(letters(412, ago(2*hour), ago(5*time.Minute)), unfinished("failed-events"), fails("orphaned-orders", 30, ago(2*hour), ago(hour))),
			causes: []string{"failed events: strong"},
			says:   []string{"at least 412 dead letters", "Not known: Failed events: It did not finish"},
		},
		{
			name:   "letters that name none of the wrong rows",
			world:  situation(letters(40, ago(3*hour), ago(hour)), fails("orphaned-orders", 30, ago(2*hour), ago(hour)), overlapping("orphaned-orders", 0)),
			causes: []string{"failed events: some"},
			says:   []string{"Against it: the letters name none of the 30 rows of Orphaned orders"},
		},
		{
			name:   "letters that name a few of the wrong rows",
			world:  situation(letters(40, ago(3*hour), ago(hour)), fails("orphaned-orders", 30, ago(2*hour), ago(hour)), overlapping("orphaned-orders", 4)),
			causes: []string{"failed events: strong"}, says: []string{"the letters name 4 of the 30 rows of Orphaned orders"},
		},
		{
			name: "huge numbers stay exact",
			world: situation(letters(48_210_007, ago(2*hour), now()), fails("orphaned-orders", 123_456, ago(90*time.Minute), now()),
				classed("failed-events", map[string]int64{"TimeoutException": 48_210_007})),
			causes: []string{"failed events: strong"},
			says:   []string{"48,210,007 dead letters", "48,210,007 are TimeoutException", "123,456 rows without their counterpart"},
		},
		{
			name:   "wrong rows that do not say when they went bad",
			world:  situation(letters(412, ago(2*hour), ago(time.Minute)), fails("orphaned-orders", 30, time.Time{}, time.Time{})),
			causes: []string{"failed events: some"},
			says:   []string{"Wrong: 30 rows, in 1 of 6 checks; since when is not known."},
		},
	}
}

func raceScenes() []scene {
	blocked := sees(Races, look.Fact{Kind: look.Blocked, Subject: "pid 4711 (checkout)", Count: 3, Of: 40, Says: "pid 4711 (checkout), idle in transaction for 4 min, blocks 3 others, the longest for 2 min"})
	writers := sees(Races, look.Fact{Kind: look.Writers, Subject: "orders", Count: 5, Of: 40, Says: "5 sessions write to orders at once"})
	return []scene{
		{
			name:   "a race alone: totals off, sessions wait, no dead letter",
			world:  situation(fails("order-totals", 60, ago(3*hour), ago(30*time.Minute)), blocked, writers, locksFail(3)),
			causes: []string{"a race between writers: strong"},
			says: []string{
				"1. A race between writers (strong) — 60 rows doubled or out of step with their sums (Order totals), and no dead letter that would explain them",
				"pid 4711 (checkout), idle in transaction for 4 min, blocks 3 others", "5 sessions write to orders at once", "[Show locks] [Preview cancel] [Preview fix: Order totals]",
			},
			saysNever: []string{"no blocked sessions"},
		},
		{
			name:   "doubles and totals off, without a trace of waiting",
			world:  situation(fails("order-totals", 60, ago(3*hour), ago(30*time.Minute)), fails("duplicate-emails", 4, ago(2*hour), ago(hour))),
			causes: []string{"a race between writers: weak"},
			says:   []string{"only weak signs of a cause: a race between writers", "64 rows doubled", "Against it: no blocked sessions; no deadlocks since", "[Show locks] [Preview fix: Order totals] [Preview fix: Duplicate customers]"},
		},
		{
			name: "deadlocks of the last days and errors of optimistic locking",
			world: situation(fails("order-totals", 60, ago(3*hour), ago(30*time.Minute)),
				sees(Scope,
					look.Fact{Kind: look.Deadlocks, Subject: "production/shop", Count: 14, At: ago(2 * day), Says: "14 deadlocks on production/shop in 2 d"},
					look.Fact{Kind: look.LogErrors, Subject: "OptimisticLockingFailureException: row was updated by another transaction", Count: 77, At: ago(hour), Says: "77 log lines of OptimisticLockingFailureException in 3 of 12 pods"})),
			causes: []string{"a race between writers: strong"},
			says:   []string{"14 deadlocks on production/shop in 2 d", "writes that met each other, in the logs: 77 log lines of OptimisticLockingFailureException in 3 of 12 pods", "Against it: no blocked sessions"},
		},
		{
			name: "an old counter of deadlocks says little",
			world: situation(fails("order-totals", 60, ago(3*hour), ago(30*time.Minute)),
				sees(Scope, look.Fact{Kind: look.Deadlocks, Subject: "production/shop", Count: 14, At: ago(400 * day), Says: "14 deadlocks on production/shop in 400 d"})),
			causes: []string{"a race between writers: some"},
		},
		{
			name:   "sessions that wait while all rows are right",
			world:  situation(blocked, locksFail(3)),
			causes: []string{"a race between writers: weak"},
			says:   []string{"[Show locks] [Preview cancel]"},
		},
		{
			name:   "sessions that only the check of locks has seen",
			world:  situation(locksFail(2), fails("order-totals", 60, ago(3*hour), ago(30*time.Minute))),
			causes: []string{"a race between writers: some"},
			says:   []string{"pid 4711 blocks 2 others"},
		},
		{
			name:      "totals off beside dead letters are the events' work",
			world:     situation(letters(412, ago(3*hour), ago(time.Minute)), fails("order-totals", 60, ago(170*time.Minute), ago(30*time.Minute))),
			causes:    []string{"failed events: some"},
			saysNever: []string{"and no dead letter that would explain them"},
		},
		{
			name: "a counter of deadlocks that began after the first bad row does not speak against a race",
			world: situation(fails("order-totals", 60, ago(3*hour), ago(30*time.Minute)),
				sees(Scope, look.Fact{Kind: look.Deadlocks, Subject: "production/shop", At: ago(time.Hour), Says: "0 deadlocks on production/shop"})),
			causes: []string{"a race between writers: weak"}, saysNever: []string{"no deadlocks"},
		},
	}
}

func cacheScenes() []scene {
	stale := []change{
		fails("customer-cache", 210, ago(3*hour), ago(10*time.Minute)),
		classed("customer-cache", map[string]int64{"stale": 200, "missing row": 6, "no expiry": 4}),
	}
	return []scene{
		{
			name: "a stale cache alone", world: situation(stale...), causes: []string{"a stale cache: strong"},
			says: []string{
				"🔎 Orders: most likely a stale cache (strong)", "206 of 50,000 cached values differ from their rows (Customer cache), and the rows are right",
				"4 of 50,000 cached values have an expiry outside of the policy", "[Preview clearing]",
			},
			saysNever: []string{"the cache agrees"},
		},
		{
			name:   "a cache that went stale with a rollout",
			world:  situation(append(stale, rollout(ago(3*hour+10*time.Minute)))...),
			causes: []string{"a stale cache: strong", "a recent change: some"},
			says:   []string{"10 min before the first stale value of Customer cache"},
		},
		{
			name:   "a stale cache over wrong rows explains only a part",
			world:  situation(append(stale, fails("negative-totals", 12, ago(9*hour), ago(8*hour)))...),
			causes: []string{"a stale cache: some"},
			says:   []string{"Against it: 12 rows wrong in the database itself, which no cache explains"}, saysNever: []string{"and the rows are right"},
		},
		{
			name:   "values without an expiry are not stale",
			world:  situation(fails("customer-cache", 900, time.Time{}, time.Time{}), classed("customer-cache", map[string]int64{"no expiry": 600, "expiry beyond policy": 300})),
			causes: []string{},
			says:   []string{"the cache agrees with its rows", "900 of 50,000 cached values have an expiry outside of the policy"},
		},
		{
			name:   "values that cannot be read are neither right nor stale",
			world:  situation(fails("customer-cache", 5, time.Time{}, time.Time{}), classed("customer-cache", map[string]int64{"unreadable": 5})),
			causes: []string{}, saysNever: []string{"the cache agrees", "differ from their rows", "expiry"},
		},
		{
			name:   "a cache that does not answer",
			world:  situation(mute("customer-cache", "Redis production/cache did not answer in 5 s."), fails("negative-totals", 12, ago(9*hour), ago(8*hour))),
			causes: []string{},
			says:   []string{"Not known: Customer cache: Redis production/cache did not answer in 5 s.", "Look next at: what is not known, and ask again"}, saysNever: []string{"the cache agrees"},
		},
	}
}

func corruptionScenes() []scene {
	return []scene{
		{
			name: "checksum failures",
			world: situation(fails("negative-totals", 12, time.Time{}, time.Time{}),
				sees(Scope, look.Fact{Kind: look.Checksums, Subject: "production/shop", Count: 2, At: ago(4 * hour), Says: "2 checksum failures on production/shop"})),
			causes: []string{"corruption or a bad migration: strong"},
			says:   []string{"2 checksum failures on production/shop, the last 2026-11-21 08:00 UTC (4 h ago)", "Against it: all foreign keys hold; no migration", "[How to prevent]"},
		},
		{
			name: "a migration went over the whole table",
			world: situation(migration(ago(5*hour)), fails("order-totals", 1_200_000, ago(900*day), ago(5*hour)),
				fails("foreign-keys", 90, time.Time{}, time.Time{}), classed("foreign-keys", map[string]int64{"violated": 90})),
			causes: []string{"corruption or a bad migration: strong", "a recent change: weak"},
			says: []string{
				"1,200,000 of 3,000,000 rows of Order totals are wrong, so that something went over the whole table", "90 rows against a foreign key that the database believes in",
				"migration V57 by flyway (recompute totals) 2026-11-21 07:00 UTC (5 h ago)", "[Preview fix: Order totals] [Preview fix: Foreign keys] [How to prevent]",
				"the times of its rows do not tell when they went bad",
			},
			saysNever: []string{"first bad row of Order totals"},
		},
		{
			name:   "a migration twenty minutes before the first bad row",
			world:  situation(migration(ago(3*hour+20*time.Minute)), fails("negative-totals", 300, ago(3*hour), ago(2*hour))),
			causes: []string{"corruption or a bad migration: some", "a recent change: weak"},
			says:   []string{"20 min before the first bad row of Negative totals", "Against it: no checksum failures; all foreign keys hold"},
		},
		{
			name: "a migration that failed half-way",
			world: situation(sees(Changes, look.Fact{Kind: look.Migration, Subject: "flyway_schema_history", Count: 1, At: ago(3 * hour), Failed: true, Says: "migration V58 by flyway, failed (recompute totals)"}),
				fails("negative-totals", 300, ago(170*time.Minute), ago(2*hour)), classed("foreign-keys", map[string]int64{"violated": 4}), failing("foreign-keys", 4)),
			causes: []string{"corruption or a bad migration: strong"},
			says:   []string{"migration V58 by flyway, failed (recompute totals) 2026-11-21 09:00 UTC (3 h ago)", "4 rows against a foreign key"},
		},
		{
			name: "a migration that failed, and rows that do not say when they went bad",
			world: situation(sees(Changes, look.Fact{Kind: look.Migration, Subject: "flyway_schema_history", Count: 1, At: ago(30 * hour), Failed: true, Says: "migration V58 by flyway, failed (recompute totals)"}),
				failing("negative-totals", 300)),
			causes: []string{}, says: []string{"Seen beside that, and not enough to name a cause: migration V58 by flyway, failed (recompute totals) 2026-11-20 06:00 UTC (30 h ago)"}, saysNever: []string{"no migration"},
		},
		{
			name:   "a migration that spoiled some of what was there",
			world:  situation(migration(ago(5*hour)), fails("order-totals", 60, ago(200*day), ago(30*hour))),
			causes: []string{"corruption or a bad migration: some", "a race between writers: weak"},
			says:   []string{"no wrong row of Order totals is younger than migration V57 by flyway (recompute totals) 2026-11-21 07:00 UTC (5 h ago)"},
		},
		{
			name:   "rows that stopped going wrong long before a migration",
			world:  situation(migration(ago(5*hour)), fails("negative-totals", 60, ago(200*day), ago(30*day))),
			causes: []string{}, saysNever: []string{"is younger than"},
		},
		{
			name:   "rows that go wrong after the migration as before",
			world:  situation(migration(ago(5*hour)), fails("negative-totals", 60, ago(200*day), ago(hour))),
			causes: []string{}, saysNever: []string{"is younger than"},
		},
		{
			name:   "a migration in the night before",
			world:  situation(migration(ago(13*hour)), fails("negative-totals", 300, ago(3*hour), ago(2*hour)), fails("foreign-keys", 4, ago(3*hour), ago(3*hour)), classed("foreign-keys", map[string]int64{"violated": 4})),
			causes: []string{"corruption or a bad migration: strong"}, says: []string{"10 h before the first bad row of Foreign keys"},
		},
		{
			name:   "a foreign key that was never validated is no damage",
			world:  situation(failing("foreign-keys", 1), classed("foreign-keys", map[string]int64{"not valid": 1})),
			causes: []string{}, says: []string{"no row is wrong", "1 foreign key never validated"},
		},
		{
			name:   "half of a small table is a large part of it, and no race",
			world:  situation(scanned("order-totals", 400), fails("order-totals", 220, ago(400*day), ago(hour))),
			causes: []string{"corruption or a bad migration: weak"},
			says:   []string{"220 of 400 rows of Order totals are wrong"},
		},
	}
}

func changeScenes() []scene {
	return []scene{
		{
			name:   "a rollout four minutes before the first bad row",
			world:  situation(rollout(ago(3*hour+4*time.Minute)), fails("negative-totals", 12, ago(3*hour), ago(hour))),
			causes: []string{"a recent change: some"},
			says:   []string{"4 min before the first bad row of Negative totals", "[Show changes] [Preview stopping writes]"}, saysNever: []string{"nothing was changed"},
		},
		{
			name: "a rollout and a new error in the logs soon after it",
			world: situation(rollout(ago(40*time.Minute)), fails("negative-totals", 12, ago(38*time.Minute), ago(20*time.Minute)),
				sees(Scope, look.Fact{Kind: look.LogErrors, Subject: "NullPointerException at TotalService", Count: 31, At: ago(37 * time.Minute), Says: "31 log lines of NullPointerException in TotalService in 2 of 12 pods"})),
			causes: []string{"a recent change: some"},
			says:   []string{"an error in the logs that began 3 min after rollout 41 of ecommerce-backend: 31 log lines of NullPointerException in TotalService in 2 of 12 pods"},
		},
		{
			name: "an error that was there when the log begins is not new",
			world: situation(rollout(ago(59*time.Minute)), fails("negative-totals", 12, ago(55*time.Minute), ago(20*time.Minute)),
				sees(Scope, look.Fact{Kind: look.LogErrors, Subject: "NullPointerException at TotalService", Count: 31, At: ago(59 * time.Minute)})),
			causes: []string{"a recent change: some"}, saysNever: []string{"NullPointerException"},
		},
		{
			name:   "a config edit by a client",
			world:  situation(configEdit(ago(3*hour+10*time.Minute)), fails("negative-totals", 12, ago(3*hour), ago(hour))),
			causes: []string{"a recent change: some"},
			says:   []string{"configmap ecommerce-config edited by client kubectl-edit"},
		},
		{
			name:   "a rollout and a config edit some hours before",
			world:  situation(rollout(ago(5*hour)), configEdit(ago(6*hour)), fails("negative-totals", 12, ago(3*hour), ago(hour))),
			causes: []string{"a recent change: some"}, says: []string{"2 h before the first bad row of Negative totals", "3 h before the first bad row"},
		},
		{
			name:   "rollout and config edit together",
			world:  situation(rollout(ago(3*hour+9*time.Minute)), configEdit(ago(3*hour+10*time.Minute)), fails("negative-totals", 12, ago(3*hour), ago(hour))),
			causes: []string{"a recent change: strong"},
		},
		{
			name:   "data was bad before the rollout, so that it is not the cause",
			world:  situation(rollout(ago(3*hour)), fails("negative-totals", 12, ago(9*hour), ago(hour))),
			causes: []string{}, says: []string{"no clear cause", "Against: ", "all changes came later: the first bad row of Negative totals is 6 h older"},
		},
		{
			name:   "a rollout a minute after the first bad row is within what clocks differ",
			world:  situation(rollout(ago(3*hour-time.Minute)), fails("negative-totals", 12, ago(3*hour), ago(hour))),
			causes: []string{"a recent change: some"}, says: []string{"at the time of the first bad row"}, saysNever: []string{"all changes came later"},
		},
		{
			name:   "a rollout five minutes after the first bad row is not",
			world:  situation(rollout(ago(3*hour-5*time.Minute)), fails("negative-totals", 12, ago(3*hour), ago(hour))),
			causes: []string{}, says: []string{"all changes came later"},
		},
		{
			name:   "times in the future are compared with nothing",
			world:  situation(rollout(ago(time.Hour)), fails("negative-totals", 12, now().Add(48*hour), now().Add(50*hour))),
			causes: []string{"a recent change: weak"},
			says:   []string{"Not known: The time of the first bad row of Negative totals lies in the future, so it is compared with nothing.", "since when something is wrong is not known"},
		},
		{
			name:   "a rollout whose time lies in the future",
			world:  situation(rollout(now().Add(hour)), fails("negative-totals", 12, ago(3*hour), ago(hour))),
			causes: []string{}, saysNever: []string{"all changes came later", "rollout 41", "nothing was changed"},
		},
		{
			name:   "data was bad before the time in which changes were looked for",
			world:  situation(fails("negative-totals", 12, ago(30*day), ago(20*day))),
			causes: []string{}, says: []string{"Not known: Data was bad before the time in which changes were looked for."}, saysNever: []string{"nothing was changed", "no migration"},
		},
		{
			name: "of several checks the one that began with the rollout tells",
			world: situation(rollout(ago(3*hour)), fails("negative-totals", 2, ago(6*day), ago(6*day)),
				fails("orphaned-orders", 30, ago(3*hour-5*time.Minute), ago(hour))),
			causes: []string{"a recent change: some"}, says: []string{"5 min before the first bad row of Orphaned orders"}, saysNever: []string{"all changes came later"},
		},
		{
			name: "a few old rows do not hide that most came after the rollout",
			world: situation(rollout(ago(3*hour)), fails("orphaned-orders", 30, ago(90*day), ago(hour)),
				bad("orphaned-orders", ago(90*day), ago(40*day)), coming("orphaned-orders", 28, ago(3*hour-5*time.Minute), ago(hour))),
			causes:    []string{"a recent change: some"},
			says:      []string{"5 min before the wave of bad rows of Orphaned orders (28 of 30)", "the first bad row of Orphaned orders 2026-08-23 12:00 UTC (90 d ago); the wave of bad rows of Orphaned orders (28 of 30) 2026-11-21 09:05 UTC (2 h ago)."},
			saysNever: []string{"all changes came later"},
		},
		{
			name: "a few old letters do not hide that most came after the rollout",
			world: situation(rollout(ago(3*hour)), letters(42, ago(90*day), ago(time.Minute)),
				bad("failed-events", ago(90*day), ago(40*day)), coming("failed-events", 40, ago(3*hour-5*time.Minute), ago(time.Minute))),
			causes: []string{"failed events: some", "a recent change: some"},
			says:   []string{"5 min before the wave of dead letters (40 of 42)"},
		},
		{
			name: "rows that come evenly are no wave",
			world: situation(rollout(ago(3*hour)), fails("orphaned-orders", 30, ago(90*day), ago(hour)),
				coming("orphaned-orders", 30, ago(90*day), ago(hour))),
			causes: []string{}, saysNever: []string{"the wave"},
		},
		{
			name:   "many sessions after scaling up",
			world:  situation(sees(Changes, look.Fact{Kind: look.Scaling, Subject: "deployment/ecommerce-backend", Count: 1, At: ago(3*hour + 9*time.Minute), Says: "ecommerce-backend scaled 2 → 20 by hpa"}), fails("negative-totals", 12, ago(3*hour), ago(hour))),
			causes: []string{"a recent change: weak"}, says: []string{"ecommerce-backend scaled 2 → 20 by hpa"},
		},
		{
			name: "two causes and conflicting evidence",
			world: situation(rollout(ago(3*hour+4*time.Minute)), letters(40, ago(20*day), ago(18*day)),
				fails("negative-totals", 12, ago(3*hour), ago(hour)), fails("customer-cache", 9, ago(2*hour), ago(hour)), classed("customer-cache", map[string]int64{"stale": 9})),
			causes: []string{"a stale cache: some", "a recent change: some"},
			says:   []string{"most likely a stale cache (some), second a recent change (some)", "the dead letters are older"},
		},
	}
}

func unknownScenes() []scene {
	everything := []change{}
	for _, s := range Steps() {
		everything = append(everything, dead(s, "it did not answer in 5 s."))
	}
	return []scene{
		{
			name: "everything is unknown", world: situation(everything...), causes: []string{},
			says:      []string{"🔎 Orders: the cause is not known: no step could look", "Not known: Orphaned orders: it did not answer in 5 s.", "Look next at: what is not known"},
			saysNever: []string{"no dead letters", "no blocked sessions", "the cache agrees", "no row is wrong", "nothing was changed", "no migration", "no deadlocks", "all foreign keys hold", "no checksum failures", "keep up"},
		},
		{
			name: "half of the steps are unknown, so everything is less sure",
			world: situation(letters(412, ago(2*hour), ago(5*time.Minute)), fails("orphaned-orders", 30, ago(2*hour-3*time.Minute), ago(20*time.Minute)),
				dead(Cache, "Redis did not answer."), dead(Changes, "The cluster did not answer."), dead(Races, "Postgres did not answer.")),
			causes: []string{"failed events: some"},
			says:   []string{"most likely failed events (some); less sure, because 3 of 6 steps are UNKNOWN"},
		},
		{
			name:      "the data checks are unknown, and a cache is stale",
			world:     situation(dead(Data, "Postgres production/shop did not answer."), fails("customer-cache", 9, time.Time{}, time.Time{}), classed("customer-cache", map[string]int64{"stale": 9})),
			causes:    []string{"a stale cache: weak"},
			says:      []string{"less sure, because 1 of 6 steps is UNKNOWN"},
			saysNever: []string{"and the rows are right", "no row is wrong"},
		},
		{
			name:   "no permission to read config maps",
			world:  situation(partly(Changes, "changes", "Changes: no permission to read config maps; ask for get configmaps in namespace production."), rollout(ago(3*hour+4*time.Minute)), fails("negative-totals", 12, ago(3*hour), ago(hour))),
			causes: []string{"a recent change: some"},
			says:   []string{"Not known: Changes: no permission to read config maps; ask for get configmaps in namespace production."}, saysNever: []string{"no migration"},
		},
		{
			name:   "no permission to see sessions: nobody may say that none is blocked",
			world:  situation(silent(Races, "locks", "Locks: no permission.", look.Blocked, look.Writers), mute("blocked-sessions", "40 sessions are hidden from our role; grant pg_read_all_stats."), fails("order-totals", 60, ago(3*hour), ago(30*time.Minute))),
			causes: []string{"a race between writers: weak"}, saysNever: []string{"no blocked sessions"},
		},
		{
			name:   "a cluster that is looked at, and no database that would tell of migrations",
			world:  situation(clusterOnly, fails("negative-totals", 12, ago(9*hour), ago(8*hour))),
			causes: []string{}, saysNever: []string{"no migration", "nothing was changed"},
		},
		{
			name:   "a shop without a cache and without a cluster",
			world:  situation(off(Cache), off(Changes), fails("negative-totals", 12, ago(9*hour), ago(8*hour))),
			causes: []string{}, says: []string{"Not set up: a check of a cache"}, saysNever: []string{"the cache agrees", "nothing was changed", "less sure"},
		},
		{
			name: "in a channel shared with others no names of tables, pods or errors",
			world: shared(situation(rollout(ago(2*hour+3*time.Minute)), letters(412, ago(2*hour), ago(5*time.Minute)), fails("orphaned-orders", 30, ago(2*hour-3*time.Minute), ago(20*time.Minute)),
				sees(Races, look.Fact{Kind: look.Blocked, Subject: "pid 4711 (checkout)", Count: 3, Says: "pid 4711 (checkout) blocks 3 others"}),
				sees(Scope, look.Fact{Kind: look.LogErrors, Subject: "deadlock detected on db-7.internal", Count: 3, At: ago(30 * time.Minute)}))),
			causes:    []string{"failed events: strong", "a race between writers: some", "a recent change: some"},
			says:      []string{"412 dead letters", "first 3 min after a rollout", "3 blocked sessions now", "3 log lines about writes that met each other"},
			saysNever: []string{"NullPointer", "ecommerce-backend", "checkout", "db-7", "1.8.3"},
		},
	}
}

func shared(w *world) *world {
	w.noRows = true
	return w
}

// locksFail lets the check of locks find sessions that wait.
func locksFail(n int64) change {
	return func(w *world) {
		fails("blocked-sessions", n+1, ago(2*time.Minute), ago(time.Minute))(w)
		classed("blocked-sessions", map[string]int64{"blocker": 1, "waits": n - 1})(w)
		said("blocked-sessions", "pid 4711 blocks 2 others, the longest for 2 min")(w)
	}
}

// failing lets a check fail without times.
func failing(name string, rows int64) change { return fails(name, rows, time.Time{}, time.Time{}) }

// unfinished lets a check that found something not come to its end.
func unfinished(name string) change {
	return func(w *world) {
		f := w.check(name)
		f.Verdict, f.Reason = "UNKNOWN", "It did not finish within the 15 s that a diagnosis gives it."
	}
}

// overlapping lets dead letters name so many of a check's rows.
func overlapping(name string, n int) change {
	return func(w *world) {
		rows, l := w.check(name), w.check("failed-events")
		rows.keys = &keys{columns: map[string][]string{}, order: []string{"id"}, rows: int(rows.Tally.Rows)}
		l.keys = &keys{columns: map[string][]string{"order": {"o-unknown"}}, rows: int(l.Tally.Rows)}
		for i := range int(rows.Tally.Rows) {
			id := "o-" + string(rune('a'+i%26)) + string(rune('a'+i/26))
			rows.keys.columns["id"] = append(rows.keys.columns["id"], id)
			if i < n {
				l.keys.columns["order"] = append(l.keys.columns["order"], id)
			}
		}
	}
}

// bad lets rows of a check say when they went bad.
func bad(name string, at ...time.Time) change {
	return func(w *world) {
		f := w.check(name)
		if f.keys == nil {
			f.keys = &keys{columns: map[string][]string{}}
		}
		f.keys.rows, f.keys.times = f.keys.rows+len(at), append(f.keys.times, at...)
	}
}

// coming lets rows of a check go bad evenly between two times.
func coming(name string, n int, from, to time.Time) change {
	var at []time.Time
	for i := range n {
		at = append(at, from.Add(to.Sub(from)*time.Duration(i)/time.Duration(n-1)))
	}
	return bad(name, at...)
}

// clusterOnly looks for changes in a cluster and not in a database.
func clusterOnly(w *world) { w.kinds = []look.Kind{look.Rollout, look.ConfigEdit, look.Scaling} }
