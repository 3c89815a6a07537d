package cluster

import (
	"bufio"
	"net/http"
	"sort"
)

// logStream is a log being read.
type logStream struct {
	c       *Cluster
	w       http.ResponseWriter
	r       *http.Request
	options logOptions
	left    int64 // bytes, or -1
	cut     <-chan struct{}
	out     *bufio.Writer
	buffer  []byte
}

// logTime is how kubelets write the time of a line: always with nine digits.
const logTime = "2006-01-02T15:04:05.000000000Z07:00"

// streamChunk is how many lines are written between two looks at whether the client is still there.
const streamChunk = 500

func (s *logStream) run(key logKey) error {
	s.w.Header().Set("Content-Type", "text/plain")
	s.w.WriteHeader(http.StatusOK)
	s.out = bufio.NewWriterSize(s.w, 64<<10)
	v, changed, over := s.look(key)
	if s.options.previous {
		return s.finish(s.write(v, s.first(v)))
	}
	l := s.c.logs.of(key)
	next := v.first + s.first(v)
	for {
		if err := s.write(v, max(next-v.first, 0)); err != nil || s.left == 0 {
			return s.finish(err)
		}
		next = max(next, v.end)
		if !s.options.follow || over {
			return s.finish(nil)
		}
		if err := s.flush(); err != nil {
			return err
		}
		select {
		case <-changed:
		case <-s.cut:
			return errStreamEnded
		case <-s.c.done:
			return errStreamEnded
		case <-s.r.Context().Done():
			return errStreamEnded
		}
		v, changed, over = s.c.logs.viewOf(l)
	}
}

func (s *logStream) look(key logKey) (v logView, changed <-chan struct{}, over bool) {
	if s.options.previous {
		return s.c.logs.previousOf(key), nil, true
	}
	return s.c.logs.viewOf(s.c.logs.of(key))
}

// of is the log of a container; one that has written nothing has an empty one.
func (b *logbook) of(key logKey) *containerLog {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.get(key)
}

func (b *logbook) viewOf(l *containerLog) (logView, <-chan struct{}, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return l.view(), l.changed, l.over
}

func (b *logbook) previousOf(key logKey) logView {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.get(key).previous
	if p == nil {
		return logView{}
	}
	return logView{given: p, split: p.Len(), end: p.Len()}
}

// first is the line with which a stream begins.
func (s *logStream) first(v logView) int {
	from := 0
	if !s.options.since.IsZero() {
		from = sort.Search(v.Len(), func(i int) bool {
			at, _ := v.Line(i)
			return !at.Before(s.options.since)
		})
	}
	if s.options.tail >= 0 {
		from = max(from, v.Len()-int(min(s.options.tail, int64(v.Len()))))
	}
	return from
}

func (s *logStream) write(v logView, from int) error {
	for i := from; i < v.Len() && s.left != 0; i++ {
		if i%streamChunk == 0 {
			select {
			case <-s.cut:
				_ = s.out.Flush() // what was written may arrive
				return errStreamEnded
			case <-s.r.Context().Done():
				return errStreamEnded
			default:
			}
		}
		at, line := v.Line(i)
		s.buffer = s.buffer[:0]
		if s.options.timestamps {
			s.buffer = append(at.UTC().AppendFormat(s.buffer, logTime), ' ')
		}
		s.buffer = append(append(s.buffer, line...), '\n')
		if s.left > 0 {
			s.buffer = s.buffer[:min(int64(len(s.buffer)), s.left)]
			s.left -= int64(len(s.buffer))
		}
		if _, err := s.out.Write(s.buffer); err != nil {
			return errStreamEnded
		}
	}
	return nil
}

func (s *logStream) flush() error {
	if err := s.out.Flush(); err != nil {
		return errStreamEnded
	}
	if err := http.NewResponseController(s.w).Flush(); err != nil {
		return errStreamEnded
	}
	return nil
}

func (s *logStream) finish(err error) error {
	if err != nil {
		return err
	}
	return s.flush()
}
