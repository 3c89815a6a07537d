package bot

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Shelf is where all replicas put what Slack answered, kept in the store. Slack
// counts the calls of all replicas together, and a replica that just started
// must not have to ask before it can say who somebody is. Times are those of
// the shelf's clock, which all replicas share.
//
// Who can write there can say who is in which group, for as long as an answer
// is used: nobody but the bot may.
type Shelf interface {
	// Look gives the answer to a question (a method of Slack's and a key) if it
	// is no older than life. If there is none, nobody is asking and Slack did
	// not say to wait, it gives the right to ask for the length of lease; a
	// lease of 0 only looks.
	Look(ctx context.Context, method, key string, life, lease time.Duration) (Shelved, error)
	// Put puts the answer there, as of the time of the claim.
	Put(ctx context.Context, method, key string, claim time.Time, answer []byte) error
	// GiveUp ends a claim, which may be zero, without an answer. If Slack said
	// to wait, nobody has the right to call the method for so long.
	GiveUp(ctx context.Context, method, key string, claim time.Time, wait time.Duration) error
}

// Shelved is what Look found. If everything is zero somebody else is asking.
type Shelved struct {
	Answer []byte        // JSON; nil: none that is new enough
	Age    time.Duration // since Slack was asked
	Claim  time.Time     // not zero: the right to ask; it names the claim
	Wait   time.Duration // Slack wants no call of the method for so long
}

const (
	// claimLease is how long one replica asks while the others wait for it. It
	// may be killed then, and whoever waits has 1.5 s in all. Where Slack takes
	// longer, a second replica asks as well.
	claimLease = 750 * time.Millisecond
	// shelfLimit bounds how long a look-up waits for what another replica asks,
	// before it asks itself. It is longer than claimLease, so that one that
	// waits for a dead replica takes its claim.
	shelfLimit = time.Second
	shelfPause = 40 * time.Millisecond // between two looks at what somebody else is asking
	// shelfCall bounds one call of the shelf, which takes some milliseconds. A
	// store that is silent needs the rest of Slack's 3 s for the person to read
	// that nothing could be recorded.
	shelfCall = 200 * time.Millisecond
	// shelfRest is how long a shelf that failed is left alone, so that of a
	// request's look-ups only one waits for it.
	shelfRest = 3 * time.Second
	// shelfForm comes before every key. Replicas of two versions run side by
	// side: what is put there must mean the same to both, or be found by one
	// alone. Change it with the fields of account, members or commands.Place.
	shelfForm = "1/"
)

// sharing is one replica's use of the shelf. What goes wrong there is logged
// here and only means that the replica asks for itself. It may be nil.
type sharing struct {
	shelf Shelf
	now   func() time.Time
	log   *slog.Logger

	mu    sync.Mutex
	until time.Time // it is left alone until then
}

// find gives an answer no older than life, or the right to ask, or how long
// Slack wants to be left alone. While another replica asks it waits for that
// one's answer. With nothing of that the caller asks as if it were alone.
func (s *sharing) find(ctx context.Context, method, key string, life time.Duration) Shelved {
	ctx, cancel := context.WithTimeout(ctx, shelfLimit)
	defer cancel()
	for !s.resting() {
		found := s.look(ctx, method, key, life, claimLease)
		settled := found.Answer != nil || found.Wait > 0 || !found.Claim.IsZero()
		if settled || s.resting() || !sleep(ctx, shelfPause) {
			return found
		}
	}
	return Shelved{}
}

// glance gives an answer no older than life, if one lies there. Without it
// there is none at all, so that also a shelf that failed is worth a try.
func (s *sharing) glance(ctx context.Context, method, key string, life time.Duration) Shelved {
	if s == nil {
		return Shelved{}
	}
	return s.look(ctx, method, key, life, 0)
}

func (s *sharing) look(outer context.Context, method, key string, life, lease time.Duration) Shelved {
	ctx, cancel := context.WithTimeout(outer, shelfCall)
	defer cancel()
	found, err := s.shelf.Look(ctx, method, shelfForm+key, life, lease)
	if err != nil && outer.Err() == nil {
		s.rest(err)
	}
	return found
}

// put shares an answer that was asked for under a claim.
func (s *sharing) put(ctx context.Context, method, key string, claim time.Time, answer []byte) {
	if claim.IsZero() || s.resting() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, shelfCall)
	defer cancel()
	if err := s.shelf.Put(ctx, method, shelfForm+key, claim, answer); err != nil {
		s.rest(err)
	}
}

// giveUp lets others ask, or lets nobody ask for as long as Slack says.
func (s *sharing) giveUp(ctx context.Context, method, key string, claim time.Time, wait time.Duration) {
	if claim.IsZero() && wait <= 0 || s.resting() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, shelfCall)
	defer cancel()
	if err := s.shelf.GiveUp(ctx, method, shelfForm+key, claim, wait); err != nil {
		s.rest(err)
	}
}

func (s *sharing) rest(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.until = s.now().Add(shelfRest)
	s.log.Warn("what Slack says is not shared with the other replicas", "error", err, "again_in", shelfRest)
}

// resting is also what a replica without a shelf does.
func (s *sharing) resting() bool {
	if s == nil {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now().Before(s.until)
}
