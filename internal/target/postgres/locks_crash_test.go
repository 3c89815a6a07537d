package postgres

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/fix"
)

// TestLocksCutOffAnywhere: wherever the process or its connection dies, also
// between a signal and its record, whoever goes on ends the session of the plan
// and nobody else, and the record says no more than what was done.
func TestLocksCutOffAnywhere(t *testing.T) {
	t.Parallel()
	all := lockCutOff(t, 0, false)
	if all < 12 {
		t.Fatalf("only %d points to try", all)
	}
	for at := 6; at <= all; at++ { // a session that was not ready has said nothing of a plan
		for _, answer := range []bool{false, true} {
			if at < all-7 && (at%3 != 0 || answer) { // before the signal
				continue
			}
			t.Run(fmt.Sprintf("%d of %d, heard %t", at, all, answer), func(t *testing.T) {
				t.Parallel()
				lockCutOff(t, at, answer)
			})
		}
	}
}

// lockCutOff tells how many things the session said.
func lockCutOff(t *testing.T, at int, answer bool) int {
	c := newContended(t)
	innocent := c.session("ecommerce-backend").does("BEGIN", "UPDATE orders SET status = 'PAID' WHERE id = 7")
	root, waiter := c.stuck()
	d := c.remedy("{modes: [terminate]}").draft(t, asked(mode("terminate")))
	forms, batch := d.Content.Forms, d.Content.Batches()[0]
	cut := newCutter(t, c.dsn, at, answer)
	victim := c.fixer(mayEnd, func(o *FixOptions) {
		o.Sleep = func(ctx context.Context, d time.Duration) error { return sleep(ctx, d/20) }
		database := strings.SplitN(strings.SplitN(string(o.DSN), "?", 2)[0], "/", 4)[3]
		user := strings.TrimPrefix(strings.SplitN(string(o.DSN), "@", 2)[0], "postgres://")
		o.DSN = Secret("postgres://" + user + "@" + cut.address + "/" + database + "?sslmode=disable")
	})
	result, err := victim.Apply(t.Context(), plan(1), forms, batch, 1, nil)
	gone := root.gone()
	successor := c.fixer(mayEnd)
	applied, lookErr := successor.Applied(t.Context(), 1, forms)
	if lookErr != nil {
		t.Fatal(lookErr)
	}
	switch {
	case err == nil:
		if diff := cmp.Diff([]fix.Result{result}, applied); diff != "" || !gone {
			t.Errorf("gone %t, recorded (-want +got):\n%s", gone, diff)
		}
	case len(applied) > 0 && !gone:
		t.Error("it is recorded and was not done")
	}
	again, err := successor.Apply(t.Context(), plan(1), forms, batch, 1, nil)
	switch {
	case err != nil:
		t.Fatal(err)
	case len(applied) > 0 && !cmp.Equal(applied[0], again):
		t.Errorf("recorded %+v, and now %+v", applied[0], again)
	case len(applied) == 0 && gone && (again.Changed != 0 || len(again.Skipped) != 1 || again.Skipped[0].Why != fix.WhyGone):
		t.Errorf("the signal was given, and then %+v", again)
	case !gone && again.Changed != 1:
		t.Errorf("the signal was not given, and then %+v", again)
	}
	if err := waiter.ended(); err != nil || !root.gone() || innocent.gone() || waiter.gone() {
		t.Errorf("waiter %v; root gone %t, innocent gone %t", err, root.gone(), innocent.gone())
	}
	if n := scanOne[int](t, c.dsn, "SELECT count(*)::int FROM integritybot.applied"); n != 1 {
		t.Errorf("%d records", n)
	}
	cut.mu.Lock()
	defer cut.mu.Unlock()
	return cut.said
}
