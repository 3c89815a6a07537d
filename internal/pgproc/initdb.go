package pgproc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/integritybot/integritybot/internal/process"
)

// accessRules is pg_hba.conf: whoever can enter the socket's directory (mode 0700) is trusted; TCP needs a password.
const accessRules = `local all all trust
local replication all trust
host all all 127.0.0.1/32 scram-sha-256
`

// initCluster makes the data directory unless a former start has. It is made beside and renamed, so that an
// interrupted initdb leaves nothing that looks like a cluster.
func initCluster(ctx context.Context, in install, h *home) error {
	found, err := os.ReadFile(filepath.Join(h.dataDir, "PG_VERSION"))
	if err == nil {
		return sameVersion(strings.TrimSpace(string(found)), in, h)
	}
	if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	fresh := h.dataDir + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	if err := makePrivate(fresh, h.who); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(in.dir, "initdb"), "-D", fresh, "-U", Superuser, "-A", "trust", //nolint:gosec // a program found by us, in a directory made by us
		"-E", "UTF8", "--locale="+locale(), "--no-sync", "--no-instructions")
	cmd.Dir, cmd.Env = h.Path(), environment()
	h.who.runs(cmd)
	if out, err := process.Output(cmd); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, strings.TrimSpace(string(out)))
	}
	if err := os.WriteFile(filepath.Join(fresh, "pg_hba.conf"), []byte(accessRules), 0o600); err != nil {
		return err
	}
	return os.Rename(fresh, h.dataDir)
}

func sameVersion(found string, in install, h *home) error {
	if found == strconv.Itoa(in.major) {
		return nil
	}
	return fmt.Errorf("%s was made by PostgreSQL %s but the newest installed is %d: delete that directory to begin anew, or install version %s", h.Path(), found, in.major, found)
}

// environment is what the server's programs see: none of the caller's PG* variables, which would redirect them, and
// no locale but C.
func environment() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=" + locale(), "TZ=UTC"}
}

// locale sorts by code point and knows the letters of Unicode, where there is such a one: it is part of Debian's C
// library and of musl.
func locale() string {
	if runtime.GOOS == "linux" {
		return "C.UTF-8"
	}
	return "C"
}
