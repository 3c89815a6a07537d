//go:build bench

package bench

import (
	"cmp"
	"fmt"
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
	longest time.Duration // 0: none was as long as loggedFrom
	call    string
	over    int // were over longestCall
}

// reset forgets what was logged and counted before.
func (s *slowCalls) reset(t *trial, client *goredis.Client) {
	t.Helper()
	for _, command := range [][]any{{"CONFIG", "RESETSTAT"}, {"SLOWLOG", "RESET"}} {
		if err := client.Do(t.Context(), command...).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// read adds what has been logged since.
func (s *slowCalls) read(t *trial, client *goredis.Client) {
	t.Helper()
	calls, err := client.SlowLogGet(t.Context(), loggedCalls).Result()
	if err != nil {
		t.Fatal(err)
	}
	if len(calls) == loggedCalls {
		t.Fatalf("Redis' slow log is full: there were more than %d calls over %s", loggedCalls, loggedFrom)
	}
	for _, one := range calls {
		if one.Duration > longestCall {
			s.over++
		}
		if one.Duration > s.longest && len(one.Args) > 0 {
			s.longest, s.call = one.Duration, strings.ToUpper(one.Args[0])
		}
	}
}

func (s *slowCalls) words() string {
	if s.longest == 0 {
		return "under " + loggedFrom.String()
	}
	return fmt.Sprintf("%s (%s)", millis(float64(s.longest.Microseconds())/1e3), s.call)
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
