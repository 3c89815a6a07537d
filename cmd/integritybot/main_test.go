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

// TestScripts runs testdata/script: each file is a session at a terminal. Under
// `go test -run TestScripts/check` only those whose name begins so run.
func TestScripts(t *testing.T) {
	example, err := filepath.Abs(filepath.Join("..", "..", "config.example.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		Cmds:                steps(),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			content, err := os.ReadFile(example)
			if err != nil {
				return err
			}
			// A script may bring a config of its own; else the example's stands
			// where the command looks for one.
			if _, err := os.Stat(filepath.Join(e.WorkDir, "config.yaml")); err == nil {
				return nil
			}
			return os.WriteFile(filepath.Join(e.WorkDir, "config.yaml"), content, 0o600)
		},
	})
}
