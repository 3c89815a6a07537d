//go:build unix && !linux

package pgproc

import "syscall"

const locale = "C"

// attributes is the same as on Linux except that these systems have no parent-death signal: after kill -9 of this
// process the server stays, and the next start in the same directory says so.
func attributes(who owner, _ syscall.Signal) *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Setpgid: true}
	if who.drop {
		a.Credential = &syscall.Credential{Uid: uint32(who.uid), Gid: uint32(who.gid)} //nolint:gosec // ids from the user database
	}
	return a
}
