//go:build bench

package bench

import (
	"cmp"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dustin/go-humanize"
	goredis "github.com/redis/go-redis/v9"
)

// loggedFrom is from how long on Redis keeps a call in its slow log, and loggedCalls how many it keeps.
const (
	loggedFrom  = time.Millisecond
	loggedCalls = 100_000
)

// logSlowCalls makes Redis keep what takes loggedFrom or longer.
func logSlowCalls(t *trial, client *goredis.Client) {
	t.Helper()
	for name, value := range map[string]string{
		"slowlog-log-slower-than": strconv.FormatInt(loggedFrom.Microseconds(), 10), "slowlog-max-len": strconv.Itoa(loggedCalls),
	} {
		if err := client.ConfigSet(t.Context(), name, value).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// slowCalls are the calls that Redis took long for.
type slowCalls struct {
	longest map[string]time.Duration // by command, of those that took loggedFrom or longer
	over    int                      // were over longestCall
	queued  time.Duration            // that Redis was ready to run and had no processor; 0 where the system does not say
	before  time.Duration
}

// reset forgets what was logged and counted before.
func (s *slowCalls) reset(t *trial, client *goredis.Client) {
	t.Helper()
	for _, command := range [][]any{{"CONFIG", "RESETSTAT"}, {"SLOWLOG", "RESET"}} {
		if err := client.Do(t.Context(), command...).Err(); err != nil {
			t.Fatal(err)
		}
	}
	s.before = queued(infoLine(t, client, "server", "process_id"))
}

// read adds what has been logged since.
func (s *slowCalls) read(t *trial, client *goredis.Client) {
	t.Helper()
	s.queued += queued(infoLine(t, client, "server", "process_id")) - s.before
	calls, err := client.SlowLogGet(t.Context(), loggedCalls).Result()
	if err != nil {
		t.Fatal(err)
	}
	if len(calls) == loggedCalls {
		t.Fatalf("Redis' slow log is full: there were more than %d calls over %s", loggedCalls, loggedFrom)
	}
	if s.longest == nil {
		s.longest = map[string]time.Duration{}
	}
	for _, one := range calls {
		if one.Duration > longestCall {
			s.over++
		}
		if len(one.Args) > 0 {
			name := strings.ToUpper(one.Args[0])
			s.longest[name] = max(s.longest[name], one.Duration)
		}
	}
}

// each gives the longest call of each command, the longest first.
func (s *slowCalls) each() []string {
	var words []string
	for _, name := range slices.SortedFunc(maps.Keys(s.longest), func(a, b string) int { return cmp.Compare(s.longest[b], s.longest[a]) }) {
		words = append(words, millis(float64(s.longest[name].Microseconds())/1e3)+" ("+name+")")
	}
	return words
}

// words is the longest of all.
func (s *slowCalls) words() string {
	if len(s.longest) == 0 {
		return "under " + loggedFrom.String()
	}
	return s.each()[0]
}

// queued is for how long a process of one thread, such as Redis' own, was ready to run and had no processor (Linux'
// Documentation/scheduler/sched-stats, "/proc/<pid>/schedstat"); 0 where the system does not say.
func queued(pid string) time.Duration {
	text, err := os.ReadFile("/proc/" + pid + "/schedstat")
	fields := strings.Fields(string(text))
	if err != nil || len(fields) < 2 {
		return 0
	}
	ns, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return 0
	}
	return time.Duration(ns)
}

// commandCounts says how often each command was called since the last reset, the most frequent first.
func commandCounts(t *trial, client *goredis.Client) string {
	t.Helper()
	text, err := client.Info(t.Context(), "commandstats").Result()
	if err != nil {
		t.Fatal(err)
	}
	return countsIn(text)
}

// countsIn reads "cmdstat_get:calls=12,usec=34,…".
func countsIn(text string) string {
	type count struct {
		name string
		n    int64
	}
	var all []count
	for line := range strings.Lines(text) {
		rest, ok := strings.CutPrefix(line, "cmdstat_")
		name, figures, ok2 := strings.Cut(rest, ":calls=")
		number, _, _ := strings.Cut(figures, ",")
		n, err := strconv.ParseInt(number, 10, 64)
		if ok && ok2 && err == nil && !strings.HasPrefix(name, "slowlog") && !strings.HasPrefix(name, "config") {
			all = append(all, count{name, n})
		}
	}
	slices.SortStableFunc(all, func(a, b count) int { return cmp.Compare(b.n, a.n) })
	var words []string
	for _, one := range all {
		words = append(words, humanize.Comma(one.n)+" "+one.name)
	}
	return strings.Join(words, ", ")
}

func infoLine(t *trial, client *goredis.Client, section, name string) string {
	t.Helper()
	text, err := client.Info(t.Context(), section).Result()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(text) {
		if v, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(v)
		}
	}
	return "of an unknown version"
}

func TestCountsOfCommands(t *testing.T) {
	const text = "# Commandstats\r\ncmdstat_scan:calls=11,usec=9,usec_per_call=0.8\r\ncmdstat_getrange:calls=10000,usec=7\r\ncmdstat_slowlog|reset:calls=1,usec=1\r\n"
	if got, want := countsIn(text), "10,000 getrange, 11 scan"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
