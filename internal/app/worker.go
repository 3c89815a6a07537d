package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/check/report"
	"github.com/integritybot/integritybot/internal/config"
	"github.com/integritybot/integritybot/internal/look"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/store"
	"github.com/integritybot/integritybot/internal/worker"
)

// newWorker makes the part of a replica that carries runs out.
func newWorker(c *config.Config, w wiring, s *store.Store, directory commands.Directory, o RunOptions) (*worker.Worker, error) {
	signer, err := auditSigner(c)
	if err != nil {
		return nil, err
	}
	return worker.New(worker.Options{
		Store:          announced{Store: s, channel: c.Audit.CheckpointChannel},
		Catalog:        w.catalog,
		Report:         wording{w.catalog.ByName(), w.looks},
		Looks:          w.looks,
		Fixes:          w.fixes,
		Plans:          plans(c, w.catalog),
		Directory:      directory,
		Policy:         c.Policy(),
		Holder:         o.Holder,
		Version:        o.Version,
		Logger:         o.Log,
		Now:            o.Now,
		Runs:           c.Worker.Runs,
		Signer:         signer,
		CheckpointFile: c.Audit.CheckpointFile,
		KeepImages:     c.Store.KeepImages.Std(),
		Keep:           store.Retention{Rows: c.Store.KeepRows.Std()},
	})
}

// auditSigner is nil where no key is configured.
func auditSigner(c *config.Config) (note.Signer, error) {
	if c.Audit.SigningKey == "" {
		return nil, nil //nolint:nilnil // no key, no checkpoints: that is what nil means to the worker
	}
	signer, err := note.NewSigner(c.Audit.SigningKey.Reveal())
	if err != nil {
		return nil, fmt.Errorf("audit.signing_key is not a note signer key; make one with: integritybot audit keygen")
	}
	return signer, nil
}

// wording words runs with the checks as they are declared now.
type wording struct {
	checks report.Checks
	looks  look.Catalog
}

// Running implements worker.Reporter.
func (w wording) Running(run check.Run, progress map[string]check.Progress, now time.Time) message.Post {
	return report.Running(run, progress, w.checks, now)
}

// Finished implements worker.Reporter.
func (w wording) Finished(run check.Run) []message.Post { return report.Finished(run, w.checks) }

// Exported implements worker.Reporter.
func (w wording) Exported(run check.Run, e check.Exported) message.Post {
	return report.Exported(run, e, w.checks)
}

// Looked implements worker.Reporter.
func (w wording) Looked(run check.Run, r look.Report) []message.Post {
	var notes []report.Note
	for _, d := range r.Thread {
		notes = append(notes, report.Note(d))
	}
	return report.Looked(run, w.looks[run.Look].Place, r.Head, notes)
}

// announced is a store whose audit checkpoints are also posted in a channel:
// one more place that whoever rewrites the store would have to rewrite.
type announced struct {
	*store.Store
	channel string
}

// Checkpoint implements worker.Store.
func (a announced) Checkpoint(ctx context.Context, signer note.Signer) (string, error) {
	signed, err := a.Store.Checkpoint(ctx, signer)
	if err != nil || signed == "" || a.channel == "" {
		return signed, err
	}
	sum := sha256.Sum256([]byte(signed))
	err = a.Say(ctx, message.Post{
		Key: "checkpoint/" + hex.EncodeToString(sum[:8]), Channel: a.channel, Final: true,
		Message: message.Message{Headline: message.Text("Audit checkpoint"), Parts: []message.Part{{Code: signed}}},
	})
	return signed, err
}
