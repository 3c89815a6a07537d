//go:build unix && !linux

package kubetest

import "syscall"

// attributes is the same as on Linux except that these systems have no parent-death signal: after kill -9 of the tests
// the programs stay.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
