package redis

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/redisproc"
	"github.com/integritybot/integritybot/internal/redistest"
)

// TestAPlanOfAnotherContentIsNotTakenForThisOne: the store was restored from a backup,
// so its numbers came again.
func TestAPlanOfAnotherContentIsNotTakenForThisOne(t *testing.T) {
	t.Parallel()
	for name, shape := range shapes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := redistest.Start(t, redistest.Options{Shape: shape})
			client, target := s.Client(), open(t, of(s, shape))
			for _, key := range []string{"customer:{a}0", "customer:{a}1"} {
				client.Set(t.Context(), key, "v", time.Hour)
			}
			x := applier(t, target)
			first, second := removalsOf(t, target, "customer:{a}0"), removalsOf(t, target, "customer:{a}1")
			p := fix.Plan{Order: fix.Order{ID: 7}, Hash: "first"}
			if _, err := x.Apply(t.Context(), p, first.Forms, first.Batches()[0], 1, nil); err != nil {
				t.Fatal(err)
			}
			for _, lost := range []bool{false, true} { // also if only what is known of the values is left
				if lost {
					client.Del(t.Context(), target.recordName(7, "customer:{a}0"))
				}
				p.Hash = "second"
				_, err := x.Apply(t.Context(), p, second.Forms, second.Batches()[0], 1, nil)
				if want := "has recorded a batch of P-7 with another content than the one that was confirmed"; err == nil || !strings.Contains(sentence(t, err), want) {
					t.Errorf("got %v, want %s", err, want)
				}
			}
			if client.Exists(t.Context(), "customer:{a}1").Val() != 1 {
				t.Error("it was removed all the same")
			}
		})
	}
}

// TestARecordThatRedisRemovedIsStillKnown, because its memory was full.
func TestARecordThatRedisRemovedIsStillKnown(t *testing.T) {
	t.Parallel()
	for name, shape := range shapes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := redistest.Start(t, redistest.Options{Shape: shape})
			client, target := s.Client(), open(t, of(s, shape))
			for _, key := range keysFrom(4) {
				client.Set(t.Context(), key, "old", time.Hour)
			}
			x := applier(t, target)
			c := removalsOf(t, target, keysFrom(4)...)
			first := applied(t, x, 9, c)
			for _, key := range keysFrom(4) {
				client.Del(t.Context(), target.recordName(9, key))
			}
			client.Set(t.Context(), "customer:0", "cached since", time.Hour)
			if results, err := x.Applied(t.Context(), 9, c.Forms); err != nil || len(results) != len(c.Batches()) {
				t.Errorf("%d of %d batches are known, %v", len(results), len(c.Batches()), err)
			}
			if diff := cmp.Diff(first, applied(t, x, 9, c)); diff != "" {
				t.Errorf("again: -first +second:\n%s", diff)
			}
			d, err := x.Inverse(t.Context(), fix.Order{ID: 10}, fix.Plan{Order: fix.Order{ID: 9}}, c.Forms)
			if err != nil || d.Rows != 3 {
				t.Errorf("%d can be put back, %v", d.Rows, err)
			}
		})
	}
}

// TestAFullRedisCanBeFlushed, and is not cleared, because copies need memory.
func TestAFullRedisCanBeFlushed(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	client, target := s.Client(), open(t, single(s.Addr()))
	for _, key := range keysFrom(20) {
		client.Set(t.Context(), key, strings.Repeat("x", 1000), time.Hour)
	}
	clears := removalsOf(t, target, keysFrom(20)...)
	s.Do("CONFIG SET maxmemory-policy noeviction", "CONFIG SET maxmemory 1000000")
	x := applier(t, target)
	if err := x.MayApply(t.Context(), clears.Forms); err == nil || !strings.Contains(sentence(t, err), "A flush keeps none.") {
		t.Errorf("clear: %v", err)
	}
	if err := x.Ready(t.Context()); err != nil {
		t.Errorf("ready: %v", err)
	}
	c, _, err := target.FlushAll(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := x.MayApply(t.Context(), c.Forms); err != nil {
		t.Errorf("flush: %v", err)
	}
	if o := applied(t, x, 3, c); o.Changed != 1 {
		t.Errorf("flushed %d: %+v", o.Changed, o.Skipped)
	}
	if n := client.Exists(t.Context(), keysFrom(20)...).Val(); n != 0 {
		t.Errorf("%d keys are left", n)
	}
}

// TestAFlushStaysWhereItWasPreviewed: not in another server, database, or run.
func TestAFlushStaysWhereItWasPreviewed(t *testing.T) {
	t.Parallel()
	here, there := redistest.Start(t, redistest.Options{}), redistest.Start(t, redistest.Options{})
	c, _, err := open(t, single(here.Addr())).FlushAll(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	second := single(here.Addr())
	second.DB = 1
	for name, target := range map[string]*Target{"another server": open(t, single(there.Addr())), "another database": open(t, second)} {
		target.cl.Set(t.Context(), "customer:0", "v", 0)
		_, err := applier(t, target).Apply(t.Context(), fix.Plan{Order: fix.Order{ID: 1}}, c.Forms, c.Batches()[0], 1, nil)
		halted(t, name, err)
		if n, err := target.Size(t.Context()); n != 1 || err != nil {
			t.Errorf("%s: %d keys are left, %v", name, n, err)
		}
	}
}

// TestMaskedKeysStayMaskedOnTheWayBack.
func TestMaskedKeysStayMaskedOnTheWayBack(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	client, target := s.Client(), open(t, single(s.Addr()))
	var all []Removal
	for i := range 2 {
		key := fmt.Sprintf("customer:bob%d@example.com", i)
		client.Set(t.Context(), key, "v", time.Hour)
		values, err := target.Strings(t.Context(), []string{key})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, Removal{Value: values[0].Slim()})
	}
	c, err := target.Removals("customer:*", check.Email, 0, all)
	if err != nil {
		t.Fatal(err)
	}
	x := applier(t, target)
	if o := applied(t, x, 5, c); o.Changed != 2 {
		t.Fatalf("removed %d: %+v", o.Changed, o.Skipped)
	}
	client.Set(t.Context(), "customer:bob1@example.com", "again", time.Hour)
	d, err := x.Inverse(t.Context(), fix.Order{ID: 6}, fix.Plan{Order: fix.Order{ID: 5}}, c.Forms)
	if err != nil || d.Rows != 1 || len(d.Left) != 1 {
		t.Fatalf("%d rows, left %+v, %v", d.Rows, d.Left, err)
	}
	for _, text := range []string{d.Samples[0].Key, d.Listing[1][0], d.Left[0].Examples[0]} {
		if text != "c•••@example.com" {
			t.Errorf("shown is %q", text)
		}
	}
}

// TestNoKeyIsNamedWhereRedisRefuses: only how it begins.
func TestNoKeyIsNamedWhereRedisRefuses(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{Shape: redisproc.Single})
	s.Do("ACL SETUSER narrow on >secret ~none:* +@all")
	o := single(s.Addr())
	o.Login = Login{"narrow", "secret"}
	for _, key := range []string{"customer:bob@example.com", "bob@example.com", "\xff\x00" + strings.Repeat("secret", 100)} {
		_, err := open(t, o).Strings(t.Context(), []string{key})
		if err == nil || strings.Contains(sentence(t, err), "bob") || strings.Contains(sentence(t, err), "secret") || strings.ContainsRune(sentence(t, err), 0) {
			t.Errorf("got %v", err)
		}
	}
}
