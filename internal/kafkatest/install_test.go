package kafkatest

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestNewestInstallation(t *testing.T) {
	recipe := func(version string) string { return "/cache/kafka-" + version + "/recipe" }
	for _, row := range []struct {
		name    string
		recipes []string
		want    string
		err     error
	}{
		{"none", nil, "", errNotInstalled},
		{"one", []string{recipe("4.1.0")}, "/cache/kafka-4.1.0", nil},
		{"by number, not by letter", []string{recipe("4.10.0"), recipe("4.9.1")}, "/cache/kafka-4.10.0", nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := newest(row.recipes, "java")
			if got.dir != row.want || !errors.Is(err, row.err) {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
	if !strings.Contains(errNotInstalled.Error(), "deploy/scripts/setup.sh all") {
		t.Errorf("%q does not say what to do", errNotInstalled)
	}
}

func TestSweepRemovesOnlyWhatNobodyUses(t *testing.T) {
	parent := t.TempDir()
	t.Setenv("TMPDIR", parent)
	used, err := openHome()
	if err != nil {
		t.Fatal(err)
	}
	defer used.close()
	left := filepath.Join(parent, "ibkafka-left")
	if err := os.MkdirAll(filepath.Join(left, dataDir), 0o700); err != nil {
		t.Fatal(err)
	}
	sweep(parent, time.Now())
	if _, err := os.Stat(left); err != nil {
		t.Errorf("too early: %v", err)
	}
	sweep(parent, time.Now().Add(2*sweepAge))
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
	if _, err := os.Stat(used.dir); err != nil {
		t.Errorf("the directory in use was swept: %v", err)
	}
}

func TestKeepMovesAFileOut(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	h, err := openHome()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(h.path(logFile), []byte("it said this"), 0o600); err != nil {
		t.Fatal(err)
	}
	kept, err := h.keep(logFile)
	h.close()
	if err != nil {
		t.Fatal(err)
	}
	if content, err := os.ReadFile(kept); err != nil || string(content) != "it said this" {
		t.Errorf("got %q, %v", content, err)
	}
}
