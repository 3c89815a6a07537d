package keeper

import (
	"errors"
	"sync"
	"time"

	"github.com/integritybot/integritybot/incidents"
)

// waits are what Slack asked this process to leave alone for a while, by what it is.
// They are not stored: another process that asks too early is told the same.
type waits struct {
	mu    sync.Mutex
	until map[string]time.Time // of the store's clock
}

// leastWait lies between two tries of something that did not work.
const leastWait = 5 * time.Second

// put notes that something has to wait.
func (w *waits) put(what string, now time.Time, wait time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.until == nil {
		w.until = map[string]time.Time{}
	}
	for old, until := range w.until {
		if !now.Before(until) {
			delete(w.until, old)
		}
	}
	w.until[what] = now.Add(max(wait, leastWait))
}

// on tells whether something has to wait at that time.
func (w *waits) on(what string, now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return now.Before(w.until[what])
}

// problem gives what is wrong with a call to Slack. What is no RoomError is as good as
// no answer.
func problem(err error) *incidents.RoomError {
	var room *incidents.RoomError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &room):
		return room
	default:
		return &incidents.RoomError{Problem: incidents.NotNow, Sentence: "Slack does not answer.", Err: err}
	}
}

// is tells whether an error is a RoomError of this problem.
func is(err error, p incidents.RoomProblem) bool {
	var room *incidents.RoomError
	return errors.As(err, &room) && room.Problem == p
}
