package pgproc

import (
	"os"
	"path/filepath"

	"github.com/integritybot/integritybot/internal/process"
)

const (
	tempPattern = "ibpg-*"
	logFile     = "postgres.log"

	// maxSocketPath is the longest path a unix socket may have: sun_path has 108 bytes including the final zero
	// (man 7 unix).
	maxSocketPath = 107
	// longestSocketName is the longest name PostgreSQL gives to its socket file.
	longestSocketName = "/.s.PGSQL.65535.lock"
)

// home is the directory that a server lives in.
type home struct {
	*process.Home
	short     *process.Home // for a socket whose path would be too long otherwise, or nil
	who       owner
	dataDir   string
	socketDir string
}

func openHome(dir, temp string, who owner) (_ *home, err error) {
	h := &home{who: who}
	if dir == "" {
		h.Home, err = newHome(tempParent(temp, who))
	} else {
		h.Home, err = keptHome(dir)
	}
	if err != nil {
		return nil, err
	}
	if err := h.furnish(); err != nil {
		h.Close()
		return nil, err
	}
	return h, nil
}

// furnish chooses the places inside, and makes that of the socket.
func (h *home) furnish() (err error) {
	if err := h.who.canReach(h.Path()); err != nil {
		return err
	}
	h.dataDir, h.socketDir = h.Path("data"), h.Path("run")
	if len(h.socketDir)+len(longestSocketName) > maxSocketPath {
		if h.short, err = newHome("/tmp"); err != nil {
			return err
		}
		h.socketDir = h.short.Path("run")
	}
	return makePrivate(h.socketDir, h.who)
}

// keptHome makes the directory unless a former start has.
func keptHome(dir string) (*process.Home, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // the server's user has to pass through; what matters is 0700 inside
		return nil, err
	}
	return process.OpenHome(dir)
}

// newHome makes a directory that the server's user passes through without seeing anything: what is inside is private
// to it.
func newHome(parent string) (*process.Home, error) {
	h, err := process.NewHome(parent, tempPattern)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(h.Path(), 0o711); err != nil { //nolint:gosec // see above
		h.Close()
		return nil, err
	}
	return h, nil
}

// tempParent is where temporary directories go: the place that was asked for, or else the usual one, unless the
// server's user cannot get there.
func tempParent(temp string, who owner) string {
	for _, dir := range []string{temp, os.TempDir()} {
		if filepath.IsAbs(dir) && who.canReach(dir) == nil {
			return dir
		}
	}
	return "/tmp"
}

// makePrivate makes a directory that only the server's user may enter, however wide the caller's umask.
func makePrivate(dir string, who owner) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := os.Chmod(dir, 0o700); err != nil { //nolint:gosec // a directory needs its x bit
		return err
	}
	return who.give(dir)
}

// Close gives the directory up; a temporary one is removed.
func (h *home) Close() {
	if h.short != nil {
		h.short.Close()
	}
	h.Home.Close()
}
