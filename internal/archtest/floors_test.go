package archtest

import (
	"strings"
	"testing"
)

// floors of the house, the ground first. A package imports only lower floors,
// and its own subpackages.
var floors = []struct {
	name  string
	trees []string
}{
	{"the words everybody uses", []string{"internal/message", "internal/audit", "internal/authz", "internal/check"}},
	{"the domain", []string{"internal/check/report", "internal/fix", "internal/look", "incidents"}},
	{"what can be asked", []string{"commands", "internal/notify", "internal/declare", "internal/diagnose"}},
	{"the outside world", []string{"bot", "internal/worker", "internal/store", "internal/target", "internal/reconcile", "internal/workspace", "internal/shop", "internal/process", "internal/pgproc", "internal/pgtest", "internal/kafkatest", "internal/cluster", "internal/kubetest", "internal/redisproc", "internal/redistest", "internal/keeper", "internal/alertmanager", "internal/mailtest"}},
	{"configuration", []string{"internal/config"}},
	{"wiring", []string{"internal/app"}},
	{"the binary", []string{"cmd", "internal/bench"}},
}

// floorOf finds the floor by the longest tree that holds dir.
func floorOf(dir string) int {
	best, length := -1, -1
	for i, f := range floors {
		for _, tree := range f.trees {
			if under(dir, tree) && len(tree) > length {
				best, length = i, len(tree)
			}
		}
	}
	return best
}

// neighbours are the few steps on one floor that are meant, each with its
// reason.
var neighbours = map[string]string{
	"internal/store -> internal/keeper":           "the store keeps what the keeper declares: sightings and deliveries",
	"internal/store -> bot":                       "the store keeps the outgoing queue and the shelf that the Slack edge declares",
	"internal/worker -> internal/store":           "the worker runs what the store keeps",
	"internal/pgproc -> internal/process":         "a Postgres is a process in a directory",
	"internal/pgtest -> internal/pgproc":          "tests start a Postgres",
	"internal/pgtest -> internal/process":         "tests' servers live in memory",
	"internal/kafkatest -> internal/process":      "a broker is a process in a directory",
	"internal/kubetest -> internal/process":       "the programs of a Kubernetes are processes in a directory",
	"internal/redisproc -> internal/process":      "a Redis is a process in a directory",
	"internal/redistest -> internal/redisproc":    "tests start a Redis",
	"internal/reconcile -> internal/target/redis": "cached values are compared with rows",
	"internal/kubetest -> internal/cluster":       "tests start a Kubernetes in their own process",
}

func TestAPackageImportsOnlyLowerFloors(t *testing.T) {
	for _, p := range packages(t) {
		mine := floorOf(p.dir)
		if mine < 0 {
			if p.dir != "internal/archtest" && !under(p.dir, "deploy", "docs") {
				t.Errorf("%s stands on no floor: give it one in floors", p.dir)
			}
			continue
		}
		for _, path := range p.imports {
			dir, ours := strings.CutPrefix(path, module)
			if !ours || under(dir, p.dir) || sameTree(p.dir, dir) {
				continue
			}
			if _, meant := neighbours[p.dir+" -> "+dir]; meant {
				continue
			}
			if theirs := floorOf(dir); theirs >= mine {
				t.Errorf("%s (%s) imports %s (%s): only lower floors may be imported",
					p.dir, floors[mine].name, dir, floors[theirs].name)
			}
		}
	}
}

// sameTree lets the parts of one thing know each other: the workspace
// simulator and its block judge, one target's folder.
func sameTree(a, b string) bool {
	for _, f := range floors {
		for _, tree := range f.trees {
			if under(a, tree) && under(b, tree) && floorOf(a) == floorOf(b) && tree != "internal/target" {
				return true
			}
		}
	}
	return false
}
