//go:build unix && !linux

package redisproc

import "syscall"

// attributes is the same as on Linux except that these systems have no parent-death
// signal: after kill -9 of this process the server stays.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
