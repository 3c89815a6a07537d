package shop

import (
	"fmt"
	"strings"
	"time"
)

// Story is what happened in a shop before somebody looked: one cause, and what it led to. Ages are counted from
// the moment the shop is opened.
type Story struct {
	Name  string // as it is chosen
	About string // one clause, for people

	// Defects are the kinds planted in the database; nil: all.
	Defects []string
	// Migrated is how long ago the last migration was made.
	Migrated time.Duration
	// Letters: the consumer's handler was broken for an hour, and what failed stands among the dead letters.
	Letters bool
	// Cache is what is wrong in the cache.
	Cache Staleness
	// Blocked: sessions block each other now.
	Blocked bool
	// Rollouts are those of ecommerce-backend, the oldest first.
	Rollouts []RolledOut
	// Edits are changes of the config map ecommerce-config.
	Edits []Edit
	// Errors are what its pods logged beside their daily work.
	Errors []Logged
}

// RolledOut is one rollout.
type RolledOut struct {
	Revision int
	Ago      time.Duration
	Image    string
	Env      map[string]string
}

// Edit is a change of some keys of a config map.
type Edit struct {
	Ago  time.Duration
	Keys []string
	By   string // the client, as Kubernetes notes it
}

// Logged is one line that pods logged again and again. A # in it is a number that differs from line to line.
type Logged struct {
	Line  string
	Times int
	// From and To bound when, From being the longer ago.
	From, To time.Duration
}

// Stories are the stories that a demo can tell, the usual one first: in it everything is wrong at once.
func Stories() []Story {
	return []Story{everything(), failedEvents(), race(), staleCache(), badMigration(), recentChange()}
}

// StoryNamed finds a story; no name is the usual one.
func StoryNamed(name string) (Story, error) {
	var names []string
	for _, s := range Stories() {
		if s.Name == name || name == "" {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return Story{}, fmt.Errorf("there is no story %q; the stories are %s", name, strings.Join(names, ", "))
}

// longAgo is well before anything that a story tells.
const longAgo = 12 * 24 * time.Hour

// steady are the rollouts before any story: nothing happened after them for days.
func steady() []RolledOut {
	return []RolledOut{
		{Revision: 39, Ago: 30 * 24 * time.Hour, Image: "ecommerce-backend:1.8.1", Env: map[string]string{"READ_ONLY_MODE": "false"}},
		{Revision: 40, Ago: longAgo, Image: "ecommerce-backend:1.8.2", Env: map[string]string{"READ_ONLY_MODE": "false"}},
	}
}

// brokenHandler is the rollout after which events failed, and its repair an hour later.
func brokenHandler() []RolledOut {
	return append(steady(),
		RolledOut{Revision: 41, Ago: 123 * time.Minute, Image: "ecommerce-backend:1.8.3", Env: map[string]string{"READ_ONLY_MODE": "false"}},
		RolledOut{Revision: 42, Ago: 55 * time.Minute, Image: "ecommerce-backend:1.8.4", Env: map[string]string{"READ_ONLY_MODE": "false"}},
	)
}

func eventErrors() []Logged {
	return []Logged{
		{Line: "ERROR OrderEventHandler event ev-# failed: java.lang.NullPointerException: customerEmail is null", Times: 380, From: 2 * time.Hour, To: time.Hour},
		{Line: "ERROR OrderEventHandler event ev-# failed: java.net.SocketTimeoutException: warehouse south did not answer in 3000 ms", Times: 10, From: 2 * time.Hour, To: time.Hour},
	}
}

func everything() Story {
	return Story{
		Name: "everything", About: "every kind of defect at once, after a rollout that broke the event handler",
		Migrated: 130 * time.Minute, Letters: true, Cache: Staleness{Stale: 12, Missing: 3, Endless: 5, TooLong: 4},
		Rollouts: brokenHandler(), Errors: eventErrors(),
	}
}

func failedEvents() Story {
	return Story{
		Name: "failed-events", About: "a rollout broke the event handler: orders without customers, unpaid orders, and dead letters",
		Defects:  []string{"order-customer-gone", "unpaid", "item-order-gone"},
		Migrated: longAgo, Letters: true, Rollouts: brokenHandler(), Errors: eventErrors(),
	}
}

func race() Story {
	return Story{
		Name: "race", About: "two writers read the same stock before either wrote it, and block each other still",
		Defects:  []string{"stock-errors-cancel", "stock-negative-and-wrong", "total-too-high", "total-too-low", "email-tie"},
		Migrated: longAgo, Blocked: true, Rollouts: steady(),
		Errors: []Logged{
			{Line: "ERROR InventoryService could not reserve product p#: org.postgresql.util.PSQLException: ERROR: deadlock detected", Times: 7, From: 110 * time.Minute, To: 3 * time.Minute},
			{Line: "WARN InventoryService OptimisticLockingFailureException for product p#, retrying: duplicate write", Times: 64, From: 115 * time.Minute, To: time.Minute},
		},
	}
}

func staleCache() Story {
	return Story{
		Name: "stale-cache", About: "customers were changed and their cached copies were not: the database is right",
		Defects: []string{}, Migrated: longAgo, Cache: Staleness{Stale: 240, Missing: 6, Endless: 30}, Rollouts: steady(),
		Errors: []Logged{
			{Line: "WARN CustomerService data mismatch detected: customer c# in cache is older than in the database", Times: 51, From: 100 * time.Minute, To: 2 * time.Minute},
		},
	}
}

func badMigration() Story {
	return Story{
		Name: "bad-migration", About: "a migration dropped a foreign key and left rows behind that refer to nothing",
		Defects:  []string{"fk-violated", notValidKind, "order-customer-gone", "payment-order-gone", "item-product-gone"},
		Migrated: 130 * time.Minute, Rollouts: steady(),
		Errors: []Logged{
			{Line: "ERROR OrderRepository could not load order o#: foreign key constraint violation: customer is missing", Times: 33, From: 2 * time.Hour, To: 4 * time.Minute},
		},
	}
}

func recentChange() Story {
	return Story{
		Name: "recent-change", About: "a rollout with another way of rounding: totals are wrong since",
		Defects:  []string{"total-too-high", "total-too-low", "total-two-cents-off", "total-zero-with-items"},
		Migrated: longAgo,
		Rollouts: append(steady(), RolledOut{
			Revision: 41, Ago: 121 * time.Minute, Image: "ecommerce-backend:1.9.0",
			Env: map[string]string{"READ_ONLY_MODE": "false", "ROUNDING_MODE": "DOWN"},
		}),
		Edits: []Edit{{Ago: 122 * time.Minute, Keys: []string{"pricing.properties"}, By: "kubectl-edit"}},
		Errors: []Logged{
			{Line: "ERROR PricingService total of order o# is not the sum of its items: mismatch of 0.01 USD", Times: 88, From: 2 * time.Hour, To: time.Minute},
		},
	}
}
