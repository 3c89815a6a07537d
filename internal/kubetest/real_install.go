package kubetest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/semver"
)

var errNotInstalled = errors.New(`there is no Kubernetes on this machine: run "deploy/scripts/setup.sh all", which builds one into the cache directory`)

// realInstall is what deploy/scripts/kube.sh made, and Debian's etcd.
type realInstall struct {
	dir, etcd string
}

func (i realInstall) path(name string) string { return filepath.Join(i.dir, name) }

// realInstalled tells whether startReal has what it needs.
func realInstalled() bool {
	_, err := findReal()
	return err == nil
}

func findReal() (realInstall, error) {
	etcd, err := exec.LookPath("etcd")
	if err != nil {
		return realInstall{}, fmt.Errorf("%w: %w", errNotInstalled, err)
	}
	cache := os.Getenv("XDG_CACHE_HOME") // as the script does it, on every system
	if cache == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return realInstall{}, err
		}
		cache = filepath.Join(home, ".cache")
	}
	// The recipe is written last: without it the directory is incomplete.
	complete, err := filepath.Glob(filepath.Join(cache, "integritybot", "kube-*", "recipe"))
	if err != nil {
		return realInstall{}, err
	}
	return newestReal(complete, etcd)
}

// newestReal prefers the highest version.
func newestReal(recipes []string, etcd string) (realInstall, error) {
	if len(recipes) == 0 {
		return realInstall{}, errNotInstalled
	}
	version := func(recipe string) string {
		_, number, _ := strings.Cut(filepath.Base(filepath.Dir(recipe)), "-")
		return "v" + number
	}
	best := slices.MaxFunc(recipes, func(a, b string) int { return semver.Compare(version(a), version(b)) })
	return realInstall{dir: filepath.Dir(best), etcd: etcd}, nil
}
