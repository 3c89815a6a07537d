package app

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/config"
	"github.com/integritybot/integritybot/internal/store"
)

// VerifyOptions are what `integritybot audit verify` was given.
type VerifyOptions struct {
	Keys  []string // public keys beside the one that belongs to the config's signing key
	Files []string // files with checkpoints kept outside the store
	Log   *slog.Logger
}

// VerifyAudit checks the whole audit against its own chain and every
// checkpoint that can be read.
func VerifyAudit(ctx context.Context, c *config.Config, o VerifyOptions) (audit.Report, error) {
	keys := o.Keys
	if c.Audit.SigningKey != "" {
		key, err := publicKey(c.Audit.SigningKey.Reveal())
		if err != nil {
			return audit.Report{}, err
		}
		keys = append(keys, key)
	}
	verifiers, err := verifiersOf(keys)
	if err != nil {
		return audit.Report{}, err
	}
	files := o.Files
	if c.Audit.CheckpointFile != "" {
		files = append(files, c.Audit.CheckpointFile)
	}
	notes := map[string][]string{}
	for _, path := range files {
		if notes["file "+path], err = readCheckpoints(path); err != nil {
			return audit.Report{}, err
		}
	}
	s, err := OpenStore(ctx, c, o.Log, "")
	if err != nil {
		return audit.Report{}, err
	}
	defer s.Close()
	return s.VerifyAudit(ctx, store.VerifyOptions{Keys: verifiers, Notes: notes})
}

func verifiersOf(keys []string) (note.Verifiers, error) {
	var list []note.Verifier
	for _, key := range keys {
		v, err := note.NewVerifier(key)
		if err != nil {
			return nil, fmt.Errorf("%q is not a public key as `integritybot audit keygen` prints it", key)
		}
		list = append(list, v)
	}
	if len(list) == 0 {
		return nil, nil //nolint:nilnil // no keys: no checkpoint can be used, and the report says so
	}
	return note.VerifierList(list...), nil
}

func readCheckpoints(path string) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("checkpoints: %w", err)
	}
	defer f.Close()
	notes, err := audit.SplitCheckpoints(f)
	if err != nil {
		return nil, fmt.Errorf("checkpoints in %s: %w", path, err)
	}
	return notes, nil
}

// ExportAudit writes the audit, or the part that fits, as NDJSON.
func ExportAudit(ctx context.Context, c *config.Config, f commands.EventFilter, out io.Writer, log *slog.Logger) (int64, error) {
	s, err := OpenStore(ctx, c, log, "")
	if err != nil {
		return 0, err
	}
	defer s.Close()
	return s.ExportAudit(ctx, out, f)
}

// publicKey derives the public half of a signer key. Its form is that of
// golang.org/x/mod/sumdb/note: PRIVATE+KEY+<name>+<hash>+<base64 of algorithm
// and seed>.
func publicKey(signer string) (string, error) {
	bad := errors.New("audit.signing_key is not a note signer key; make one with: integritybot audit keygen")
	parts := strings.SplitN(signer, "+", 5)
	if len(parts) != 5 || parts[0] != "PRIVATE" {
		return "", bad
	}
	seed, err := base64.StdEncoding.DecodeString(parts[4])
	if err != nil || len(seed) != 1+ed25519.SeedSize {
		return "", bad
	}
	public, ok := ed25519.NewKeyFromSeed(seed[1:]).Public().(ed25519.PublicKey)
	if !ok {
		return "", bad
	}
	return note.NewEd25519VerifierKey(parts[2], public)
}
