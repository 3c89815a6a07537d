package redis

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/redisproc"
	"github.com/integritybot/integritybot/internal/redistest"
)

func TestScanSeesEveryKeyThatMatches(t *testing.T) {
	t.Parallel()
	for name, shape := range shapes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := redistest.Start(t, redistest.Options{Shape: shape})
			client, target := s.Client(), open(t, of(s, shape))
			want := map[string]bool{}
			for i := range 3000 {
				key := fmt.Sprintf("customer:%d", i)
				want[key] = true
				client.Set(t.Context(), key, "v", 0)
				if i%10 == 0 {
					client.Set(t.Context(), fmt.Sprintf("other:%d", i), "v", 0)
				}
			}
			got := map[string]bool{}
			if err := target.Scan(t.Context(), "customer:*", func(keys []string) error {
				for _, key := range keys {
					got[key] = true
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if n, err := target.Size(t.Context()); n != 3300 || err != nil {
				t.Errorf("%d keys in all, %v", n, err)
			}
			if keys, all, err := target.Sample(t.Context(), 500); len(keys) < 500 || all != 3300 || err != nil {
				t.Errorf("sampled %d of %d, %v", len(keys), all, err)
			}
		})
	}
}

// TestAScanOverTwoServersIsNone: a position in the keys of one server means nothing on
// another one.
func TestAScanOverTwoServersIsNone(t *testing.T) {
	t.Parallel()
	first, second := redistest.Start(t, redistest.Options{}), redistest.Start(t, redistest.Options{})
	for _, s := range []*redistest.Server{first, second} {
		for i := range 1000 {
			s.Client().Set(t.Context(), fmt.Sprintf("customer:%d", i), "v", 0)
		}
	}
	network := first.Proxy()
	pieces := 0
	err := open(t, single(network.Addr())).Scan(t.Context(), "customer:*", func([]string) error {
		if pieces++; pieces == 2 {
			network.Redirect(second.Addr())
		}
		return nil
	})
	if err == nil || !strings.Contains(sentence(t, err), "so keys may have been missed. Run it again.") {
		t.Errorf("after %d pieces: %v", pieces, err)
	}
}

func TestReadingIsPaced(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	for i := range 1000 {
		s.Client().Set(t.Context(), fmt.Sprintf("customer:%d", i), "v", 0)
	}
	o := single(s.Addr())
	clock := &fakeClock{at: time.Now()}
	o.Now, o.Sleep, o.MaxKeys = clock.now, clock.sleep, 100
	began := clock.at
	if err := scan(open(t, o)); err != nil {
		t.Fatal(err)
	}
	if took := clock.at.Sub(began); took < 8*time.Second || took > 12*time.Second {
		t.Errorf("1,000 keys at 100 a second took %s", took)
	}
}

func TestValuesOfAllSizesAreRead(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	client, target := s.Client(), open(t, single(s.Addr()))
	sizes := []int{0, 1, firstRead, firstRead + 1, MaxValue, MaxValue + 1, 3 * MaxValue}
	var keys []string
	for _, n := range sizes {
		key := fmt.Sprintf("customer:%d", n)
		keys = append(keys, key)
		client.Set(t.Context(), key, strings.Repeat("x", n), time.Hour)
	}
	keys = append(keys, "customer:none")
	spy := s.Spy()
	values, err := target.Strings(t.Context(), keys)
	if err != nil {
		t.Fatal(err)
	}
	for i, n := range sizes {
		v := values[i]
		if large := n > MaxValue; v.Large != large || !large && len(v.Text) != n || v.Kind != String || v.Size != int64(n) || v.TTL <= 0 {
			t.Errorf("%d bytes: %d read, large %v, %s, size %d, %s", n, len(v.Text), v.Large, v.Kind, v.Size, v.TTL)
		}
	}
	if v := values[len(sizes)]; v.Kind != None {
		t.Errorf("what is not there is a %s", v.Kind)
	}
	for _, c := range spy.Commands() {
		if slices.Contains([]string{"get", "mget"}, strings.ToLower(c.Words[0])) {
			t.Errorf("a value was asked for without a bound: %q", c.Words)
		}
	}
	for i := range maxFields + 1 {
		client.HSet(t.Context(), "customer:wide", fmt.Sprint(i), "")
	}
	client.HSet(t.Context(), "customer:long", "f", strings.Repeat("x", 2*MaxValue))
	hashes, err := target.Hashes(t.Context(), []string{"customer:wide", "customer:long", "customer:none", "customer:1"})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"hash true", "hash true", "none false", "string false"} {
		if got := fmt.Sprintf("%s %v", hashes[i].Kind, hashes[i].Large); got != want {
			t.Errorf("%s is %s, want %s", hashes[i].Key, got, want)
		}
	}
}

func TestSlots(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{Shape: redisproc.Cluster})
	client := s.Client()
	for _, key := range []string{"", "a", "customer:1", "{user1000}.following", "foo{}{bar}", "foo{{bar}}zap", "foo{bar}{zap}", "{}", "{", "\x00\xff"} {
		want, err := client.ClusterKeySlot(t.Context(), key).Result()
		if got := slotOf(key); err != nil || int64(got) != want {
			t.Errorf("%q is in slot %d, not in %d, %v", key, want, got, err)
		}
	}
	for slot, tag := range slotTags() {
		if got := slotOf("x:{" + tag + "}:y"); got != slot {
			t.Fatalf("the tag %s of slot %d is in %d", tag, slot, got)
		}
	}
}

func TestPatternsThatMatchEverything(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]bool{
		"*": true, "**": true, "?*": true, "*?": true, "[^x]*": true, "[a-z]*": true, "": true, "?": true,
		"customer:*": false, "*:1": false, "[a]*": false, `\**`: false, "c*": false, `*\`: true,
	} {
		if got := MatchesAll(pattern); got != want {
			t.Errorf("%q matches everything is %v", pattern, got)
		}
	}
}

func TestPatternsThatMakeRedisSlowAreRefused(t *testing.T) {
	t.Parallel()
	for pattern, gentle := range map[string]bool{
		"customer:*": true, "*:*:*": true, "customer:*a*a*a*b": false, "c" + strings.Repeat("?", 200): false, `\*\*\**`: false,
	} {
		if err := Gentle(pattern); (err == nil) != gentle {
			t.Errorf("%.40q: %v", pattern, err)
		}
	}
}

// TestScanStringsReadsEveryKeyOnceChosen, of all sizes and kinds, in few questions.
func TestScanStringsReadsEveryKeyOnceChosen(t *testing.T) {
	t.Parallel()
	for name, shape := range shapes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := redistest.Start(t, redistest.Options{Shape: shape})
			o := of(s, shape)
			o.ScanCount = 1500 // more than are read at once
			client, target := s.Client(), open(t, o)
			pipe := client.Pipeline()
			want := map[string]string{}
			for i := range 3000 {
				key, value := fmt.Sprintf("customer:%d", i), fmt.Sprint("v", i)
				if i%500 == 0 {
					value = strings.Repeat("long", firstRead) + value
				}
				want[key] = value
				pipe.Set(t.Context(), key, value, time.Hour)
			}
			pipe.RPush(t.Context(), "customer:list", "a")
			pipe.Set(t.Context(), "customer:left out", "v", 0)
			if _, err := pipe.Exec(t.Context()); err != nil {
				t.Fatal(err)
			}
			want["customer:list"] = ""
			got := map[string]string{}
			err := target.ScanStrings(t.Context(), "customer:*", func(keys []string) []string {
				return slices.DeleteFunc(keys, func(key string) bool { return key == "customer:left out" })
			}, func(values []Value) error {
				for _, v := range values {
					got[v.Key] = v.Text
					if kind := map[bool]string{true: "list", false: String}[v.Key == "customer:list"]; v.Kind != kind || v.At.IsZero() || kind == String && v.TTL < 50*time.Minute {
						t.Errorf("%s: %s, %s, at %s", v.Key, v.Kind, v.TTL, v.At)
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%.2000s", diff)
			}
			err = target.ScanStrings(t.Context(), "nobody:*", func(keys []string) []string { return keys }, func([]Value) error { t.Error("there is none"); return nil })
			if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestLegibleKeysCanBeReadBack(t *testing.T) {
	t.Parallel()
	for key := range strange() {
		if text := Legible(key); Illegible(text) != key || strings.ContainsRune(text, 0) {
			t.Errorf("%q is written %q and read %q", key, text, Illegible(text))
		}
	}
}
