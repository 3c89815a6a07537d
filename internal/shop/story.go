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
	// Rollouts are the latest of ecommerce-backend, the oldest first. Those before were longAgo.
	Rollouts []RolledOut
	// Edits are changes of the config map ecommerce-config.
	Edits []Edit
	// Errors are what its pods logged beside their daily work.
	Errors []Logged
}

// RolledOut is one rollout: another image, or another variable of its environment.
type RolledOut struct {
	Ago         time.Duration
	Image       string // empty: the same
	Name, Value string // empty: no other variable
}

// Edit is a change of one key of a config map.
type Edit struct {
	Ago        time.Duration
	Key, Value string
	By         string // the client, as Kubernetes notes it
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

// brokenHandler is the rollout after which events failed; a switch in the config ended that an hour later.
func brokenHandler() []RolledOut {
	return []RolledOut{{Ago: 123 * time.Minute, Image: "ecommerce-backend:1.9.0"}}
}

func nullSafe() []Edit {
	return []Edit{{Ago: 59 * time.Minute, Key: "ORDER_EVENTS_NULL_SAFE", Value: "true", By: "kubectl-edit"}}
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
		Rollouts: brokenHandler(), Edits: nullSafe(), Errors: eventErrors(),
	}
}

func failedEvents() Story {
	return Story{
		Name: "failed-events", About: "a rollout broke the event handler: orders without customers, unpaid orders, and dead letters",
		Defects:  []string{"order-customer-gone", "unpaid", "item-order-gone"},
		Migrated: longAgo, Letters: true, Rollouts: brokenHandler(), Edits: nullSafe(), Errors: eventErrors(),
	}
}

func race() Story {
	return Story{
		Name: "race", About: "two writers read the same stock before either wrote it, and block each other still",
		Defects:  []string{"stock-errors-cancel", "stock-negative-and-wrong", "total-too-high", "total-too-low", "email-tie"},
		Migrated: longAgo, Blocked: true,
		Errors: []Logged{
			{Line: "ERROR InventoryService could not reserve product p#: org.postgresql.util.PSQLException: ERROR: deadlock detected", Times: 7, From: 110 * time.Minute, To: 3 * time.Minute},
			{Line: "WARN InventoryService OptimisticLockingFailureException for product p#, retrying: duplicate write", Times: 64, From: 115 * time.Minute, To: time.Minute},
		},
	}
}

func staleCache() Story {
	return Story{
		Name: "stale-cache", About: "customers were changed and their cached copies were not: the database is right",
		Defects: []string{}, Migrated: longAgo, Cache: Staleness{Stale: 120, Missing: 6, Endless: 30},
		Errors: []Logged{
			{Line: "WARN CustomerService data mismatch detected: customer c# in cache is older than in the database", Times: 51, From: 100 * time.Minute, To: 2 * time.Minute},
		},
	}
}

func badMigration() Story {
	return Story{
		Name: "bad-migration", About: "a migration dropped a foreign key and left rows behind that refer to nothing",
		Defects:  []string{"fk-violated", notValidKind, "order-customer-gone", "payment-order-gone", "item-product-gone"},
		Migrated: 130 * time.Minute,
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
		Rollouts: []RolledOut{
			{Ago: 122 * time.Minute, Name: "ROUNDING_MODE", Value: "DOWN"},
			{Ago: 121 * time.Minute, Image: "ecommerce-backend:1.9.0"},
		},
		Edits: []Edit{{Ago: 123 * time.Minute, Key: "PRICE_SCALE", Value: "1", By: "kubectl-edit"}},
		Errors: []Logged{
			{Line: "ERROR PricingService total of order o# is not the sum of its items: mismatch of 0.01 USD", Times: 88, From: 2 * time.Hour, To: time.Minute},
		},
	}
}
