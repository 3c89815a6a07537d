package kube

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/cluster"
	"github.com/integritybot/integritybot/internal/kubetest"
	"github.com/integritybot/integritybot/internal/look"
)

// eachPeer runs a scenario on each peer of Kubernetes.
func eachPeer(t *testing.T, scenario func(t *testing.T, c *kubetest.Cluster)) {
	t.Helper()
	for _, peer := range kubetest.Peers(t) {
		t.Run(string(peer), func(t *testing.T) {
			t.Parallel()
			scenario(t, kubetest.Start(t, kubetest.Options{Peer: peer}))
		})
	}
}

// TestLogsAreGroupedBySayingTheSame: the report of a small world, on both peers:
// what was said before a restart counts, the other deployment's lines do not, and
// people's addresses are hidden.
func TestLogsAreGroupedBySayingTheSame(t *testing.T) {
	t.Parallel()
	eachPeer(t, func(t *testing.T, c *kubetest.Cluster) {
		ns := c.Namespace(t)
		grant(t, c, ns)
		pods := deploy(t, c, ns, "shop", 2)
		other := deploy(t, c, ns, "other", 1)
		now := time.Now().Truncate(time.Second)
		ago := func(d time.Duration) time.Time { return now.Add(-d).Add(123456 * time.Microsecond) }
		c.WriteTimedLogs(t, ns, pods[0], "shop", []kubetest.Line{
			{At: ago(10 * time.Minute), Text: "INFO started"},
			{At: ago(9 * time.Minute), Text: "ERROR OrderEventHandler: NullPointerException for order o1 of alice@example.org"},
			{At: ago(8 * time.Minute), Text: "ERROR OrderEventHandler: NullPointerException for order o22 of bob@example.org"},
		}, []kubetest.Line{
			{At: ago(12 * time.Minute), Text: "panic: out of memory"},
		})
		c.WriteTimedLogs(t, ns, pods[1], "shop", []kubetest.Line{
			{At: ago(7 * time.Minute), Text: "ERROR OrderEventHandler: NullPointerException for order o333 of carol@example.org"},
			{At: ago(6 * time.Minute), Text: "INFO fine"},
		}, nil)
		c.WriteTimedLogs(t, ns, other[0], "other", []kubetest.Line{{At: ago(5 * time.Minute), Text: "ERROR of somebody else"}}, nil)
		target := open(t, c, ns, func(o *Options) { o.Deployments = []string{"shop"} })
		report, err := Logs([]*Target{target}, false).Look(t.Context(), look.Question{At: now}, silent)
		if err != nil {
			t.Fatal(err)
		}
		text := report.Head.PlainText()
		for _, d := range report.Thread {
			text += "== " + d.Name + "\n" + d.Message.PlainText()
		}
		text += "== " + report.Head.Files[0].Name + ": " + report.Head.Files[0].Title + "\n" + string(report.Head.Files[0].Inline)
		if diff := cmp.Diff(smallWorld, placeless(text, ns, now, pods)); diff != "" {
			t.Error(diff)
		}
		wantFacts := []look.Fact{
			{Kind: look.LogErrors, Subject: "ERROR OrderEventHandler: NullPointerException for order o<n> of <email>", Count: 3, Of: 6, At: ago(9 * time.Minute).UTC(), Says: "3 log lines of NullPointerException in OrderEventHandler in 2 of 2 pods"},
			{Kind: look.LogErrors, Subject: "panic: out of memory", Count: 1, Of: 6, At: ago(12 * time.Minute).UTC(), Says: "1 log line of “panic: out of memory” in 1 of 2 pods"},
		}
		if diff := cmp.Diff(wantFacts, report.Facts); diff != "" {
			t.Error(diff)
		}
	})
}

// smallWorld is that report, with times as minutes before now.
const smallWorld = `🔎 Logs: 2 error patterns, 4 of 6 lines of 2 pods since T-60; most NullPointerException in OrderEventHandler (3)
    pattern                                   lines  pods  first seen               last seen               
    ERROR OrderEventHandler: NullPointerExc…      3     2  T-9  T-7 
    panic: out of memory                          1     1  T-12  T-12 
  file: logs.txt
== pods
Per pod: 2 of 2 pods have such lines
    pod                    matching  lines  first seen               first pattern                            
    POD0         3      4  T-12  panic: out of memory                     
    POD1         1      2  T-7  ERROR OrderEventHandler: NullPointerExc… 
== samples
First lines of the patterns, masked
  ERROR OrderEventHandler: NullPointerException for order o<n> of <email> · 3 lines
    T-9 POD0/shop
    ERROR OrderEventHandler: NullPointerException for order o1 of a•••@example.org
    T-7 POD1/shop
    ERROR OrderEventHandler: NullPointerException for order o333 of c•••@example.org
  panic: out of memory · 1 line
    T-12 POD0/shop
    panic: out of memory
== reading
How the logs were read
  Deployments shop in namespace NS, lines that match (?i)inconsisten|mismatch|duplicate|constraint|reconciliation failed|error|exception|panic|fatal
  6 lines, 279 bytes of 3 logs, 1 of them from before a restart. Times are those at which Kubernetes received a line.
== logs.txt: 4 lines that match, masked
T-12 POD0 shop panic: out of memory
T-9 POD0 shop ERROR OrderEventHandler: NullPointerException for order o1 of a•••@example.org
T-8 POD0 shop ERROR OrderEventHandler: NullPointerException for order o22 of b•••@example.org
T-7 POD1 shop ERROR OrderEventHandler: NullPointerException for order o333 of c•••@example.org
`

// placeless takes out of a text what differs from run to run.
func placeless(text, ns string, now time.Time, pods []string) string {
	for i, p := range pods {
		text = strings.ReplaceAll(text, p, fmt.Sprintf("POD%d", i))
	}
	text = strings.ReplaceAll(text, ns, "NS")
	moment := regexp.MustCompile(`\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?(\.\d+)?( UTC|Z)`)
	return moment.ReplaceAllStringFunc(text, func(s string) string {
		for _, layout := range []string{"2006-01-02 15:04:05 UTC", "2006-01-02 15:04 UTC", time.RFC3339Nano} {
			if at, err := time.Parse(layout, s); err == nil {
				return fmt.Sprintf("T-%d", int(now.UTC().Sub(at.Truncate(time.Second)).Minutes()))
			}
		}
		return s
	})
}

// TestASharedChannelSeesPatternsOnly: no line, no file.
func TestASharedChannelSeesPatternsOnly(t *testing.T) {
	t.Parallel()
	c := kubetest.Start(t, kubetest.Options{Fake: &cluster.Options{}})
	ns := c.Namespace(t)
	grant(t, c, ns)
	pods := deploy(t, c, ns, "shop", 1)
	c.WriteLogs(t, ns, pods[0], "shop", []string{"ERROR order o4711 of mallory@example.org"})
	target := open(t, c, ns, func(o *Options) { o.Deployments = []string{"shop"} })
	report, err := Logs([]*Target{target}, false).Look(t.Context(), look.Question{At: time.Now(), NoRows: true}, silent)
	if err != nil {
		t.Fatal(err)
	}
	all := report.Head.PlainText()
	for _, d := range report.Thread {
		if d.Name == "samples" {
			t.Error("there are samples")
		}
		all += d.Message.PlainText()
	}
	if len(report.Head.Files) > 0 || strings.Contains(all, "4711") || strings.Contains(all, "mallory") || !strings.Contains(all, "order o<n> of <email>") {
		t.Errorf("%d files, %s", len(report.Head.Files), all)
	}
}

// TestNoLineIsAResult, with how much was looked at, and what is asked for is used.
func TestNoLineIsAResult(t *testing.T) {
	t.Parallel()
	c := kubetest.Start(t, kubetest.Options{Fake: &cluster.Options{}})
	ns := c.Namespace(t)
	grant(t, c, ns)
	pods := deploy(t, c, ns, "shop", 1)
	c.WriteLogs(t, ns, pods[0], "shop", []string{"all is well", "event o1 failed", "something odd"})
	target := open(t, c, ns, func(o *Options) { o.Deployments = []string{"shop"} })
	for name, tt := range map[string]struct {
		q      look.Question
		events bool
		want   string
	}{
		"errors":      {look.Question{}, false, "🔎 Logs: no line matched in 3 lines of 1 pod since "},
		"events":      {look.Question{}, true, "🔎 Event logs: 1 error pattern, 1 of 3 lines of 1 pod since "},
		"a pattern":   {look.Question{Grep: "odd"}, false, "🔎 Logs: 1 pattern, 1 of 3 lines of 1 pod since "},
		"a long time": {look.Question{Grep: "nothing", Since: 48 * time.Hour}, false, "🔎 Logs: no line matched in 3 lines of 1 pod since "},
	} {
		tt.q.At = time.Now()
		report, err := Logs([]*Target{target}, tt.events).Look(t.Context(), tt.q, silent)
		if err != nil {
			t.Fatal(err)
		}
		if got := report.Head.Headline.String(); !strings.HasPrefix(got, tt.want) || len(report.Missing) > 0 {
			t.Errorf("%s: %s %v", name, got, report.Missing)
		}
	}
	for grep, want := range map[string]string{
		"(":                       "( is no regular expression (error parsing regexp: missing closing ): `(`).",
		strings.Repeat("x", 1001): "The pattern is longer than 1000 characters.",
	} {
		_, err := Logs([]*Target{target}, false).Look(t.Context(), look.Question{Grep: grep, At: time.Now()}, silent)
		if got := sentence(t, err); got != want {
			t.Error(got)
		}
	}
}

// TestTwoClustersAreOneReport: where one does not answer, the other one does.
func TestTwoClustersAreOneReport(t *testing.T) {
	t.Parallel()
	c := kubetest.Start(t, kubetest.Options{Fake: &cluster.Options{}})
	ns := c.Namespace(t)
	grant(t, c, ns)
	pods := deploy(t, c, ns, "shop", 1)
	c.WriteLogs(t, ns, pods[0], "shop", []string{"ERROR one"})
	good := open(t, c, ns, func(o *Options) { o.Deployments = []string{"shop"} })
	bad := open(t, c, ns, func(o *Options) {
		o.Name, o.Place, o.Deployments, o.Kubeconfig = "b", "staging", []string{"shop"}, "/nowhere"
	})
	var last check.Progress
	report, err := Logs([]*Target{good, bad}, false).Look(t.Context(), look.Question{At: time.Now()}, func(p check.Progress) { last = p })
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"staging: Kubernetes staging cannot be reached: there is no kubeconfig /nowhere."}, report.Missing); diff != "" {
		t.Error(diff)
	}
	if got := report.Head.Headline.String(); !strings.HasSuffix(got, "; most “ERROR one” (1); not all could be read") {
		t.Error(got)
	}
	if last != (check.Progress{Done: 1, Total: 1, Reading: "logs"}) {
		t.Errorf("%+v", last)
	}
	_, err = Logs([]*Target{bad}, false).Look(t.Context(), look.Question{At: time.Now()}, silent)
	if got := sentence(t, err); got != "Kubernetes staging cannot be reached: there is no kubeconfig /nowhere." {
		t.Error(got)
	}
}
