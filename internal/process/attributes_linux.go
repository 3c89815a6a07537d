package process

import (
	"os/exec"
	"syscall"
)

// bind makes a program get a signal when the thread that starts it ends, and gives it a process group of its own.
func bind(cmd *exec.Cmd, orphaned syscall.Signal) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid, cmd.SysProcAttr.Pdeathsig = true, orphaned
}
