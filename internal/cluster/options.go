package cluster

import (
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Options of a cluster. The zero value is good: the clock on the wall, no delays, the usual users.
type Options struct {
	// Clock is the cluster's time; nil: the wall's.
	Clock Clock
	// Log is where trouble of the cluster itself goes; nil: nowhere.
	Log *slog.Logger
	// Delays are how long things take that take time in a real cluster.
	Delays Delays
	// Users may log in; nil: [UsualUsers].
	Users []User
	// Version is what /version says; empty: v1.36.3.
	Version string
	// LogBytes is how much of a container's log is kept before the oldest half is rotated away; 0: 10 MiB, as the kubelet
	// does.
	LogBytes int
	// Journal is how many requests are remembered; 0: 10 000.
	Journal int
	// History is how many changes a watch can be behind; 0: 20 000.
	History int
}

// Delays of the controllers. Zero: as fast as they can, but always after the answer to whoever made the change.
type Delays struct {
	// PodStart is from a pod's creation until it runs and is ready.
	PodStart time.Duration
	// PodStop is from a pod's deletion until it is gone.
	PodStop time.Duration
	// Autoscaler is from a change of an autoscaler's target until the autoscaler acts.
	Autoscaler time.Duration
}

// Validate names every option that makes no sense.
func (o Options) Validate() error {
	var errs []error
	for name, n := range map[string]int{"LogBytes": o.LogBytes, "Journal": o.Journal, "History": o.History} {
		if n < 0 {
			errs = append(errs, fmt.Errorf("%s is %d; it must not be negative", name, n))
		}
	}
	if o.Delays.PodStart < 0 || o.Delays.PodStop < 0 || o.Delays.Autoscaler < 0 {
		errs = append(errs, errors.New("a delay is negative"))
	}
	seen := map[string]bool{}
	for _, u := range o.Users {
		if u.Name == "" || u.Token == "" {
			errs = append(errs, fmt.Errorf("the user %q needs a name and a token", u.Name))
		}
		if seen[u.Token] {
			errs = append(errs, fmt.Errorf("two users have the token of %q", u.Name))
		}
		seen[u.Token] = true
	}
	return errors.Join(errs...)
}

func (o Options) completed() Options {
	if o.Clock == nil {
		o.Clock = wall{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Users == nil {
		o.Users = UsualUsers()
	}
	if o.Version == "" {
		o.Version = "v1.36.3"
	}
	for n, usual := range map[*int]int{&o.LogBytes: 10 << 20, &o.Journal: 10_000, &o.History: 20_000} {
		if *n == 0 {
			*n = usual
		}
	}
	return o
}
