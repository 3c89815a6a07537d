package redis

import (
	"strings"
	"testing"
	"time"

	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/redisproc"
	"github.com/integritybot/integritybot/internal/redistest"
)

// TestTheWordsForACLsAreEnough: what the sentences and the docs tell an administrator to
// grant is what it takes, and no more than that is used.
func TestTheWordsForACLsAreEnough(t *testing.T) {
	t.Parallel()
	for name, shape := range shapes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := redistest.Start(t, redistest.Options{Shape: shape})
			for _, n := range s.Nodes() {
				direct := redistest.Direct(t, n.Addr())
				for _, words := range [][]any{
					{"ACL", "SETUSER", "looks", "on", ">secret", "~customer:*", "~integritybot:*"},
					{"ACL", "SETUSER", "clears", "on", ">secret", "~customer:*", "~integritybot:*"},
				} {
					grant := readWords
					if words[2] == "clears" {
						grant = clearWords
					}
					for _, g := range strings.Fields(grant) {
						words = append(words, g)
					}
					if err := direct.Do(t.Context(), words...).Err(); err != nil {
						t.Fatal(err)
					}
				}
			}
			client := s.Client()
			for _, key := range keysFrom(20) {
				client.Set(t.Context(), key, "old", time.Hour)
			}
			o := of(s, shape)
			o.Login, o.Clearer = Login{"looks", "secret"}, Login{"clears", "secret"}
			target := open(t, o)
			for what, err := range looks(t, target) {
				if err != nil {
					t.Errorf("%s: %v", what, err)
				}
			}
			if _, err := target.Dumps(t.Context(), keysFrom(1)); err != nil {
				t.Error(err)
			}
			if _, err := target.Kept(t.Context()); err != nil {
				t.Error(err)
			}
			x := applier(t, target)
			if err := x.Ready(t.Context()); err != nil {
				t.Fatal(err)
			}
			c := removalsOf(t, target, keysFrom(20)...)
			if err := x.MayApply(t.Context(), c.Forms); err != nil {
				t.Fatal(err)
			}
			if o := applied(t, x, 1, c); o.Changed != 20 {
				t.Errorf("removed %d: %+v", o.Changed, o.Skipped)
			}
			undone(t, x, 1, 2, c)
			if _, err := x.Purge(t.Context(), time.Now().Add(time.Hour)); err != nil {
				t.Error(err)
			}
			f, n, err := target.FlushAll(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if o := applied(t, x, 3, f); o.Changed != int64(n) {
				t.Errorf("flushed %d", o.Changed)
			}
			// Who looks may not remove.
			o.Clearer = o.Login
			if err := applier(t, open(t, o)).Ready(t.Context()); err == nil || !strings.Contains(sentence(t, err), "looks may not run") {
				t.Errorf("who looks may remove: %v", err)
			}
		})
	}
}

func TestWhatIsMissingIsNamedBeforeAPlanIsShown(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	for _, tt := range []struct{ name, acl, says string }{
		{"no scripts", "~* +@all -eval -evalsha", "clears may not run EVAL"},
		{"no unlink", "~* +@all -unlink", "clears may not run UNLINK on Redis test/cache: have an administrator run ACL SETUSER clears +@read"},
		{"no restore", "~* +@all -restore", "clears may not run RESTORE"},
		{"no copies", "~customer:* +@all", "clears may not touch keys such as integritybot:* on Redis test/cache: have an administrator run ACL SETUSER clears ~integritybot:*."},
		{"no such keys", "~integritybot:* +@all", "clears may not touch keys such as customer:* on Redis test/cache: have an administrator run ACL SETUSER clears ~customer:* ~integritybot:*."},
		{"keys that may only be read", "~integritybot:* %R~customer:* +@all", "clears may not touch keys such as customer:*"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.Do("ACL SETUSER clears reset on >secret " + tt.acl)
			s.Do("SET customer:0 old")
			o := single(s.Addr())
			o.Clearer = Login{"clears", "secret"}
			target := open(t, o)
			x := applier(t, target)
			c := removalsOf(t, target, "customer:0")
			err := x.MayApply(t.Context(), c.Forms)
			if err == nil || !strings.Contains(sentence(t, err), tt.says) {
				t.Errorf("got  %v\nwant %s", err, tt.says)
			}
			if _, err := x.Apply(t.Context(), fix.Plan{Order: fix.Order{ID: 1}}, c.Forms, c.Batches()[0], 1, nil); err == nil || sentence(t, err) == "" {
				if tt.name != "no restore" {
					t.Errorf("it was applied all the same: %v", err)
				}
			}
			if got := s.Client().Exists(t.Context(), "customer:0").Val(); got != 1 && tt.name != "no restore" {
				t.Error("the value is gone")
			}
			s.Do("FLUSHALL ASYNC")
		})
	}
}

func TestReadyLeavesNoTrace(t *testing.T) {
	t.Parallel()
	for name, shape := range shapes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := redistest.Start(t, redistest.Options{Shape: shape})
			target := open(t, of(s, shape))
			if err := applier(t, target).Ready(t.Context()); err != nil {
				t.Fatal(err)
			}
			if n, err := target.Size(t.Context()); n != 0 || err != nil {
				t.Errorf("%d keys are there, %v", n, err)
			}
		})
	}
}

func TestAReplicaTakesNoPlans(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{Shape: redisproc.Watched})
	err := applier(t, open(t, single(s.Nodes()[1].Addr()))).Ready(t.Context())
	if want := "Redis test/cache is a read-only replica"; err == nil || !strings.Contains(sentence(t, err), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestAFailoverIsAProblemOrASuccess: with the primary gone a plan is not applied until
// the replica has taken over, and then wholly.
func TestAFailoverIsAProblemOrASuccess(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{Shape: redisproc.Watched})
	client, target := s.Client(), open(t, of(s, redisproc.Watched))
	for _, key := range keysFrom(20) {
		client.Set(t.Context(), key, "old", time.Hour)
	}
	client.Do(t.Context(), "WAIT", 1, 5000)
	c := removalsOf(t, target, keysFrom(20)...)
	x := applier(t, target)
	s.Nodes()[0].Kill()
	deadline := time.Now().Add(30 * time.Second)
	for {
		r, err := x.Apply(t.Context(), fix.Plan{Order: fix.Order{ID: 1}}, c.Forms, c.Batches()[0], 1, nil)
		if err == nil {
			if r.Changed != 20 {
				t.Errorf("removed %d: %+v", r.Changed, r.Skipped)
			}
			break
		}
		if sentence(t, err); time.Now().After(deadline) {
			t.Fatalf("no replica took over: %v", err)
		}
	}
	left := redistest.Direct(t, s.Nodes()[1].Addr())
	if n := left.Exists(t.Context(), keysFrom(20)...).Val(); n != 0 {
		t.Errorf("%d are left", n)
	}
}
