package process

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

const (
	lockFile = "lock"
	// sweepAge keeps the sweep away from a directory that another process has made but not yet locked.
	sweepAge = time.Minute
)

// Home is the directory that programs work in. The lock file in it is held while this process lives, whatever ends
// that, so that two processes cannot use one directory, and one whose owner was killed can be told from one in use.
type Home struct {
	dir       string
	lock      *os.File
	temporary bool
	once      sync.Once
}

// OpenHome takes a directory that is there already, and stays. It fails if another home has it.
func OpenHome(dir string) (*Home, error) {
	lock, err := acquire(dir)
	if err != nil {
		return nil, fmt.Errorf("%s is in use by another process: %w", dir, err)
	}
	return &Home{dir: dir, lock: lock}, nil
}

// NewHome makes a directory that Close removes, named by a pattern of [os.MkdirTemp]. Parent is where; if it is empty,
// where the system has such directories. Those of the same pattern whose owners were killed are removed first.
func NewHome(parent, pattern string) (*Home, error) {
	if parent == "" {
		parent = os.TempDir()
	}
	sweep(parent, pattern, time.Now())
	dir, err := os.MkdirTemp(parent, pattern)
	if err != nil {
		return nil, err
	}
	h, err := OpenHome(dir)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	h.temporary = true
	return h, nil
}

// Path is that of something inside, or of the directory itself.
func (h *Home) Path(elements ...string) string {
	return filepath.Join(append([]string{h.dir}, elements...)...)
}

// Close gives the directory up. It may be called more than once.
func (h *Home) Close() {
	h.once.Do(func() {
		if h.temporary {
			_ = os.RemoveAll(h.dir) // what remains is found by the next sweep
		}
		_ = h.lock.Close()
	})
}

func acquire(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// sweep removes the homes of processes that were killed before they could.
func sweep(parent, pattern string, now time.Time) {
	dirs, err := filepath.Glob(filepath.Join(parent, pattern))
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
		if lock, err := acquire(dir); err == nil {
			_ = os.RemoveAll(dir)
			_ = lock.Close()
		}
	}
}
