package redisproc

import (
	"errors"
	"os"
	"os/exec"
)

// ErrNotInstalled means that no Redis server was found; its text says what to install.
var ErrNotInstalled = errors.New(`no Redis server is installed: run "apt-get install redis-server" (Debian, Ubuntu), or put redis-server into the PATH`)

// Find gives the path of redis-server, or [ErrNotInstalled].
func Find() (string, error) {
	if path, err := exec.LookPath("redis-server"); err == nil {
		return path, nil
	}
	for _, path := range []string{"/usr/bin/redis-server", "/usr/local/bin/redis-server", "/opt/homebrew/bin/redis-server"} {
		if info, err := os.Stat(path); err == nil && !info.IsDir() {
			return path, nil
		}
	}
	return "", ErrNotInstalled
}
