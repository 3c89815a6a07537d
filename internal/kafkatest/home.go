package kafkatest

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const (
	homePattern = "ibkafka-*"
	keptPattern = "kafka-log-*.log"
	lockFile    = "lock"
	// sweepAge keeps the sweep away from a directory that another process has made but not yet locked.
	sweepAge = time.Minute
)

// home is the directory that a broker lives in. Its lock is held while this process lives, whatever ends it, so that a
// directory whose owner was killed can be told from one in use.
type home struct {
	dir  string
	lock *os.File
}

func openHome() (*home, error) {
	sweep(os.TempDir(), time.Now())
	dir, err := os.MkdirTemp("", homePattern)
	if err != nil {
		return nil, err
	}
	h := &home{dir: dir}
	if h.lock, err = acquire(h.path(lockFile)); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return h, nil
}

func (h *home) path(elements ...string) string {
	return filepath.Join(append([]string{h.dir}, elements...)...)
}

// keep moves a file out of the home to where it stays, and says where that is.
func (h *home) keep(name string) (string, error) {
	f, err := os.CreateTemp("", keptPattern)
	if err != nil {
		return "", err
	}
	return f.Name(), errors.Join(f.Close(), os.Rename(h.path(name), f.Name()))
}

func (h *home) close() {
	_ = os.RemoveAll(h.dir) // what remains is found by the next sweep
	_ = h.lock.Close()
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

// sweep removes the directories of processes that were killed before they could.
func sweep(parent string, now time.Time) {
	dirs, err := filepath.Glob(filepath.Join(parent, homePattern))
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
