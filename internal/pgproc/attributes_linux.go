package pgproc

import "syscall"

// locale sorts by code point and knows the letters of Unicode; it is part of Debian's C library and of musl.
const locale = "C.UTF-8"

// attributes makes a child run as the owner, end with this process, and stay out of its process group, so that Ctrl-C
// in a terminal reaches us first and the server is still there while we finish.
func attributes(who owner, onParentDeath syscall.Signal) *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: onParentDeath}
	if who.drop {
		a.Credential = &syscall.Credential{Uid: uint32(who.uid), Gid: uint32(who.gid)} //nolint:gosec // ids from the user database
	}
	return a
}
