package worker

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/store"
)

// What the file of an export holds at most. What is more is counted.
const (
	exportLines = 50_000
	exportBytes = 64 << 20
)

// export carries a run that gives a file of what its one check looks at. It leaves
// no findings. Whoever takes over begins anew.
func (r *run) export(ctx context.Context) ([]check.Finding, error) {
	c, exporter, err := r.exporter()
	if err != nil {
		return nil, err
	}
	within := r.left()
	if c.Timeout > 0 {
		within = min(within, c.Timeout)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, within, errDeadline)
	defer cancel()
	if err := r.w.store.BeginExport(ctx, r.claim.Run.ID, r.claim.Epoch, c.Name); err != nil {
		return nil, err
	}
	showing := r.show(ctx)
	f := &exportFile{r: r, check: c.Name}
	exported, err := exporter.Export(ctx, r.claim.Run.Order, func(line []byte) error { return f.add(ctx, line) })
	if err == nil {
		err = f.flush(ctx)
	}
	late := errors.Is(context.Cause(ctx), errDeadline)
	cancel()
	<-showing
	switch {
	case err == nil:
		exported.Lines, exported.Left = f.lines, exported.Left+f.left
		r.exported = &exported
		return nil, nil
	case late:
		return nil, &verdictError{sentence: fmt.Sprintf("It was not finished after %s. Export less at once with --match or --limit.", within)}
	case f.failed != nil: // the store, not the target: somebody tries again
		return nil, f.failed
	}
	r.log.Warn("nothing exported", "check", c.Name, "error", err)
	return nil, &verdictError{sentence: exportSentence(err)}
}

// exporter is the check of an export, if it may and can be exported at all.
func (r *run) exporter() (check.Check, check.Exporter, error) {
	o := r.claim.Run.Order
	if len(o.Checks) != 1 {
		return check.Check{}, nil, &verdictError{sentence: fmt.Sprintf("An export is of one check, and this is of %d. Nothing was read.", len(o.Checks))}
	}
	c := r.w.declared(o.Checks)[0]
	if o.NoRows {
		return c, nil, &verdictError{refused: true, rule: "shared channel", sentence: "This channel is shared with another organisation, so nothing is exported here. Nothing was read; ask in another channel."}
	}
	exporter, ok := c.Detector.(check.Exporter)
	switch {
	case ok:
		return c, exporter, nil
	case c.Detector == nil:
		return c, nil, &verdictError{sentence: "Its target is off: the config gives no address for " + c.Target + "."}
	case c.Detector == gone{}:
		return c, nil, &verdictError{sentence: "This check is no longer in the config."}
	}
	return c, nil, &verdictError{sentence: fmt.Sprintf("What the check %s looks at cannot be exported; ask for the details of a run instead.", c.Name)}
}

func exportSentence(err error) string {
	var problem *check.Problem
	if errors.As(err, &problem) {
		return problem.Sentence
	}
	return "It could not be read; the log says why."
}

// exportFile keeps the lines of an export in the store, in pieces.
type exportFile struct {
	r     *run
	check string

	piece   bytes.Buffer
	inPiece int64 // lines
	pieces  int
	bytes   int64
	lines   int64
	left    int64 // counted only
	failed  error // the store's
}

// add takes one line. From the first one on that does not fit any more they are
// only counted, so that the file is the beginning of the whole.
func (f *exportFile) add(ctx context.Context, line []byte) error {
	if f.failed != nil {
		return f.failed
	}
	if bytes.IndexByte(line, '\n') >= 0 {
		return errors.New("a line of an export has an end in it")
	}
	size := int64(len(line)) + 1
	if f.left > 0 || f.lines == exportLines || f.bytes+size > exportBytes {
		f.left++
		return ctx.Err()
	}
	f.piece.Write(line)
	f.piece.WriteByte('\n')
	f.lines, f.inPiece, f.bytes = f.lines+1, f.inPiece+1, f.bytes+size
	if f.piece.Len() < store.ExportPiece {
		return nil
	}
	return f.flush(ctx)
}

// flush keeps what is not kept yet.
func (f *exportFile) flush(ctx context.Context) error {
	if f.piece.Len() == 0 {
		return nil
	}
	f.pieces++
	if err := f.r.w.store.AddExport(ctx, f.r.claim.Run.ID, f.r.claim.Epoch, f.check, f.pieces, f.piece.Bytes(), f.inPiece); err != nil {
		f.failed = err
		return err
	}
	f.piece.Reset()
	f.inPiece = 0
	f.r.board.set(map[string]check.Progress{f.check: {Done: f.lines, Reading: "records"}}, nil)
	return nil
}
