package keeper

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/integritybot/integritybot/incidents"
)

// Keeper keeps incidents in this process, beside those of other replicas.
type Keeper struct {
	opts   Options
	store  Store
	rooms  Rooms
	log    *slog.Logger
	nudged chan struct{}

	waits   waits
	reading reading
	boxes   conversations
}

// New makes a keeper.
func New(o Options) (*Keeper, error) {
	o = o.withDefaults()
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("keeper: %w", err)
	}
	return &Keeper{
		opts: o, store: o.Store, rooms: o.Rooms, log: o.Log.With("holder", o.Holder), nudged: make(chan struct{}, 1),
	}, nil
}

// Run keeps incidents until ctx ends. What it was doing then another process goes on
// with. The loops are apart, so that a Slack that hangs delays no reminder and a mail
// server that hangs no summary.
func (k *Keeper) Run(ctx context.Context) error {
	var g errgroup.Group
	loop := func(name string, every time.Duration, wake <-chan struct{}, pass func(context.Context) error) {
		g.Go(func() error { k.every(ctx, name, every, wake, pass); return nil })
	}
	loop("clocks of incidents", k.opts.TickEvery, nil, k.Tick)
	loop("channels of incidents", k.opts.TickEvery, nil, k.Furnish)
	loop("calls", k.opts.TickEvery, nil, k.Call)
	loop("summaries", k.opts.TickEvery, nil, k.Show)
	loop("timelines", k.opts.TickEvery, nil, k.Watch)
	loop("reading of channels", k.opts.TickEvery, k.nudged, k.Read)
	loop("results of notices", k.opts.TickEvery, nil, k.settleHanded)
	for _, l := range k.lanes() {
		for n := range l.senders { // the others only matter while the first ones wait for somebody who hangs
			loop(l.name, k.opts.TickEvery*time.Duration(n+1), nil, k.deliverAll(l))
		}
	}
	return g.Wait()
}

// Nudge says that events may have been missed: the channels are read soon.
func (k *Keeper) Nudge() {
	k.reading.nudge()
	select {
	case k.nudged <- struct{}{}:
	default:
	}
}

// longestPause is the most that a loop waits after failures.
const longestPause = 30 * time.Second

// someFailed says that a pass was made, but for single incidents or messages. It is no
// reason to look at the others later.
type someFailed struct{ error }

func (e someFailed) Unwrap() error { return e.error }

// some joins what failed of a pass that was made.
func some(failed []error) error {
	if err := errors.Join(failed...); err != nil {
		return someFailed{err}
	}
	return nil
}

// every makes passes until ctx ends. While they fail as a whole it waits longer and
// longer.
func (k *Keeper) every(ctx context.Context, name string, d time.Duration, wake <-chan struct{}, pass func(context.Context) error) {
	pause, c := d, complaints{log: k.log.With("loop", name)}
	for {
		err := guarded(ctx, pass)
		if ctx.Err() != nil {
			return
		}
		c.hear(err)
		pause = min(2*pause, max(d, longestPause))
		if err == nil || errors.As(err, new(someFailed)) {
			pause = d
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-wake:
		}
		timer.Stop()
	}
}

// sayAgain is after how many passes something else that fails is said.
const sayAgain = 30

// complaints say once what fails in a loop, and when it goes on again.
type complaints struct {
	log  *slog.Logger
	said string
	ago  int // passes
}

func (c *complaints) hear(err error) {
	c.ago++
	switch {
	case err == nil && c.said != "":
		c.log.Info("going on again")
		c.said = ""
	case err != nil && (c.said == "" || c.said != err.Error() && c.ago >= sayAgain):
		c.log.Warn("not everything was done; trying again until it is", "error", err)
		c.said, c.ago = err.Error(), 0
	}
}

// guarded makes an error of a panic: one incident that cannot be worded must not end
// the process, and then every other that takes over.
func guarded(ctx context.Context, do func(context.Context) error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	return do(ctx)
}

// abreast is how many incidents are looked after at once.
const abreast = 4

// each looks after incidents side by side; one that fails holds up no other.
func (k *Keeper) each(ctx context.Context, all []incidents.Incident, do func(context.Context, incidents.Incident) error) error {
	var g errgroup.Group
	g.SetLimit(abreast)
	var mu sync.Mutex
	var failed []error
	for _, i := range all {
		g.Go(func() error {
			err := guarded(ctx, func(ctx context.Context) error { return do(ctx, i) })
			if err != nil && !errors.Is(err, incidents.ErrMoved) { // who moved it has seen to it, or the next pass does
				mu.Lock()
				defer mu.Unlock()
				failed = append(failed, fmt.Errorf("%s: %w", i.Ref(), err))
			}
			return nil
		})
	}
	_ = g.Wait()
	return some(failed)
}

// freeWithin bounds giving something back after the time for it was over.
const freeWithin = 3 * time.Second

// visit has the sole right to talk to Slack about the channel of an incident while do
// runs; if another one has it, nothing is done. It ends before the right does.
func (k *Keeper) visit(ctx context.Context, id int64, part string, do func(context.Context) error) error {
	holder := k.opts.Holder + "/" + part
	mine, err := k.store.LeaseIncident(ctx, id, holder, k.opts.Lease)
	if err != nil || !mine {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), freeWithin)
		defer cancel()
		if err := k.store.FreeIncident(ctx, id, holder); err != nil {
			k.log.Warn("incident not freed; it is when its lease is over", "incident", incidents.Ref(id), "error", err)
		}
	}()
	bounded, cancel := context.WithTimeout(ctx, k.opts.Lease-k.opts.Lease/4)
	defer cancel()
	err = do(bounded)
	if err != nil && bounded.Err() != nil && ctx.Err() == nil { // whatever was done is known: the next pass goes on with it
		k.log.Warn("Slack takes long", "incident", incidents.Ref(id), "part", part, "error", err)
		return nil
	}
	return err
}
