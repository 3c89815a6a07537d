package audit

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"hash"
	"slices"
	"time"
)

// Fault is the first thing that is wrong with a chain.
type Fault struct {
	Seq  int64  // the first event that is wrong, missing or unexpected
	What string // what is wrong with it, in a sentence
}

func (f *Fault) Error() string { return fmt.Sprintf("audit event %d: %s", f.Seq, f.What) }

// Stored is an entry as it was read back. Its slices may be reused by the
// caller after Add returns.
type Stored struct {
	Seq              int64
	At               time.Time
	Body, Prev, Hash []byte
}

// Verifier checks a chain while it is read, in memory that does not grow.
type Verifier struct {
	head    Head
	marks   []Checkpoint // by size, not yet reached
	passed  []Checkpoint
	fault   *Fault
	scratch []byte
	sha     hash.Hash
}

// NewVerifier checks against the checkpoints as well: each must lie on the chain.
func NewVerifier(checkpoints ...Checkpoint) *Verifier {
	v := &Verifier{marks: slices.Clone(checkpoints), sha: sha256.New()}
	slices.SortStableFunc(v.marks, func(a, b Checkpoint) int { return int(min(1, max(-1, a.Size-b.Size))) })
	v.reach()
	return v
}

// Add checks the next entry, in ascending order of Seq. After the first fault
// it keeps returning that one.
func (v *Verifier) Add(e Stored) *Fault {
	if v.fault != nil {
		return v.fault
	}
	want := v.head.Size + 1
	switch {
	case e.Seq > want:
		return v.fail(want, "it is missing (the next one found is %d)", e.Seq)
	case e.Seq < want:
		return v.fail(e.Seq, "it is there twice or out of order")
	case !bytes.Equal(e.Prev, v.head.Hash[:]):
		return v.fail(want, "it does not follow from the event before it")
	}
	sum := v.link(e.Body)
	if !bytes.Equal(e.Hash, sum[:]) {
		return v.fail(want, "its content does not match its hash")
	}
	var ok bool
	if ok, v.scratch = agrees(e.Body, e.Seq, e.At, v.scratch); !ok {
		return v.fail(want, "its number or time differs from the recorded content")
	}
	v.head = Head{Size: e.Seq, Hash: sum}
	v.reach()
	return v.fault
}

// End checks that the chain ends where the stored head says, and that no
// checkpoint speaks of more events than there are.
func (v *Verifier) End(stored Head) *Fault {
	switch {
	case v.fault != nil:
		return v.fault
	case len(v.marks) > 0:
		last := v.marks[len(v.marks)-1]
		return v.fail(v.head.Size+1, "it and all later ones are missing: the checkpoint in %s counts %d events", last.Place, last.Size)
	case stored.Size > v.head.Size:
		return v.fail(v.head.Size+1, "it and all later ones are missing: the head counts %d events", stored.Size)
	case stored.Size < v.head.Size:
		return v.fail(stored.Size+1, "it was not there when the head, which counts %d events, was written", stored.Size)
	case stored.Hash != v.head.Hash:
		return v.fail(v.head.Size, "the head's hash is not the hash of the last event")
	}
	return nil
}

// Head is as far as the chain was good.
func (v *Verifier) Head() Head { return v.head }

// Passed lists the checkpoints that the chain was found to agree with.
func (v *Verifier) Passed() []Checkpoint { return v.passed }

func (v *Verifier) link(body []byte) [32]byte {
	v.sha.Reset()
	v.sha.Write(v.head.Hash[:])
	v.sha.Write(body)
	var sum [32]byte
	v.sha.Sum(sum[:0])
	return sum
}

// reach compares the head with the checkpoints of its size.
func (v *Verifier) reach() {
	for len(v.marks) > 0 && v.marks[0].Size == v.head.Size {
		if v.marks[0].Hash != v.head.Hash {
			v.fault = faultf(v.head.Size, "it or an earlier one was rewritten: the checkpoint in %s, signed for %d events, has another hash", v.marks[0].Place, v.marks[0].Size)
			return
		}
		v.passed = append(v.passed, v.marks[0])
		v.marks = v.marks[1:]
	}
}

func (v *Verifier) fail(seq int64, format string, args ...any) *Fault {
	v.fault = faultf(seq, format, args...)
	return v.fault
}

func faultf(seq int64, format string, args ...any) *Fault {
	return &Fault{Seq: seq, What: fmt.Sprintf(format, args...)}
}
