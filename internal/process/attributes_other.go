//go:build unix && !linux

package process

import (
	"os/exec"
	"syscall"
)

// bind is the same as on Linux except that these systems have no parent-death signal: after kill -9 of this process a
// program stays.
func bind(cmd *exec.Cmd, _ syscall.Signal) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
}
