//go:build unix && !linux

package kafkatest

import "syscall"

// attributes is the same as on Linux except that these systems have no parent-death signal: after kill -9 of the tests
// a broker stays.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
