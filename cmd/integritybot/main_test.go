package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"
)

// TestMain lets this test binary be the command, too: a script that says
// `exec integritybot` runs main in a process of its own, as a person does.
func TestMain(m *testing.M) {
	testscript.Main(suite{m}, map[string]func(){"integritybot": main})
}

// suite ends what the scripts shared.
type suite struct{ m *testing.M }

func (s suite) Run() int {
	code := s.m.Run()
	shared.stop()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, "goroutines left after the tests:", err)
			code = 1
		}
	}
	return code
}

// TestDemo is the script that takes longest, most of it waiting for Slack's
// limits; it runs beside the others.
func TestDemo(t *testing.T) {
	t.Parallel()
	testscript.Run(t, params("demo"))
}

// TestScripts runs testdata/script: each file is a session at a terminal.
// `go test -run TestScripts/check` runs those whose name begins so.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, params("script"))
}

func params(folder string) testscript.Params {
	return testscript.Params{
		Dir:                 filepath.Join("testdata", folder),
		Cmds:                steps(),
		Setup:               exampleConfig,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	}
}

// exampleConfig puts the example where the command looks for a config.
func exampleConfig(e *testscript.Env) error {
	content, err := os.ReadFile(filepath.Join("..", "..", "config.example.yaml"))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(e.WorkDir, "config.yaml"), content, 0o600)
}
