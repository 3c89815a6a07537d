package kubetest

import "syscall"

// attributes makes a program end with this process, whatever ends this, and keeps it out of its process group, so that
// Ctrl-C in a terminal reaches the tests first.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
