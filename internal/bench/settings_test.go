//go:build bench

package bench

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

const fullOrders = 3_000_000

// settings are what is measured and how large.
type settings struct {
	only     []string // BENCH=S2,S3; empty: all
	trial    bool     // BENCH_TRIAL=1: small sizes, to see whether it runs
	orders   int      // BENCH_ORDERS
	rounds   int      // BENCH_ROUNDS: how often each side of S2 counts, after one round that warms up
	kept     string   // BENCH_SHOP: a directory in which the shop is kept for the next run
	out      string   // BENCH_OUT: write the page there, also after a part
	profiles string   // BENCH_PROFILES: a directory for what explains the numbers

	commands int           // of S1
	flood    time.Duration // of S1's sustained rate, and of each rate of S10
	events   int           // of S10's verify
	quiet    time.Duration // of S3's windows without the check
	polite   time.Duration // of S3's check, at most
	starts   int           // of S11
	letters  int           // of S7
	replays  int           // of S7, by each side
	cached   int           // customers of S8
	pods     int           // of S9
	podLines int           // that each of them wrote
	looks    int           // of S8 and S9, by each side, after one that warms up
}

// settingsFrom reads the environment.
func settingsFrom(lookup func(string) (string, bool)) (settings, error) {
	s := settings{
		orders: fullOrders, rounds: 2, commands: 1000, flood: 10 * time.Second, events: 300_000, quiet: time.Minute,
		polite: 8 * time.Minute, starts: 5, letters: 200_000, replays: 3, cached: 1_000_000, pods: 100, podLines: 10_000, looks: 3,
	}
	get := func(name string) string { v, _ := lookup(name); return v }
	if s.trial = get("BENCH_TRIAL") != ""; s.trial {
		s.orders, s.rounds, s.commands, s.flood, s.events, s.quiet, s.starts = 20_000, 1, 200, 2*time.Second, 10_000, 5*time.Second, 2
		s.polite, s.letters, s.replays, s.cached, s.pods, s.podLines, s.looks = 20*time.Second, 10_000, 1, 20_000, 20, 500, 1
	}
	s.kept, s.out, s.profiles = get("BENCH_SHOP"), get("BENCH_OUT"), get("BENCH_PROFILES")
	var bad []error
	for name, to := range map[string]*int{"BENCH_ORDERS": &s.orders, "BENCH_ROUNDS": &s.rounds} {
		if text := get(name); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil || n < 1 {
				bad = append(bad, fmt.Errorf("%s=%q is not a whole number above 0", name, text))
				continue
			}
			*to = n
		}
	}
	for _, id := range strings.FieldsFunc(get("BENCH"), func(r rune) bool { return r == ',' || r == ' ' }) {
		id = strings.ToUpper(id)
		if !slices.ContainsFunc(benchmarks(), func(b benchmark) bool { return b.id == id }) {
			bad = append(bad, fmt.Errorf("BENCH: there is no benchmark %s", id))
		}
		s.only = append(s.only, id)
	}
	return s, errors.Join(bad...)
}

func (s settings) wants(id string) bool { return len(s.only) == 0 || slices.Contains(s.only, id) }

// page is where the page is written; empty: nowhere.
func (s settings) page() string {
	if s.out == "" && s.complete() {
		return filepath.Join(root(), "docs", "benchmarks.md")
	}
	return s.out
}

// complete tells whether the page may claim this run's numbers.
func (s settings) complete() bool {
	return len(s.only) == 0 && !s.trial && s.orders == fullOrders && s.rounds >= 2
}

// command is how to repeat the run.
func (s settings) command() string {
	words := []string{"make bench"}
	if s.trial {
		words = append(words, "BENCH_TRIAL=1")
	}
	if s.orders != fullOrders && !s.trial {
		words = append(words, fmt.Sprintf("BENCH_ORDERS=%d", s.orders))
	}
	if s.kept != "" {
		words = append(words, "BENCH_SHOP=DIR")
	}
	if len(s.only) > 0 {
		words = append(words, "BENCH="+strings.Join(s.only, ","))
	}
	return strings.Join(words, " ")
}

func TestSettings(t *testing.T) {
	for _, one := range []struct {
		name     string
		env      map[string]string
		command  string
		complete bool
		err      string
	}{
		{name: "nothing set", command: "make bench", complete: true},
		{name: "a part", env: map[string]string{"BENCH": "s2, S3"}, command: "make bench BENCH=S2,S3"},
		{name: "small", env: map[string]string{"BENCH_ORDERS": "5000"}, command: "make bench BENCH_ORDERS=5000"},
		{name: "a kept shop", env: map[string]string{"BENCH_SHOP": "/somewhere"}, command: "make bench BENCH_SHOP=DIR", complete: true},
		{name: "unknown", env: map[string]string{"BENCH": "S99", "BENCH_ORDERS": "x"}, err: "there is no benchmark S99"},
	} {
		t.Run(one.name, func(t *testing.T) {
			s, err := settingsFrom(func(name string) (string, bool) { v, ok := one.env[name]; return v, ok })
			if one.err != "" {
				if err == nil || !strings.Contains(err.Error(), one.err) || !strings.Contains(err.Error(), "BENCH_ORDERS") {
					t.Fatalf("the error is %v, want both problems", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if s.command() != one.command || s.complete() != one.complete {
				t.Errorf("command %q, complete %t; want %q, %t", s.command(), s.complete(), one.command, one.complete)
			}
		})
	}
}
