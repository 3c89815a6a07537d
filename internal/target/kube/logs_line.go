package kube

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"time"
)

// How much of a log is held at a time: a stream's buffer, and what is kept of a
// line. A line may be of any length; what is beyond is counted and not kept.
const (
	bufferBytes = 64 << 10
	keptBytes   = 8 << 10
)

// line is one line of a container's log. Its bytes are valid until the next one
// is read.
type line struct {
	stamp []byte // when it was written, as the kubelet says; nil: it does not
	text  []byte // at most keptBytes
	size  int64  // bytes that the text really has
	open  bool   // the log ends here, and the line has no end
}

// at is when the line was written; zero: not known.
func (l line) at() time.Time {
	at, err := time.Parse(time.RFC3339Nano, string(l.stamp))
	if err != nil {
		return time.Time{}
	}
	return at.UTC()
}

// lineReader reads lines of any length in bounded memory.
type lineReader struct {
	r    *bufio.Reader
	kept []byte // the beginning of a line that is longer than the buffer
}

func newLineReader(r io.Reader) *lineReader {
	return &lineReader{r: bufio.NewReaderSize(r, bufferBytes)}
}

// next gives the next line, or io.EOF behind the last one. Another error means
// that the stream broke: what was begun is no line.
func (lr *lineReader) next() (line, error) {
	raw, err := lr.r.ReadSlice('\n')
	size := int64(len(raw))
	if errors.Is(err, bufio.ErrBufferFull) {
		lr.kept = append(lr.kept[:0], raw[:keptBytes+maxStamp]...)
		for errors.Is(err, bufio.ErrBufferFull) {
			raw, err = lr.r.ReadSlice('\n')
			size += int64(len(raw))
		}
		if bytes.HasSuffix(raw, []byte{'\n'}) {
			size--
		}
		raw = lr.kept
	} else {
		if size > 0 && raw[size-1] == '\n' {
			size--
		}
		raw = raw[:size]
	}
	if err != nil && (!errors.Is(err, io.EOF) || size == 0) {
		return line{}, err
	}
	l := split(raw, size)
	l.open = err != nil
	return l, nil
}

// maxStamp is how long a time may be that stands before a line, with its space.
const maxStamp = 40

// split takes the time off a line that Kubernetes puts before it. size is that of
// the whole line, of which raw may be the beginning.
func split(raw []byte, size int64) line {
	l := line{text: raw, size: size}
	head := raw[:min(len(raw), maxStamp)]
	if i := bytes.IndexByte(head, ' '); i >= len("2006-01-02T15:04:05Z") && head[4] == '-' && head[10] == 'T' {
		l.stamp, l.text = raw[:i], raw[i+1:]
		l.size -= int64(i + 1)
	}
	l.text = bytes.TrimSuffix(l.text, []byte{'\r'})
	l.text = l.text[:min(len(l.text), keptBytes)]
	return l
}
