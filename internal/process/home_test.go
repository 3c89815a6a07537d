package process

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const homePattern = "ibtest-*"

func exists(t *testing.T, path string) bool {
	t.Helper()
	_, err := os.Stat(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return err == nil
}

func newHome(t *testing.T, parent string) *Home {
	t.Helper()
	h, err := NewHome(parent, homePattern)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h
}

func TestAHomeIsMadeWhereAskedAndRemoved(t *testing.T) {
	parent, usual := t.TempDir(), t.TempDir()
	t.Setenv("TMPDIR", usual)
	for asked, want := range map[string]string{parent: parent, "": usual} {
		h := newHome(t, asked)
		if filepath.Dir(h.Path()) != want || h.Path("a", "b") != h.Path()+"/a/b" {
			t.Errorf("it is %s, with %s, want it in %s", h.Path(), h.Path("a", "b"), want)
		}
		h.Close()
		h.Close() // again does nothing
		if exists(t, h.Path()) {
			t.Errorf("%s is left", h.Path())
		}
	}
}

func TestAHomeThatStaysBelongsToOne(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := OpenHome(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenHome(dir); err == nil || !strings.Contains(err.Error(), dir+" is in use by another process") {
		t.Errorf("a second one: %v", err)
	}
	first.Close()
	second, err := OpenHome(dir)
	if err != nil {
		t.Fatalf("after the first has given it up: %v", err)
	}
	second.Close()
	if !exists(t, dir) {
		t.Error("it was removed")
	}
}

func TestTheSweepRemovesOnlyWhatTheKilledHaveLeft(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	used, left := newHome(t, parent), newHome(t, parent)
	_ = left.lock.Close() // as the end of its process does
	file, foreign := filepath.Join(parent, "ibtest-file"), filepath.Join(parent, "other-dir")
	if err := errors.Join(os.WriteFile(file, nil, 0o600), os.Mkdir(foreign, 0o700)); err != nil {
		t.Fatal(err)
	}
	sweep(parent, homePattern, time.Now())
	if !exists(t, left.Path()) {
		t.Error("what is as new as a directory that is not locked yet was swept")
	}
	sweep(parent, homePattern, time.Now().Add(2*sweepAge))
	if exists(t, left.Path()) {
		t.Error("what was left is still there")
	}
	for _, path := range []string{used.Path(), file, foreign} {
		if !exists(t, path) {
			t.Errorf("%s was swept", path)
		}
	}
}
