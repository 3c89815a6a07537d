package pgproc

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"sync"
	"syscall"
	"time"
)

const (
	tempPattern = "ibpg-*"
	lockFile    = "lock"
	logFile     = "postgres.log"

	// maxSocketPath is the longest path a unix socket may have: sun_path has 108 bytes including the final zero
	// (man 7 unix).
	maxSocketPath = 107
	// longestSocketName is the longest name PostgreSQL gives to its socket file.
	longestSocketName = "/.s.PGSQL.65535.lock"

	// sweepAge keeps the sweep away from a directory that another process has made but not yet locked.
	sweepAge = time.Minute
)

// home is the directory that a server lives in. The lock file is held while this process lives, whatever ends it, so
// that two processes cannot use one directory, and a directory whose owner was killed can be told from one in use.
type home struct {
	who       owner
	dir       string
	dataDir   string
	socketDir string
	temporary []string // removed by close
	lock      *os.File
	closeOnce sync.Once
}

func openHome(dir, temp string, who owner) (_ *home, err error) {
	h := &home{who: who, dir: dir}
	defer func() {
		if err != nil {
			h.close()
		}
	}()
	if dir == "" {
		parent := tempParent(temp, who)
		sweep(parent, time.Now())
		if h.dir, err = h.makeTemp(parent); err != nil {
			return nil, err
		}
	} else if h.dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(h.dir, 0o755); err != nil { //nolint:gosec // the server's user has to pass through; what matters is 0700 below
		return nil, err
	}
	if err := who.canReach(h.dir); err != nil {
		return nil, err
	}
	if h.lock, err = acquire(filepath.Join(h.dir, lockFile)); err != nil {
		return nil, fmt.Errorf("%s is in use by another process: %w", h.dir, err)
	}
	h.dataDir, h.socketDir = filepath.Join(h.dir, "data"), filepath.Join(h.dir, "run")
	if len(h.socketDir)+len(longestSocketName) > maxSocketPath {
		short, err := h.makeTemp("/tmp")
		if err != nil {
			return nil, err
		}
		h.socketDir = filepath.Join(short, "run")
	}
	return h, makePrivate(h.socketDir, who)
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

func (h *home) makeTemp(parent string) (string, error) {
	dir, err := os.MkdirTemp(parent, tempPattern)
	if err != nil {
		return "", err
	}
	h.temporary = append(h.temporary, dir)
	// The server's user passes through but sees nothing: what is inside is private to it.
	return dir, os.Chmod(dir, 0o711) //nolint:gosec // see above
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

// close gives the directory up; a temporary one is removed.
func (h *home) close() {
	h.closeOnce.Do(func() {
		for _, dir := range h.temporary {
			_ = os.RemoveAll(dir) // what remains is found by the next sweep
		}
		if h.lock != nil {
			_ = h.lock.Close()
		}
	})
}

func acquire(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// sweep removes the temporary directories of processes that were killed before they could.
func sweep(parent string, now time.Time) {
	dirs, err := filepath.Glob(filepath.Join(parent, tempPattern))
	if err != nil {
		return // only a malformed pattern fails
	}
	for _, dir := range dirs {
		info, err := os.Lstat(dir)
		if err != nil || !info.IsDir() || now.Sub(info.ModTime()) < sweepAge {
			continue
		}
		if st, ok := info.Sys().(*syscall.Stat_t); !ok || int(st.Uid) != os.Geteuid() {
			continue
		}
		if lock, err := acquire(filepath.Join(dir, lockFile)); err == nil {
			_ = os.RemoveAll(dir)
			_ = lock.Close()
		}
	}
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
