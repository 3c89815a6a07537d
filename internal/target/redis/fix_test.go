package redis

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	goredis "github.com/redis/go-redis/v9"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/redistest"
)

// dumps are keys as DUMP gives them; "" for those that are not there.
func dumps(t *testing.T, client goredis.UniversalClient, keys ...string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, key := range keys {
		text, err := client.Dump(t.Context(), key).Result()
		if err != nil && err != goredis.Nil { //nolint:errorlint // it is given as it is
			t.Fatal(err)
		}
		out[key] = text
	}
	return out
}

// strange are keys and values that break what is careless.
func strange() map[string]string {
	return map[string]string{
		`customer:"quoted" 'twice' \ back`: `{"a":"b"}`, "customer:new\nline\r\n": "new\r\nline", "customer:\x00\xff\xfe": "\x00\xff binary \xfe",
		"customer:עברית العربية \u202e": "\u202e right to left", "customer:" + strings.Repeat("long ", 1000): strings.Repeat("v", 5000),
		"customer:<!channel> <https://x|y> `*_": "<!channel>", "customer:{tag}": "", "customer:*?[a-z]": "glob", "customer:%s %d": "%s",
		`"customer:7"`: "in quotes",
	}
}

func TestClearAndUndoAreEqual(t *testing.T) {
	t.Parallel()
	for name, shape := range shapes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := redistest.Start(t, redistest.Options{Shape: shape})
			client, target := s.Client(), open(t, of(s, shape))
			var keys []string
			for key, value := range strange() {
				keys = append(keys, key)
				client.Set(t.Context(), key, value, time.Hour)
			}
			for i, key := range keysFrom(250) {
				keys = append(keys, key)
				client.Set(t.Context(), key, fmt.Sprintf(`{"name":"n%d"}`, i), time.Duration(i%3)*time.Hour) // some without an expiry
			}
			client.Set(t.Context(), "customer:innocent", "stays", 0)
			before := dumps(t, client, keys...)
			x := applier(t, target)
			if err := x.Ready(t.Context()); err != nil {
				t.Fatal(err)
			}
			c := removalsOf(t, target, keys...)
			if err := x.MayApply(t.Context(), c.Forms); err != nil {
				t.Fatal(err)
			}
			if o := applied(t, x, 7, c); o.Changed != int64(len(keys)) {
				t.Fatalf("removed %d of %d: %+v", o.Changed, len(keys), o.Skipped)
			}
			for key, dump := range dumps(t, client, keys...) {
				if dump != "" {
					t.Errorf("%q is still there", key)
				}
			}
			undone(t, x, 7, 8, c)
			if diff := cmp.Diff(before, dumps(t, client, keys...)); diff != "" {
				t.Errorf("-before +undone:\n%s", diff)
			}
			for i, key := range keysFrom(250) {
				ttl := client.PTTL(t.Context(), key).Val()
				if want := time.Duration(i%3) * time.Hour; want == 0 && ttl != -1 || want > 0 && (ttl > want || ttl < want-time.Minute) {
					t.Errorf("%s expires in %s, want %s", key, ttl, want)
				}
			}
			if got := client.Get(t.Context(), "customer:innocent").Val(); got != "stays" {
				t.Errorf("the innocent one is %q", got)
			}
		})
	}
}

// undone takes a plan back by another one.
func undone(t *testing.T, x *Clearing, plan, by int64, c fix.Content) fix.Draft {
	t.Helper()
	d, err := x.Inverse(t.Context(), fix.Order{ID: by, Undoes: plan}, fix.Plan{Order: fix.Order{ID: plan}}, c.Forms)
	if err != nil {
		t.Fatal(err)
	}
	if o := applied(t, x, by, d.Content); o.Changed != d.Rows {
		t.Fatalf("put back %d of %d: %+v", o.Changed, d.Rows, o.Skipped)
	}
	return d
}

func TestWhatChangedSinceThePreviewStays(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	client, target := s.Client(), open(t, single(s.Addr()))
	for _, key := range keysFrom(5) {
		client.Set(t.Context(), key, "old", time.Hour)
	}
	client.HSet(t.Context(), "customer:hash", "a", "1", "b", "2")
	values, err := target.Hashes(t.Context(), []string{"customer:hash"})
	if err != nil {
		t.Fatal(err)
	}
	c := removalsOf(t, target, keysFrom(5)...)
	h, err := target.Removals("customer:*", check.Key, 0, []Removal{{Value: values[0]}})
	if err != nil {
		t.Fatal(err)
	}
	c.Changes = append(c.Changes, h.Changes...)
	client.Set(t.Context(), "customer:1", "new", time.Hour)
	client.Del(t.Context(), "customer:2")
	client.Del(t.Context(), "customer:3")
	client.RPush(t.Context(), "customer:3", "a list by now")
	client.HSet(t.Context(), "customer:hash", "b", "3")
	o := applied(t, applier(t, target), 9, c)
	want := []fix.Skip{
		{Table: "customer:*", Key: []string{"customer:1"}, Why: fix.WhyChanged},
		{Table: "customer:*", Key: []string{"customer:2"}, Why: fix.WhyGone},
		{Table: "customer:*", Key: []string{"customer:3"}, Why: fix.WhyChanged},
		{Table: "customer:*", Key: []string{"customer:hash"}, Why: fix.WhyChanged},
	}
	if diff := cmp.Diff(want, o.Skipped); diff != "" || o.Changed != 2 {
		t.Errorf("removed %d, -want +got:\n%s", o.Changed, diff)
	}
	if got := client.Get(t.Context(), "customer:1").Val(); got != "new" {
		t.Errorf("the refreshed value is %q", got)
	}
}

func TestHashesOfAnyOrderAreTold(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	client, target := s.Client(), open(t, single(s.Addr()))
	for i := range 300 { // large enough that Redis orders the fields by chance
		client.HSet(t.Context(), "customer:h", fmt.Sprintf("f%d", i), strings.Repeat("ü", i))
		client.HSet(t.Context(), "customer:small", "b", "1", "a", "2", "Z", "3")
	}
	values, err := target.Hashes(t.Context(), []string{"customer:h", "customer:small"})
	if err != nil {
		t.Fatal(err)
	}
	c, err := target.Removals("customer:*", check.Key, 0, []Removal{{Value: values[0]}, {Value: values[1]}})
	if err != nil {
		t.Fatal(err)
	}
	if o := applied(t, applier(t, target), 3, c); o.Changed != 2 {
		t.Errorf("removed %d of 2: %+v", o.Changed, o.Skipped)
	}
}

func TestValuesOfOtherKindsAreCopied(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	client, target := s.Client(), open(t, single(s.Addr()))
	client.RPush(t.Context(), "customer:list", "a", "b")
	client.SAdd(t.Context(), "customer:set", "a") // of more the order is by chance in a copy
	client.ZAdd(t.Context(), "customer:zset", goredis.Z{Score: 1, Member: "a"})
	client.XAdd(t.Context(), &goredis.XAddArgs{Stream: "customer:stream", Values: []string{"a", "b"}})
	keys := []string{"customer:list", "customer:set", "customer:zset", "customer:stream"}
	before := dumps(t, client, keys...)
	values, err := target.Dumps(t.Context(), keys)
	if err != nil {
		t.Fatal(err)
	}
	var all []Removal
	for _, v := range values {
		all = append(all, Removal{Value: v})
	}
	c, err := target.Removals("customer:*", check.Key, 0, all)
	if err != nil {
		t.Fatal(err)
	}
	x := applier(t, target)
	if o := applied(t, x, 4, c); o.Changed != 4 {
		t.Fatalf("removed %d of 4: %+v", o.Changed, o.Skipped)
	}
	undone(t, x, 4, 5, c)
	if diff := cmp.Diff(before, dumps(t, client, keys...)); diff != "" {
		t.Errorf("-before +undone:\n%s", diff)
	}
}

func TestExpiriesThatAreRightByNowAreLeftAlone(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	client, target := s.Client(), open(t, single(s.Addr()))
	for key, ttl := range map[string]time.Duration{"customer:0": 0, "customer:1": 0, "customer:2": 48 * time.Hour, "customer:3": 48 * time.Hour} {
		client.Set(t.Context(), key, "v", ttl)
	}
	values, err := target.Strings(t.Context(), keysFrom(4))
	if err != nil {
		t.Fatal(err)
	}
	c, err := target.Removals("customer:*", check.Key, 0, []Removal{
		{Value: values[0], Forever: true}, {Value: values[1], Forever: true}, {Value: values[2], Over: 24 * time.Hour}, {Value: values[3], Over: 24 * time.Hour},
	})
	if err != nil {
		t.Fatal(err)
	}
	client.Expire(t.Context(), "customer:1", time.Hour)
	client.Expire(t.Context(), "customer:3", time.Hour)
	o := applied(t, applier(t, target), 3, c)
	want := []fix.Skip{
		{Table: "customer:*", Key: []string{"customer:1"}, Why: fix.WhyUnless},
		{Table: "customer:*", Key: []string{"customer:3"}, Why: fix.WhyUnless},
	}
	if diff := cmp.Diff(want, o.Skipped); diff != "" || o.Changed != 2 {
		t.Errorf("removed %d, -want +got:\n%s", o.Changed, diff)
	}
}

func TestUndoLeavesWhatIsThereAndWhatIsOver(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	client, target := s.Client(), open(t, single(s.Addr()))
	for i, key := range keysFrom(4) {
		client.Set(t.Context(), key, fmt.Sprint("old ", i), []time.Duration{time.Hour, time.Hour, time.Millisecond * 1500, time.Hour}[i])
	}
	x := applier(t, target)
	c := removalsOf(t, target, keysFrom(4)...)
	if o := applied(t, x, 1, c); o.Changed != 4 {
		t.Fatalf("removed %d: %+v", o.Changed, o.Skipped)
	}
	client.Set(t.Context(), "customer:1", "cached again", time.Hour)
	d, err := x.Inverse(t.Context(), fix.Order{ID: 2}, fix.Plan{Order: fix.Order{ID: 1}}, c.Forms)
	if err != nil {
		t.Fatal(err)
	}
	if d.Rows != 3 || len(d.Left) != 1 || !strings.Contains(d.Left[0].Why, "cached another value") || !d.Partial {
		t.Errorf("drafted %d, left %+v", d.Rows, d.Left)
	}
	client.Set(t.Context(), "customer:0", "cached after the preview", time.Hour)
	deadline := time.Now().Add(1600 * time.Millisecond)
	for time.Now().Before(deadline) { // until the third would have expired, by Redis's clock
		client.Ping(t.Context())
	}
	o := applied(t, x, 2, d.Content)
	want := []fix.Skip{
		{Table: "customer:*", Key: []string{"customer:0"}, Why: fix.WhyTaken},
		{Table: "customer:*", Key: []string{"customer:2"}, Why: whyExpired},
	}
	if diff := cmp.Diff(want, o.Skipped); diff != "" || o.Changed != 1 {
		t.Errorf("put back %d, -want +got:\n%s", o.Changed, diff)
	}
	if got := client.Get(t.Context(), "customer:0").Val() + ", " + client.Get(t.Context(), "customer:1").Val(); got != "cached after the preview, cached again" {
		t.Errorf("others' values are now: %s", got)
	}
	// And the way back can be taken back, too.
	back, err := x.Inverse(t.Context(), fix.Order{ID: 3}, fix.Plan{Order: fix.Order{ID: 2}}, d.Content.Forms)
	if err != nil {
		t.Fatal(err)
	}
	if o := applied(t, x, 3, back.Content); o.Changed != 1 || client.Exists(t.Context(), "customer:3").Val() != 0 {
		t.Errorf("removed again %d: %+v", o.Changed, o.Skipped)
	}
}

func TestABatchIsMadeOnce(t *testing.T) {
	t.Parallel()
	for name, shape := range shapes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := redistest.Start(t, redistest.Options{Shape: shape})
			client, target := s.Client(), open(t, of(s, shape))
			for _, key := range keysFrom(30) {
				client.Set(t.Context(), key, "old", time.Hour)
			}
			x := applier(t, target)
			c := removalsOf(t, target, keysFrom(30)...)
			first := applied(t, x, 5, c)
			for _, key := range keysFrom(30) { // what is cached again is even what the plan saw
				client.Set(t.Context(), key, "old", time.Hour)
			}
			second := applied(t, applier(t, open(t, of(s, shape))), 5, c)
			if diff := cmp.Diff(first, second); diff != "" {
				t.Errorf("-first +second:\n%s", diff)
			}
			for _, key := range keysFrom(30) {
				if client.Exists(t.Context(), key).Val() != 1 {
					t.Errorf("%s was removed twice", key)
				}
			}
			results, err := x.Applied(t.Context(), 5, c.Forms)
			if err != nil || len(results) != len(c.Batches()) {
				t.Errorf("%d results of %d batches, %v", len(results), len(c.Batches()), err)
			}
			if o := fix.Sum(fix.Draft{}, c.Forms, c.Batches(), results); o.Changed != 30 {
				t.Errorf("recorded are %d", o.Changed)
			}
			other := of(s, shape)
			other.Store = "another bot"
			if results, err := applier(t, open(t, other)).Applied(t.Context(), 5, c.Forms); err != nil || len(results) != 0 {
				t.Errorf("another bot takes it for its own: %v, %v", results, err)
			}
			if results, err := x.Applied(t.Context(), 6, c.Forms); err != nil || len(results) != 0 {
				t.Errorf("of a plan that was never carried out: %v, %v", results, err)
			}
		})
	}
}

func TestPurgeRemovesOldCopiesOnly(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	client, target := s.Client(), open(t, single(s.Addr()))
	client.Set(t.Context(), "customer:0", "old", time.Hour)
	x := applier(t, target)
	c := removalsOf(t, target, "customer:0")
	applied(t, x, 5, c)
	if n, err := x.Purge(t.Context(), time.Now().Add(-time.Minute)); n != 0 || err != nil {
		t.Errorf("young copies: %d, %v", n, err)
	}
	if n, err := x.Purge(t.Context(), time.Now().Add(time.Minute)); n != 1 || err != nil {
		t.Errorf("old copies: %d, %v", n, err)
	}
	if results, err := x.Applied(t.Context(), 5, c.Forms); len(results) != 1 || err != nil {
		t.Errorf("the record is gone: %v, %v", results, err)
	}
	d, err := x.Inverse(t.Context(), fix.Order{ID: 6}, fix.Plan{Order: fix.Order{ID: 5}}, c.Forms)
	if err != nil || d.Rows != 0 {
		t.Errorf("drafted %d, %v", d.Rows, err)
	}
}

func TestFlush(t *testing.T) {
	t.Parallel()
	for name, shape := range shapes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := redistest.Start(t, redistest.Options{Shape: shape})
			client, target := s.Client(), open(t, of(s, shape))
			fill := func() {
				for _, key := range keysFrom(100) {
					client.Set(t.Context(), key, "old", time.Hour)
				}
			}
			fill()
			c, n, err := target.FlushAll(t.Context())
			if err != nil || n != len(c.Batches()) {
				t.Fatalf("%d servers, %d batches, %v", n, len(c.Batches()), err)
			}
			x := applier(t, target)
			if err := x.MayApply(t.Context(), c.Forms); err != nil {
				t.Fatal(err)
			}
			first := applied(t, x, 5, c)
			for _, key := range keysFrom(100) {
				if client.Exists(t.Context(), key).Val() != 0 {
					t.Errorf("%s is still there", key)
				}
			}
			fill()
			if diff := cmp.Diff(first, applied(t, x, 5, c)); diff != "" || first.Changed != int64(n) {
				t.Errorf("flushed %d, -first +second:\n%s", first.Changed, diff)
			}
			if client.Exists(t.Context(), "customer:1").Val() != 1 {
				t.Error("it was flushed twice")
			}
			_, err = x.Inverse(t.Context(), fix.Order{ID: 6}, fix.Plan{Order: fix.Order{ID: 5}}, c.Forms)
			if err == nil || !strings.Contains(sentence(t, err), "cannot be taken back") {
				t.Errorf("undo of a flush: %v", err)
			}
		})
	}
}
