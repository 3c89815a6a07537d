package kubetest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/integritybot/integritybot/internal/process"
)

// realCommand is what starts a program.
type realCommand struct {
	path string
	args []string
}

// realProgram is one process.
type realProgram struct {
	*process.Process
	name string
}

func (c realCommand) start(home *process.Home) (*realProgram, error) {
	name := filepath.Base(c.path)
	cmd := exec.Command(c.path, c.args...) //nolint:gosec,noctx // found by us, with arguments of ours; it outlives the test that starts it
	cmd.Dir = home.Path()
	// Nothing of the caller's that a program would obey, such as a proxy or a kubeconfig.
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home.Path(), "TZ=UTC", "LC_ALL=C"}
	p, err := process.Start(cmd, process.Options{Log: home.Path(name + ".log")})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &realProgram{p, name}, nil
}

func (p *realProgram) ended() bool {
	select {
	case <-p.Done():
		return true
	default:
		return false
	}
}

// explain says why the program may have ended: what it said last.
func (p *realProgram) explain() error {
	err := process.ErrEnded
	if strings.Contains(p.Log(), "address already in use") {
		err = errPortTaken
	}
	return fmt.Errorf("%s: %w", p.name, p.Explain(err))
}
