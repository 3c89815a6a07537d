package kubetest

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"

	"github.com/integritybot/integritybot/internal/process"
)

var errNotInstalled = errors.New(`there is no Kubernetes on this machine: run "deploy/scripts/setup.sh all", which builds one into the cache directory`)

// realInstall is what deploy/scripts/kube.sh made, and Debian's etcd.
type realInstall struct {
	dir, etcd string
}

func (i realInstall) path(name string) string { return filepath.Join(i.dir, name) }

func findReal() (realInstall, error) {
	etcd, err := exec.LookPath("etcd")
	if err != nil {
		return realInstall{}, fmt.Errorf("%w: %w", errNotInstalled, err)
	}
	dir, err := process.Installed("kube")
	if err == nil && dir == "" {
		err = errNotInstalled
	}
	return realInstall{dir: dir, etcd: etcd}, err
}
