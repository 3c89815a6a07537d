package kube

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// read is what a lineReader makes of a stream.
type read struct {
	At   string
	Text string
	Size int64
}

func readAll(r io.Reader) (lines []read, err error) {
	lr := newLineReader(r)
	for {
		l, err := lr.next()
		if errors.Is(err, io.EOF) {
			return lines, nil
		}
		if err != nil {
			return lines, err
		}
		at := ""
		if !l.at().IsZero() {
			at = l.at().Format(time.RFC3339Nano)
		}
		text := string(l.text)
		if len(text) > 20 {
			text = text[:4] + "…" + text[len(text)-4:]
		}
		lines = append(lines, read{at, text, l.size})
	}
}

func TestLinesOfAnyLengthAreRead(t *testing.T) {
	t.Parallel()
	const stamp = "2026-11-21T10:02:03.000000001Z "
	for name, tt := range map[string]struct {
		stream string
		want   []read
	}{
		"nothing":                   {"", nil},
		"two lines":                 {stamp + "a\n" + stamp + "b\r\n", []read{{"2026-11-21T10:02:03.000000001Z", "a", 1}, {"2026-11-21T10:02:03.000000001Z", "b", 2}}},
		"another zone":              {"2026-11-21T10:02:03+02:00 a", []read{{"2026-11-21T08:02:03Z", "a", 1}}},
		"no time":                   {"hello world\n\n", []read{{"", "hello world", 11}, {"", "", 0}}},
		"an empty line":             {stamp + "\n", []read{{"2026-11-21T10:02:03.000000001Z", "", 0}}},
		"a line of 1 MB":            {stamp + "head" + strings.Repeat("x", 1<<20) + "\n" + stamp + "b\n", []read{{"2026-11-21T10:02:03.000000001Z", "head…xxxx", 4 + 1<<20}, {"2026-11-21T10:02:03.000000001Z", "b", 1}}},
		"a line of 1 MB at the end": {stamp + "head" + strings.Repeat("x", 1<<20), []read{{"2026-11-21T10:02:03.000000001Z", "head…xxxx", 4 + 1<<20}}},
		"just over what is kept":    {strings.Repeat("y", keptBytes+1) + "\n", []read{{"", "yyyy…yyyy", keptBytes + 1}}},
		"just the buffer":           {strings.Repeat("y", bufferBytes-1) + "\nz", []read{{"", "yyyy…yyyy", bufferBytes - 1}, {"", "z", 1}}},
		"just over the buffer":      {strings.Repeat("y", bufferBytes) + "\nz", []read{{"", "yyyy…yyyy", bufferBytes}, {"", "z", 1}}},
	} {
		for way, r := range map[string]io.Reader{"": strings.NewReader(tt.stream), ", byte by byte": iotest.OneByteReader(strings.NewReader(tt.stream))} {
			got, err := readAll(r)
			if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
				t.Errorf("%s%s: %v %s", name, way, err, diff)
			}
		}
	}
}

func TestABrokenStreamHasNoHalfLine(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for _, rest := range []string{"", "half", strings.Repeat("x", 1<<20)} {
		got, err := readAll(io.MultiReader(strings.NewReader("whole\n"+rest), iotest.ErrReader(broken)))
		if !errors.Is(err, broken) || len(got) != 1 {
			t.Errorf("%.9q: %d lines, %v", rest, len(got), err)
		}
	}
}
