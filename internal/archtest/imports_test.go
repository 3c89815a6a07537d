package archtest

import (
	"strings"
	"testing"
)

// rules say who alone may import a library, and why.
var rules = []struct {
	library string
	only    []string
	why     string
}{
	{
		"github.com/slack-go/slack",
		[]string{"bot", "internal/workspace"},
		"Slack's types break with every minor version: only the edge may feel it",
	},
	{
		"github.com/jackc/pgx",
		[]string{"internal/store", "internal/target/postgres", "internal/reconcile", "internal/shop", "internal/pgtest", "internal/app", "internal/bench"},
		"whoever holds a driver can bypass the read-only sessions and the audit",
	},
	{
		"github.com/twmb/franz-go",
		[]string{"internal/target/kafka", "internal/kafkatest", "internal/shop", "internal/app", "internal/bench"},
		"whoever holds a client can join groups, commit offsets and send records past the plans and the audit",
	},
	{
		"github.com/redis/go-redis",
		[]string{"internal/target/redis", "internal/redisproc", "internal/redistest", "internal/shop", "internal/app", "internal/bench"},
		"whoever holds a client can remove keys past the plans and the audit",
	},
	{
		"k8s.io/client-go",
		[]string{"internal/target/kube", "internal/cluster", "internal/kubetest", "internal/app", "internal/bench"},
		"whoever holds a client can change workloads past the plans and the audit",
	},
	{
		"k8s.io/client-go/kubernetes",
		[]string{"internal/kubetest"},
		"it registers every group of Kubernetes: 11 MB of the binary, nearly all of it resident",
	},
	{
		"github.com/riverqueue/river",
		[]string{"internal/store", "internal/worker", "internal/app"},
		"jobs are enqueued in the transaction that records the intent, and nowhere else",
	},
	{"github.com/pressly/goose", []string{"internal/store"}, "one place migrates"},
	{"github.com/pganalyze/pg_query_go", []string{"internal/target/postgres"}, "one guard judges SQL"},
	{"github.com/coder/websocket", []string{"bot", "internal/workspace"}, "Socket Mode and its peer"},
	{"github.com/spf13/cobra", []string{"cmd"}, "Slack text is never fed to it"},
	{"github.com/buildkite/shellwords", []string{"commands"}, "one grammar"},
	{"github.com/wneessen/go-mail", []string{"internal/notify"}, "one place knows whether a mail was taken"},
	{"github.com/emersion", []string{"internal/mailtest"}, "a mail server is for tests and the demo"},
	{
		module + "internal/config",
		[]string{"cmd", "internal/app"},
		"everything else is given its options, so that it can be tested without a file",
	},
	{module + "internal/app", []string{"cmd", "internal/bench"}, "wiring is not a library"},
	{module + "internal/workspace", []string{"internal/app", "internal/workspace", "internal/bench", "cmd"}, "the product must not know its stand-in for Slack"},
	{module + "internal/cluster", []string{"internal/app", "internal/kubetest", "internal/bench", "cmd"}, "the product must not know its stand-in for Kubernetes"},
	{module + "internal/kubetest", []string{"internal/bench"}, "the product must not know its tests' clusters"},
	{module + "internal/redistest", []string{"internal/bench"}, "the product must not know its tests' servers"},
	{module + "internal/kafkatest", []string{"internal/bench"}, "the product must not know its tests' brokers"},
	{module + "internal/mailtest", []string{"internal/app", "internal/bench"}, "the product must not know its tests' mail server"},
	{module + "internal/shop", []string{"internal/app", "internal/bench", "cmd"}, "the product must not know its demo data"},
}

func TestLibrariesStayWhereTheyBelong(t *testing.T) {
	for _, p := range packages(t) {
		for _, path := range p.imports {
			for _, r := range rules {
				if (path == r.library || strings.HasPrefix(path, r.library+"/")) && !under(p.dir, r.only...) && !under(p.dir, strings.TrimPrefix(r.library, module)) {
					t.Errorf("%s imports %s, which only %s may: %s", p.dir, path, strings.Join(r.only, ", "), r.why)
				}
			}
		}
	}
}

func TestTargetsNeverImportEachOther(t *testing.T) {
	const targets = "internal/target/"
	for _, p := range packages(t) {
		mine, ok := strings.CutPrefix(p.dir, targets)
		if !ok {
			continue
		}
		mine, _, _ = strings.Cut(mine, "/")
		for _, path := range p.imports {
			theirs, ok := strings.CutPrefix(path, module+targets)
			if !ok {
				continue
			}
			if theirs, _, _ = strings.Cut(theirs, "/"); theirs != mine {
				t.Errorf("%s imports %s: what needs two targets belongs in internal/reconcile", p.dir, path)
			}
		}
	}
}

func TestTheDomainKnowsNoDriver(t *testing.T) {
	drivers := []string{"database/sql", "net/http", "github.com/jackc/pgx", "github.com/twmb/franz-go", "github.com/redis/go-redis", "k8s.io/client-go"}
	for _, p := range packages(t) {
		if !under(p.dir, "incidents", "internal/check", "internal/fix", "internal/authz", "internal/message", "internal/audit", "commands") {
			continue
		}
		for _, path := range p.imports {
			for _, d := range drivers {
				if path == d || strings.HasPrefix(path, d+"/") {
					t.Errorf("%s imports %s: the domain is told facts, it does not fetch them", p.dir, path)
				}
			}
		}
	}
}
