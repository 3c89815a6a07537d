package kubetest

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const (
	realHomePattern = "ibkube-*"
	realLockFile    = "lock"
	// realSweepAge keeps the sweep away from a directory that another process has made but not yet locked.
	realSweepAge = time.Minute

	// realMemory is a file system in memory on every Linux. Debian's etcd waits for the disk at every write, which
	// cannot be turned off before its version 3.5.
	realMemory = "/dev/shm"
	// realMemoryRoom, in bytes, is several times what a cluster and the logs of its pods take; a container has 64 MB
	// there unless it is told otherwise.
	realMemoryRoom = 2 << 30
	// mayWrite is W_OK and X_OK of access(2).
	mayWrite = 2 | 1
)

// realHome is the directory that a cluster lives in. Its lock is held while this process lives, whatever ends it, so
// that a directory whose owner was killed can be told from one in use.
type realHome struct {
	dir  string
	lock *os.File
}

func openRealHome(parent string) (*realHome, error) {
	if parent == "" {
		parent = realParent()
	}
	sweepReal(parent, time.Now())
	dir, err := os.MkdirTemp(parent, realHomePattern)
	if err != nil {
		return nil, err
	}
	h := &realHome{dir: dir}
	if h.lock, err = acquireReal(h.path(realLockFile)); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return h, nil
}

// realParent is where temporary files are cheapest.
func realParent() string {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(realMemory, &fs); err != nil || fs.Bavail*uint64(fs.Bsize) < realMemoryRoom { //nolint:gosec // a size is not negative
		return os.TempDir()
	}
	if syscall.Access(realMemory, mayWrite) != nil {
		return os.TempDir()
	}
	return realMemory
}

func (h *realHome) path(elements ...string) string {
	return filepath.Join(append([]string{h.dir}, elements...)...)
}

func (h *realHome) close() {
	_ = os.RemoveAll(h.dir) // what remains is found by the next sweep
	_ = h.lock.Close()
}

func acquireReal(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// sweepReal removes the directories of processes that were killed before they could.
func sweepReal(parent string, now time.Time) {
	dirs, err := filepath.Glob(filepath.Join(parent, realHomePattern))
	if err != nil {
		return // only a malformed pattern fails
	}
	for _, dir := range dirs {
		info, err := os.Lstat(dir)
		if err != nil || !info.IsDir() || now.Sub(info.ModTime()) < realSweepAge {
			continue
		}
		if st, ok := info.Sys().(*syscall.Stat_t); !ok || int(st.Uid) != os.Geteuid() {
			continue
		}
		if lock, err := acquireReal(filepath.Join(dir, realLockFile)); err == nil {
			_ = os.RemoveAll(dir)
			_ = lock.Close()
		}
	}
}
