package redisproc

import "syscall"

// attributes makes a child end with this process, and stay out of its process group, so
// that Ctrl-C in a terminal reaches us first.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
