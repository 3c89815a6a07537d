package workspace

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
)

// masked is f as a client sends it.
func masked(f frame) []byte {
	raw := f.encode()
	if !f.final {
		raw[0] &^= 0x80
	}
	head := len(raw) - len(f.payload)
	mask := []byte{1, 2, 3, 4}
	out := append(append([]byte{}, raw[:head]...), mask...)
	out[1] |= 0x80
	for i, b := range f.payload {
		out = append(out, b^mask[i%4])
	}
	return out
}

func TestFramesOfAllSizes(t *testing.T) {
	for _, size := range []int{0, 1, 125, 126, 127, 1<<16 - 1, 1 << 16, 1<<16 + 1} {
		sent := frame{op: opText, final: true, payload: []byte(strings.Repeat("x", size))}
		got, err := readFrame(bytes.NewReader(masked(sent)))
		if err != nil || got.op != opText || !got.final || !bytes.Equal(got.payload, sent.payload) {
			t.Errorf("%d bytes: op %d, final %v, %d bytes, %v", size, got.op, got.final, len(got.payload), err)
		}
	}
}

func TestFramesThatAreRefused(t *testing.T) {
	huge := binary.BigEndian.AppendUint64([]byte{0x81, 0xFF}, maxFrame+1)
	for name, raw := range map[string][]byte{
		"not masked":         frame{op: opText, payload: []byte("x")}.encode(),
		"with an extension":  {0xC1, 0x80, 1, 2, 3, 4},
		"too large":          append(huge, 1, 2, 3, 4),
		"cut in the head":    {0x81},
		"cut in the mask":    {0x81, 0x81, 1},
		"cut in the payload": {0x81, 0x82, 1, 2, 3, 4, 5},
	} {
		if _, err := readFrame(bytes.NewReader(raw)); err == nil {
			t.Errorf("a frame %s was accepted", name)
		}
	}
}

func FuzzReadFrame(f *testing.F) {
	f.Add(masked(frame{op: opText, final: true, payload: []byte(`{"envelope_id":"1"}`)}))
	f.Add([]byte{0x81, 0xFE, 0xFF})
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := readFrame(bytes.NewReader(raw))
		if err == nil && len(got.payload) > maxFrame {
			t.Fatalf("a frame of %d bytes", len(got.payload))
		}
	})
}
