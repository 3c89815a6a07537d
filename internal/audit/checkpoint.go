package audit

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// Checkpoint says that at some time the chain had so many events and ended in
// this hash. Signed and kept elsewhere, it shows that a tail was cut off or
// that the past was rewritten. Its form is the checkpoint of C2SP
// (c2sp.org/tlog-checkpoint): origin, size, hash, and our time as an extension.
type Checkpoint struct {
	Origin string
	Head
	At    time.Time
	Place string // where this copy was found, for people; not signed
}

const checkpointLines = 4

// text is what is signed.
func (c Checkpoint) text() string {
	return fmt.Sprintf("%s\n%d\n%s\n%s\n", c.Origin, c.Size, base64.StdEncoding.EncodeToString(c.Hash[:]), c.At.UTC().Format(timeLayout))
}

// Sign makes the signed note of a checkpoint. The origin is the signer's name.
func Sign(h Head, at time.Time, signer note.Signer) (string, error) {
	c := Checkpoint{Origin: signer.Name(), Head: h, At: at}
	signed, err := note.Sign(&note.Note{Text: c.text()}, signer)
	if err != nil {
		return "", fmt.Errorf("sign checkpoint: %w", err)
	}
	return string(signed), nil
}

// ErrUnknownKey is returned for a checkpoint that none of the given keys
// signed: it proves nothing, but is no sign of tampering either.
var ErrUnknownKey = errors.New("signed by a key that is not known here")

// OpenCheckpoint verifies the signature and reads the note. Any error but
// ErrUnknownKey means that the note was changed or is none.
func OpenCheckpoint(signed, place string, keys note.Verifiers) (Checkpoint, error) {
	n, err := note.Open([]byte(signed), keys)
	var unverified *note.UnverifiedNoteError
	if errors.As(err, &unverified) {
		return Checkpoint{}, ErrUnknownKey
	}
	if err != nil {
		return Checkpoint{}, fmt.Errorf("open checkpoint: %w", err)
	}
	c, err := parseText(n.Text)
	if err != nil {
		return Checkpoint{}, err
	}
	if c.Origin != n.Sigs[0].Name {
		return Checkpoint{}, fmt.Errorf("open checkpoint: origin %q was signed by %q", c.Origin, n.Sigs[0].Name)
	}
	c.Place = place
	return c, nil
}

func parseText(text string) (Checkpoint, error) {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) != checkpointLines {
		return Checkpoint{}, fmt.Errorf("open checkpoint: %d lines instead of %d", len(lines), checkpointLines)
	}
	c := Checkpoint{Origin: lines[0]}
	var err error
	if c.Size, err = strconv.ParseInt(lines[1], 10, 64); err != nil || c.Size < 0 {
		return Checkpoint{}, fmt.Errorf("open checkpoint: %q is not a size", lines[1])
	}
	sum, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || copy(c.Hash[:], sum) != len(c.Hash) || len(sum) != len(c.Hash) {
		return Checkpoint{}, fmt.Errorf("open checkpoint: %q is not a hash", lines[2])
	}
	if c.At, err = time.Parse(timeLayout, lines[3]); err != nil {
		return Checkpoint{}, fmt.Errorf("open checkpoint: %w", err)
	}
	return c, nil
}

// NewKey makes a key pair. The private half is the secret of the config, the
// public half may be known to everybody. name must hold no space and no "+".
func NewKey(random io.Reader, name string) (private, public string, err error) {
	return note.GenerateKey(random, name)
}

// SplitCheckpoints reads signed notes that were appended to one file, each
// followed by an empty line. It does not verify them.
func SplitCheckpoints(r io.Reader) ([]string, error) {
	var notes []string
	var one bytes.Buffer
	signed := false
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		line := lines.Text()
		if line == "" && (signed || one.Len() == 0) {
			notes = appendNote(notes, &one)
			signed = false
			continue
		}
		signed = signed || strings.HasPrefix(line, "— ")
		one.WriteString(line + "\n")
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read checkpoints: %w", err)
	}
	return appendNote(notes, &one), nil
}

func appendNote(notes []string, one *bytes.Buffer) []string {
	if one.Len() > 0 {
		notes = append(notes, one.String())
		one.Reset()
	}
	return notes
}

// PeekCheckpoint reads a note without verifying its signature: good enough to
// notice a mistake, not to prove anything.
func PeekCheckpoint(signed string) (Checkpoint, error) {
	text, _, ok := strings.Cut(signed, "\n\n")
	if !ok {
		return Checkpoint{}, errors.New("open checkpoint: it has no signature")
	}
	return parseText(text + "\n")
}
