package pgproc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
)

// MinVersion is the oldest major version that is used; older ones lack functions that the checks and tests rely on.
const MinVersion = 14

// ErrNotInstalled means that no usable PostgreSQL server was found; the error's text says what to install.
var ErrNotInstalled = errors.New("no PostgreSQL server of version " + strconv.Itoa(MinVersion) +
	" or newer is installed: run \"apt-get install postgresql\" (Debian, Ubuntu), or put initdb and postgres into the PATH")

// searched are the places where distributions put the server's binaries, which most keep out of the PATH.
var searched = []string{
	"/usr/lib/postgresql/*/bin",          // Debian, Ubuntu
	"/usr/pgsql-*/bin",                   // PGDG packages for RHEL and Fedora
	"/usr/libexec/postgresql*",           // Alpine
	"/opt/homebrew/opt/postgresql@*/bin", // macOS on ARM
	"/usr/local/opt/postgresql@*/bin",    // macOS on Intel
	"/usr/local/pgsql/bin",               // built from source
}

type install struct {
	dir   string
	major int
}

// Find returns the directory with the newest usable initdb and postgres on this machine and its major version, or
// [ErrNotInstalled].
func Find(ctx context.Context) (dir string, major int, err error) {
	i, err := findInstall(ctx, "")
	return i.dir, i.major, err
}

func findInstall(ctx context.Context, binDir string) (install, error) {
	if binDir != "" {
		i, ok := inspect(ctx, binDir)
		if !ok {
			return install{}, fmt.Errorf("%s has no initdb and postgres of version %d or newer", binDir, MinVersion)
		}
		return i, nil
	}
	return newest(ctx, candidates())
}

// newest prefers the earlier of equal versions.
func newest(ctx context.Context, dirs []string) (install, error) {
	var best install
	for _, dir := range dirs {
		if i, ok := inspect(ctx, dir); ok && i.major > best.major {
			best = i
		}
	}
	if best.dir == "" {
		return install{}, ErrNotInstalled
	}
	return best, nil
}

// candidates lists the PATH's directory first, so that it wins among equal versions.
func candidates() []string {
	var dirs []string
	if path, err := exec.LookPath("postgres"); err == nil {
		if resolved, err := filepath.EvalSymlinks(path); err == nil {
			dirs = append(dirs, filepath.Dir(resolved))
		}
	}
	for _, pattern := range searched {
		found, err := filepath.Glob(pattern)
		if err != nil {
			continue // only a malformed pattern fails, and the patterns above are constants
		}
		dirs = append(dirs, found...)
	}
	return dirs
}

var versionOutput = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

func inspect(ctx context.Context, dir string) (install, bool) {
	if _, err := os.Stat(filepath.Join(dir, "initdb")); err != nil {
		return install{}, false
	}
	out, err := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version").Output() //nolint:gosec // a directory from the list above or the options
	if err != nil {
		return install{}, false
	}
	m := versionOutput.FindSubmatch(out)
	if m == nil {
		return install{}, false
	}
	major, err := strconv.Atoi(string(m[1]))
	if err != nil || major < MinVersion {
		return install{}, false
	}
	return install{dir: dir, major: major}, true
}
