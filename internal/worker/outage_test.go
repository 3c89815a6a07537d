package worker_test

import (
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/pgproc"
	"github.com/integritybot/integritybot/internal/store"
	"github.com/integritybot/integritybot/internal/worker"
)

// The store goes away in the middle of a run, for longer than a lease, and
// comes back: the run is finished without anybody's help, and no row is lost or
// there twice.
func TestStoreGoesAwayInTheMiddleOfARun(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("/tmp", "ibworker")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil { // the server's user passes through
		t.Fatal(err)
	}
	boot := func() *pgproc.Server {
		server, err := pgproc.Start(t.Context(), pgproc.Options{Dir: filepath.Join(dir, "pg")})
		if err != nil {
			t.Fatal(err)
		}
		return server
	}
	server := boot()
	t.Cleanup(func() { server.Stop() })
	dsn := server.DSN(pgproc.Superuser, pgproc.Superuser)
	if err := store.Migrate(t.Context(), dsn, ""); err != nil {
		t.Fatal(err)
	}
	s := open(t, dsn)
	var reached atomic.Int64
	const steps = 100
	start(t, s, catalog(map[string]check.Detector{"a": counting{
		steps: steps, pause: 10 * time.Millisecond, reached: func(n int) { reached.Store(int64(n)) },
	}}), func(o *worker.Options) { o.Lease = 3 * time.Second })
	id := ask(t, s, "a")
	for reached.Load() < 10 {
		time.Sleep(time.Millisecond)
	}
	server.Stop()
	time.Sleep(6 * time.Second) // not a pause for something to happen, but the length of the absence
	server = boot()
	back := time.Now()
	run := await(t, s, id)
	t.Logf("finished %s after the store was back", time.Since(back))
	if run.State != check.Done || len(run.Findings) != 1 || run.Findings[0].Verdict != check.Fail || run.Findings[0].Tally.Rows != steps {
		t.Errorf("%s, %s, findings %+v", run.State, run.Reason, run.Findings)
	}
	if diff := cmp.Diff(wholeFile(steps), file(t, s, id, "a")); diff != "" {
		t.Errorf("file (-want +got):\n%s", diff)
	}
}
