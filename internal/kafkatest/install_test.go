package kafkatest

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/integritybot/integritybot/internal/process"
)

func TestAKafkaThatIsNotInstalledIsExplained(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	if got, err := findInstall(); !errors.Is(err, errNotInstalled) || !strings.Contains(err.Error(), "deploy/scripts/setup.sh all") {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestKeepMovesAFileOut(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	home, err := process.NewHome("", homePattern)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(home.Path(logFile), []byte("it said this"), 0o600); err != nil {
		t.Fatal(err)
	}
	kept, err := (&broker{home: home}).keep(logFile)
	home.Close()
	if err != nil {
		t.Fatal(err)
	}
	if content, err := os.ReadFile(kept); err != nil || string(content) != "it said this" {
		t.Errorf("got %q, %v", content, err)
	}
}
