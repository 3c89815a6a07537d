package process

import "syscall"

const (
	// memory is a file system in memory on every Linux.
	memory = "/dev/shm"
	// memoryRoom, in bytes, is several times what the servers of a test binary take; a container has 64 MB there unless
	// it is told otherwise.
	memoryRoom = 2 << 30
	// mayWrite is W_OK and X_OK of access(2).
	mayWrite = 2 | 1
)

// MemoryDir is where servers of tests live if this machine has the memory for it, otherwise "". A fresh PostgreSQL
// database is three hundred small files: to make and drop one takes an eighth of the work that a file system on a disk
// needs for it. Debian's etcd waits for the disk at every write, which cannot be turned off before its version 3.5.
func MemoryDir() string {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(memory, &fs); err != nil || fs.Bavail*uint64(fs.Bsize) < memoryRoom { //nolint:gosec // a size is not negative
		return ""
	}
	if syscall.Access(memory, mayWrite) != nil {
		return ""
	}
	return memory
}
