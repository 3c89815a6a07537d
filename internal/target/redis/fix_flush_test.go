package redis

import (
	"errors"
	"testing"
	"time"

	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/redisproc"
	"github.com/integritybot/integritybot/internal/redistest"
)

// TestAFlushOfOtherServersEndsThePlan: slots that moved since the preview.
func TestAFlushOfOtherServersEndsThePlan(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{Shape: redisproc.Cluster})
	client, target := s.Client(), open(t, of(s, redisproc.Cluster))
	for _, key := range keysFrom(50) {
		client.Set(t.Context(), key, "v", time.Hour)
	}
	c, _, err := target.FlushAll(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	raw, err := spec{Layout: []string{"0-5460", "5461-16383"}}.json()
	if err != nil {
		t.Fatal(err)
	}
	c.Forms[0].Spec = raw
	_, err = applier(t, target).Apply(t.Context(), fix.Plan{Order: fix.Order{ID: 1}}, c.Forms, c.Batches()[0], 1, nil)
	halted(t, "other slots", err)
	if n, err := target.Size(t.Context()); n != 50 || err != nil {
		t.Errorf("%d keys are left, %v", n, err)
	}
}

// TestAPlanOfAnotherModeIsNotMade: a batch of several slots.
func TestAPlanOfAnotherModeIsNotMade(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{Shape: redisproc.Cluster})
	target := open(t, of(s, redisproc.Cluster))
	for _, key := range keysFrom(20) {
		s.Client().Set(t.Context(), key, "v", time.Hour)
	}
	c := removalsOf(t, target, keysFrom(20)...)
	c.PerBatch = 20
	_, err := applier(t, target).Apply(t.Context(), fix.Plan{Order: fix.Order{ID: 1}}, c.Forms, c.Batches()[0], 1, nil)
	if want := "This plan was made when Redis test/cache was no cluster: make a new preview."; err == nil || sentence(t, err) != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func halted(t *testing.T, what string, err error) {
	t.Helper()
	var halt *fix.Halt
	if !errors.As(err, &halt) {
		t.Errorf("%s: got %v", what, err)
	}
}
