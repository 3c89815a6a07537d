package pgproc

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fakeInstall is a directory with programs that answer --version.
func fakeInstall(t *testing.T, version string) string {
	t.Helper()
	dir := t.TempDir()
	script := fmt.Sprintf("#!/bin/sh\necho %q\n", version)
	for _, name := range []string{"postgres", "initdb"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestNewest(t *testing.T) {
	v13 := fakeInstall(t, "postgres (PostgreSQL) 13.9")
	v14 := fakeInstall(t, "postgres (PostgreSQL) 14.2 (Debian 14.2-1)")
	v17 := fakeInstall(t, "postgres (PostgreSQL) 17beta1")
	other17 := fakeInstall(t, "postgres (PostgreSQL) 17.0")
	strange := fakeInstall(t, "MariaDB 11")
	for _, row := range []struct {
		name string
		dirs []string
		want install
		err  error
	}{
		{"nothing", nil, install{}, ErrNotInstalled},
		{"too old", []string{v13}, install{}, ErrNotInstalled},
		{"something else", []string{strange, "/nonexistent"}, install{}, ErrNotInstalled},
		{"oldest allowed", []string{v13, v14}, install{v14, 14}, nil},
		{"newest wins", []string{v14, v17}, install{v17, 17}, nil},
		{"first of equals wins", []string{v17, other17}, install{v17, 17}, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := newest(t.Context(), row.dirs)
			if got != row.want || !errors.Is(err, row.err) {
				t.Errorf("got %v, %v; want %v, %v", got, err, row.want, row.err)
			}
		})
	}
	if !strings.Contains(ErrNotInstalled.Error(), "apt-get install postgresql") {
		t.Errorf("%q does not say what to install", ErrNotInstalled)
	}
}

func TestCanReachNamesTheClosedDirectory(t *testing.T) {
	closed := filepath.Join(t.TempDir(), "closed")
	if err := os.MkdirAll(filepath.Join(closed, "inner"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	somebody := owner{name: "somebody", uid: 1 << 20, gid: 1 << 20, drop: true}
	err := somebody.canReach(filepath.Join(closed, "inner"))
	if err == nil || !strings.Contains(err.Error(), "cannot enter "+closed+":") {
		t.Errorf("got %v", err)
	}
	if err := somebody.canReach("/"); err != nil {
		t.Errorf("everybody can enter /: %v", err)
	}
	if err := (owner{}).canReach(filepath.Join(closed, "inner")); err != nil {
		t.Errorf("who does not change the user is not asked: %v", err)
	}
}
