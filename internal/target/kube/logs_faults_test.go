package kube

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/cluster"
	"github.com/integritybot/integritybot/internal/kubetest"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// shop is a cluster with a deployment of so many pods and a target that reads them.
func shop(t *testing.T, pods int32, change ...func(*Options)) (c *kubetest.Cluster, ns string, names []string, target *Target) {
	t.Helper()
	c = kubetest.Start(t, kubetest.Options{Fake: &cluster.Options{}})
	ns = c.Namespace(t)
	grant(t, c, ns)
	names = deploy(t, c, ns, "shop", pods)
	change = append([]func(*Options){func(o *Options) { o.Deployments = []string{"shop"} }}, change...)
	return c, ns, names, open(t, c, ns, change...)
}

// numbered is a log of lines a millisecond apart, each of which is an error.
func lineByLine(n int) cluster.Lines {
	return cluster.Generated{Count: n, Make: func(i int) (time.Time, []byte) {
		return began().Add(time.Duration(i) * time.Millisecond), fmt.Appendf(nil, "error %d", i)
	}}
}

func searched(t *testing.T, target *Target) LogResult {
	t.Helper()
	r, err := target.SearchLogs(t.Context(), LogQuery{Since: began().Add(-time.Minute)}, silent)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestALineOfAMegabyteIsCounted and costs little: what was not searched is said.
func TestALineOfAMegabyteIsCounted(t *testing.T) {
	t.Parallel()
	c, ns, names, target := shop(t, 1)
	long := "error " + strings.Repeat("x", 1<<20)
	c.WriteTimedLogs(t, ns, names[0], "shop", []kubetest.Line{{At: began(), Text: "a"}, {At: began(), Text: long}, {At: began(), Text: "error b"}}, nil)
	r := searched(t, target)
	if r.Lines != 3 || r.Matched != 2 || r.Long != 1 || r.Bytes < 1<<20 {
		t.Errorf("%d lines, %d matched, %d long, %d bytes", r.Lines, r.Matched, r.Long, r.Bytes)
	}
	if diff := cmp.Diff([]string{"1 line was longer than 8 KB: only the beginning was searched."}, r.Missing); diff != "" {
		t.Error(diff)
	}
	content, _ := fileOf(r.kept.sorted(), 2)
	if got := string(content); len(got) > 2*fileLineBytes || !strings.Contains(got, "… (1,048,582 bytes)") {
		t.Errorf("the file has %d bytes", len(got))
	}
}

// TestReadingEndsWhenEnoughWasRead, and says so.
func TestReadingEndsWhenEnoughWasRead(t *testing.T) {
	t.Parallel()
	c, ns, names, target := shop(t, 3, func(o *Options) { o.Logs.MaxLines, o.Logs.Streams = 1500, 1 })
	for _, name := range names {
		c.Fake().SetLog(ns, name, "shop", lineByLine(1000))
	}
	r := searched(t, target)
	if r.Lines != 1500 || r.Matched != 1500 || r.Groups[0].Count != 1500 {
		t.Errorf("%d lines, %d matched", r.Lines, r.Matched)
	}
	if diff := cmp.Diff([]string{"Reading ended after 1,500 lines (logs.max_lines): 1 of 3 logs were read in part and 1 not at all. Ask for a shorter time with --since."}, r.Missing); diff != "" {
		t.Error(diff)
	}
}

// TestALogThatBreaksOffIsSaid: what was read counts, what was not is named,
// whether the connection broke or the answer ended as if that were all.
func TestALogThatBreaksOffIsSaid(t *testing.T) {
	t.Parallel()
	for name, ending := range map[string]error{"with an error": io.ErrUnexpectedEOF, "as if it were all": io.EOF} {
		for where, after := range map[string]int64{"within a line": 4_000_050, "within a time": 4_000_010, "between lines": 4_000_000} {
			t.Run(name+" "+where, func(t *testing.T) {
				t.Parallel()
				c, ns, names, target := shop(t, 2)
				c.Fake().SetLog(ns, names[0], "shop", lineByLine(10))
				// Lines of 100 bytes: a time of 30, a space, the text, an end.
				c.Fake().SetLog(ns, names[1], "shop", cluster.Repeated{Count: 50_000, Start: began(), Step: time.Millisecond, Texts: [][]byte{[]byte("error " + strings.Repeat("y", 62))}})
				breaking(t, target, names[1], after, ending)
				r := searched(t, target)
				lines := int64(40_000)
				if where == "within a line" && errors.Is(ending, io.EOF) {
					lines++ // what there is of a line counts
				}
				if r.Lines != 10+lines || r.Matched != r.Lines {
					t.Errorf("%d lines, %d matched", r.Lines, r.Matched)
				}
				want := fmt.Sprintf("The log of %s/shop broke off after %s, at 10:00:39 UTC: what came later is not counted.", names[1], phrase.Plural(lines, "line"))
				if lines%10 == 1 {
					want = strings.Replace(want, "10:00:39", "10:00:40", 1)
				}
				if diff := cmp.Diff([]string{want}, r.Missing); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

// breaking has the first answer with the log of a pod end after so many bytes.
func breaking(t *testing.T, target *Target, pod string, after int64, ending error) {
	t.Helper()
	c, err := target.reading()
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range c.http {
		h.Transport = &breaker{next: h.Transport, pod: pod, after: after, ending: ending}
	}
}

type breaker struct {
	next   http.RoundTripper
	pod    string
	after  int64
	ending error
	broke  atomic.Bool
}

func (b *breaker) WrappedRoundTripper() http.RoundTripper { return b.next }

func (b *breaker) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := b.next.RoundTrip(r)
	if err == nil && strings.HasSuffix(r.URL.Path, "/"+b.pod+"/log") && b.broke.CompareAndSwap(false, true) {
		response.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(io.LimitReader(response.Body, b.after), iotest.ErrReader(b.ending)), response.Body}
	}
	return response, err
}

// TestAPodThatIsGoneIsSaid, and the others count.
func TestAPodThatIsGoneIsSaid(t *testing.T) {
	t.Parallel()
	c, ns, names, target := shop(t, 2)
	for _, name := range names {
		c.Fake().SetLog(ns, name, "shop", lineByLine(5))
	}
	must(t, c.Fake().Inject(cluster.Fault{Kind: cluster.Refused, Status: 404, Path: "/api/v1/namespaces/" + ns + "/pods/" + names[1] + "/log"}))
	r := searched(t, target)
	if r.Lines != 5 || r.Pods != 1 {
		t.Errorf("%d lines of %d pods", r.Lines, r.Pods)
	}
	if diff := cmp.Diff([]string{"Gone before they were read: " + names[1] + "/shop. Their pods were deleted meanwhile."}, r.Missing); diff != "" {
		t.Error(diff)
	}
}

// TestLogsThatMayNotBeRead are a problem that names the permission.
func TestLogsThatMayNotBeRead(t *testing.T) {
	t.Parallel()
	for withheld, want := range map[string]string{
		"get pods/log":    "Kubernetes production does not let the bot (integrity-reader) get pods/log in namespace NS: ask for `get pods/log` there; `kubectl auth can-i get pods --subresource=log -n NS` tells whether it is granted.",
		"list pods":       "Kubernetes production does not let the bot (integrity-reader) list pods in namespace NS: ask for `list pods` there; `kubectl auth can-i list pods -n NS` tells whether it is granted.",
		"get deployments": "Kubernetes production does not let the bot (integrity-reader) get deployments.apps in namespace NS: ask for `get deployments.apps` there; `kubectl auth can-i get deployments.apps -n NS` tells whether it is granted.",
	} {
		t.Run(withheld, func(t *testing.T) {
			t.Parallel()
			eachPeer(t, func(t *testing.T, c *kubetest.Cluster) {
				ns := c.Namespace(t)
				grant(t, c, ns, withheld)
				deploy(t, c, ns, "shop", 1)
				target := open(t, c, ns, func(o *Options) { o.Deployments = []string{"shop"} })
				_, err := target.SearchLogs(t.Context(), LogQuery{Since: began()}, silent)
				if got := strings.ReplaceAll(sentence(t, err), ns, "NS"); got != want {
					t.Errorf("it says %s\nwant %s", got, want)
				}
			})
		})
	}
}

// TestOwnershipThatIsNotKnownIsSaid: without the replica sets, labels must do.
func TestOwnershipThatIsNotKnownIsSaid(t *testing.T) {
	t.Parallel()
	c := kubetest.Start(t, kubetest.Options{Fake: &cluster.Options{}})
	ns := c.Namespace(t)
	grant(t, c, ns, "list replicasets")
	names := deploy(t, c, ns, "shop", 1)
	c.Fake().SetLog(ns, names[0], "shop", lineByLine(5))
	r := searched(t, open(t, c, ns, func(o *Options) { o.Deployments = []string{"shop"} }))
	if r.Matched != 5 || len(r.Missing) != 1 || !strings.HasPrefix(r.Missing[0], "Whether all pods with the labels of deployment shop belong to it is not known: ") {
		t.Errorf("%d %v", r.Matched, r.Missing)
	}
}

// TestNothingToReadIsAProblem and no result of zero lines.
func TestNothingToReadIsAProblem(t *testing.T) {
	t.Parallel()
	_, _, _, target := shop(t, 0)
	_, err := target.SearchLogs(t.Context(), LogQuery{Since: began()}, silent)
	if got := sentence(t, err); got != "There is no log to read in Kubernetes production. Deployment shop has no pods: is it scaled to 0?" {
		t.Error(got)
	}
	target.opts.Deployments = nil
	_, err = target.SearchLogs(t.Context(), LogQuery{Since: began()}, silent)
	if got := sentence(t, err); !strings.HasPrefix(got, "No deployments of Kubernetes production are named in the config") {
		t.Error(got)
	}
}

// TestALogThatIsSilentForeverEnds: within the time for a question.
func TestALogThatIsSilentForeverEnds(t *testing.T) {
	t.Parallel()
	c, ns, names, target := shop(t, 1, func(o *Options) { o.Timeout = 300 * time.Millisecond })
	must(t, c.Fake().Inject(cluster.Fault{Kind: cluster.Hang, Path: "/api/v1/namespaces/" + ns + "/pods/" + names[0] + "/log"}))
	_, err := target.SearchLogs(within(t, time.Minute), LogQuery{Since: began()}, silent)
	if got := sentence(t, err); got != "Kubernetes production did not answer in 300ms when reading a log: is its API server overloaded?" {
		t.Error(got)
	}
}

// TestTheTimeForALookIsNotUsedUp: what was read until shortly before is told.
func TestTheTimeForALookIsNotUsedUp(t *testing.T) {
	t.Parallel()
	c, ns, names, target := shop(t, 2)
	c.Fake().SetLog(ns, names[0], "shop", lineByLine(10))
	must(t, c.Fake().Inject(cluster.Fault{Kind: cluster.Hang, Path: "/api/v1/namespaces/" + ns + "/pods/" + names[1] + "/log"}))
	r, err := target.SearchLogs(within(t, 2*time.Second), LogQuery{Since: began()}, silent)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"There was no more time after 10 lines: 0 of 2 logs were read in part and 1 not at all. Ask for a shorter time with --since."}
	if diff := cmp.Diff(want, r.Missing); r.Lines != 10 || diff != "" {
		t.Errorf("%d lines %s", r.Lines, diff)
	}
}

// TestALogThatLostItsBeginningIsSaid: it was written to before, at a steady pace.
func TestALogThatLostItsBeginningIsSaid(t *testing.T) {
	t.Parallel()
	since := began()
	steady := span{lines: 1001, first: since.Add(20 * time.Minute), last: since.Add(20*time.Minute + 1000*time.Second), whole: true}
	for name, tt := range map[string]struct {
		span    span
		started time.Time
		want    bool
	}{
		"rotated":                     {steady, since.Add(-time.Hour), true},
		"started later":               {steady, since.Add(20 * time.Minute), false},
		"begins at once":              {span{lines: 1001, first: since.Add(10 * time.Second), last: since.Add(1000 * time.Second)}, since.Add(-time.Hour), false},
		"says something now and then": {span{lines: 101, first: since.Add(20 * time.Minute), last: since.Add(20*time.Minute + 10_000*time.Second)}, since.Add(-time.Hour), false},
		"few lines":                   {span{lines: 3, first: since.Add(20 * time.Minute), last: since.Add(21 * time.Minute)}, since.Add(-time.Hour), false},
	} {
		if got := tt.span.rotated(since, tt.started); got != tt.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
