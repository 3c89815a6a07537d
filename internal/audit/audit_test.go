package audit_test

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"

	"github.com/integritybot/integritybot/internal/audit"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 123456789, time.UTC)

func event(action string) audit.Event {
	return audit.Event{
		Request: "r-1", Actor: audit.Actor{Kind: audit.Person, Team: "T1", User: "U1"}, Source: audit.FromSlash,
		Action: action, Args: map[string]string{"b": "<2>", "a": "1"}, Outcome: audit.Done, Duration: 1500 * time.Millisecond, Version: "1.0",
	}
}

// chain makes a good chain of n events.
func chain(t testing.TB, n int) ([]audit.Entry, audit.Head) {
	t.Helper()
	var head audit.Head
	var entries []audit.Entry
	for i := range n {
		e, next, err := head.Append(noon.Add(time.Duration(i)*time.Second), event("check"))
		if err != nil {
			t.Fatal(err)
		}
		entries, head = append(entries, e), next
	}
	return entries, head
}

func stored(e audit.Entry) audit.Stored {
	return audit.Stored{Seq: e.Seq, At: e.At, Body: e.Body, Prev: e.Prev[:], Hash: e.Hash[:]}
}

// What is hashed must stay what it is for ever: this text may never change.
func TestBodyIsCanonical(t *testing.T) {
	body, err := audit.Encode(7, noon.In(time.FixedZone("", 3600)), event("check"))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"seq":7,"at":"2026-11-22T12:00:00.123456Z","request":"r-1","actor":{"kind":"person","team":"T1","user":"U1"},` +
		`"source":"slash","action":"check","args":{"a":"1","b":"<2>"},"outcome":"done","duration":1500000000,"version":"1.0"}`
	if diff := cmp.Diff(want, string(body)); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
	seq, at, e, err := audit.Decode(body)
	if err != nil || seq != 7 || !at.Equal(noon.Truncate(time.Microsecond)) {
		t.Errorf("Decode = %d, %s, %v", seq, at, err)
	}
	if diff := cmp.Diff(event("check"), e); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
}

func TestLinkIsSHA256OfPrevAndBody(t *testing.T) {
	entries, head := chain(t, 2)
	want := sha256.Sum256(append(append([]byte{}, entries[0].Hash[:]...), entries[1].Body...))
	if entries[1].Hash != want || entries[1].Prev != entries[0].Hash || head != (audit.Head{Size: 2, Hash: want}) {
		t.Errorf("entry %x, head %+v, want %x", entries[1].Hash, head, want)
	}
}

func TestVerifierNamesTheFirstWrongEvent(t *testing.T) {
	const n = 6
	for name, c := range map[string]struct {
		tamper func(es []audit.Stored) []audit.Stored
		seq    int64
		what   string
	}{
		"content": {func(es []audit.Stored) []audit.Stored {
			es[2].Body = []byte(strings.Replace(string(es[2].Body), "U1", "U2", 1))
			return es
		}, 3, "does not match its hash"},
		"time":    {func(es []audit.Stored) []audit.Stored { es[3].At = es[3].At.Add(time.Microsecond); return es }, 4, "number or time"},
		"deleted": {func(es []audit.Stored) []audit.Stored { return append(es[:1:1], es[2:]...) }, 2, "missing (the next one found is 3)"},
		"twice":   {func(es []audit.Stored) []audit.Stored { return append(es[:3:3], es[2:]...) }, 3, "twice or out of order"},
		"swapped": {func(es []audit.Stored) []audit.Stored {
			es[1].Seq, es[2].Seq = es[2].Seq, es[1].Seq
			es[1], es[2] = es[2], es[1]
			return es
		}, 2, "does not follow"},
		"cut":   {func(es []audit.Stored) []audit.Stored { return es[:4] }, 5, "all later ones are missing: the head counts 6"},
		"added": {func(es []audit.Stored) []audit.Stored { return append(es, es[5]) }, 6, "twice or out of order"},
	} {
		t.Run(name, func(t *testing.T) {
			entries, head := chain(t, n)
			var es []audit.Stored
			for _, e := range entries {
				es = append(es, stored(e))
			}
			v := audit.NewVerifier()
			for _, e := range c.tamper(es) {
				if v.Add(e) != nil {
					break
				}
			}
			fault := v.End(head)
			if fault == nil || fault.Seq != c.seq || !strings.Contains(fault.What, c.what) {
				t.Errorf("fault %v, want %d: %s", fault, c.seq, c.what)
			}
		})
	}
}

func TestCheckpointsMustLieOnTheChain(t *testing.T) {
	entries, head := chain(t, 5)
	mark := func(size int64, hash [32]byte) audit.Checkpoint {
		return audit.Checkpoint{Head: audit.Head{Size: size, Hash: hash}, Place: "a file"}
	}
	for name, c := range map[string]struct {
		marks []audit.Checkpoint
		seq   int64
	}{
		"none":          {nil, 0},
		"start and end": {[]audit.Checkpoint{mark(5, head.Hash), mark(0, [32]byte{}), mark(2, entries[1].Hash), mark(2, entries[1].Hash)}, 0},
		"rewritten":     {[]audit.Checkpoint{mark(5, head.Hash), mark(3, entries[1].Hash)}, 3},
		"cut":           {[]audit.Checkpoint{mark(9, head.Hash)}, 6},
		"not the start": {[]audit.Checkpoint{mark(0, head.Hash)}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			v := audit.NewVerifier(c.marks...)
			for _, e := range entries {
				if v.Add(stored(e)) != nil {
					break
				}
			}
			fault := v.End(head)
			if (fault == nil) != (c.seq == 0 && name != "not the start") || fault != nil && fault.Seq != c.seq {
				t.Errorf("fault %v, want %d", fault, c.seq)
			}
			if fault == nil && len(v.Passed()) != len(c.marks) {
				t.Errorf("passed %d of %d", len(v.Passed()), len(c.marks))
			}
		})
	}
}

func keys(t testing.TB, name string) (note.Signer, note.Verifier) {
	t.Helper()
	private, public, err := audit.NewKey(rand.Reader, name)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(public)
	if err != nil {
		t.Fatal(err)
	}
	return signer, verifier
}

func TestCheckpointSignature(t *testing.T) {
	signer, verifier := keys(t, "integritybot/shop")
	_, stranger := keys(t, "integritybot/shop")
	_, head := chain(t, 3)
	signed, err := audit.Sign(head, noon, signer)
	if err != nil {
		t.Fatal(err)
	}
	got, err := audit.OpenCheckpoint(signed, "a file", note.VerifierList(verifier))
	if err != nil {
		t.Fatal(err)
	}
	want := audit.Checkpoint{Origin: "integritybot/shop", Head: head, At: noon.Truncate(time.Microsecond), Place: "a file"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("checkpoint (-want +got):\n%s", diff)
	}
	if _, err := audit.OpenCheckpoint(signed, "", note.VerifierList(stranger)); !errors.Is(err, audit.ErrUnknownKey) {
		t.Errorf("by a stranger's key: %v", err)
	}
	forged := strings.Replace(signed, "\n3\n", "\n2\n", 1)
	if _, err := audit.OpenCheckpoint(forged, "", note.VerifierList(verifier)); err == nil || errors.Is(err, audit.ErrUnknownKey) {
		t.Errorf("forged: %v", err)
	}
	for _, rubbish := range []string{"", "x", strings.Replace(signed, "\n\n", "\n", 1), signed[:len(signed)-10]} {
		if _, err := audit.OpenCheckpoint(rubbish, "", note.VerifierList(verifier)); err == nil {
			t.Errorf("%q was accepted", rubbish)
		}
	}
}

func TestSplitCheckpoints(t *testing.T) {
	signer, _ := keys(t, "integritybot/shop")
	var want []string
	var file strings.Builder
	for i := range 3 {
		_, head := chain(t, i+1)
		signed, err := audit.Sign(head, noon, signer)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, signed)
		file.WriteString(signed + "\n")
	}
	got, err := audit.SplitCheckpoints(strings.NewReader("\n" + file.String()))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
}

func BenchmarkVerify(b *testing.B) {
	entries, head := chain(b, 1000)
	b.ResetTimer()
	for done := 0; done < b.N; done += len(entries) {
		v := audit.NewVerifier()
		for _, e := range entries {
			if f := v.Add(stored(e)); f != nil {
				b.Fatal(f)
			}
		}
		if f := v.End(head); f != nil {
			b.Fatal(f)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

func BenchmarkAppend(b *testing.B) {
	var head audit.Head
	for b.Loop() {
		_, next, err := head.Append(noon, event("check"))
		if err != nil {
			b.Fatal(err)
		}
		head = next
	}
}
