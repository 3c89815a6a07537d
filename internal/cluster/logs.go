package cluster

import (
	"sync"
	"time"
)

// Lines are what a container has written, the oldest first, and never change. Implementations may make a line when it
// is asked for; they are asked by several readers at once.
type Lines interface {
	Len() int
	// Line is the line i, of Len, without its end.
	Line(i int) (time.Time, []byte)
}

// Repeated is a log of Count lines that share Texts: line i is Texts[i%len(Texts)], Step after the line before. A
// million of them need no more memory than one.
type Repeated struct {
	Start time.Time
	Step  time.Duration
	Texts [][]byte
	Count int
}

// Len is Count.
func (r Repeated) Len() int { return r.Count }

// Line is the line i.
func (r Repeated) Line(i int) (time.Time, []byte) {
	return r.Start.Add(time.Duration(i) * r.Step), r.Texts[i%len(r.Texts)]
}

// Generated is a log of Count lines that Make makes when they are read.
type Generated struct {
	Count int
	Make  func(i int) (time.Time, []byte)
}

// Len is Count.
func (g Generated) Len() int { return g.Count }

// Line is the line i.
func (g Generated) Line(i int) (time.Time, []byte) { return g.Make(i) }

// logbook holds the logs of all containers. It has a mutex of its own, so that who writes a log does not wait for the
// cluster.
type logbook struct {
	limit int

	mu   sync.Mutex
	logs map[logKey]*containerLog
	open int // streams being read now
	most int // at once
}

type logKey struct {
	at        place
	container string
}

// containerLog is the log of a container that runs, and of the one before.
type containerLog struct {
	given    Lines // what was given as a whole; may be nil
	data     []byte
	ends     []int   // where each line ends in data
	times    []int64 // nanoseconds since 1970
	dropped  int     // lines rotated away, those given included
	previous Lines   // nil: there was none
	changed  chan struct{}
	over     bool // nothing will come any more
}

// AppendLog adds a line to the log of a container. Lines of a container must come in the order of their times.
func (c *Cluster) AppendLog(namespace, pod, container string, at time.Time, line string) {
	c.logs.add(place{namespace, pod}, container, at, line)
}

// SetLog gives a container a whole log in the place of its own. What is appended later follows it.
func (c *Cluster) SetLog(namespace, pod, container string, lines Lines) {
	c.logs.mu.Lock()
	defer c.logs.mu.Unlock()
	l := c.logs.get(logKey{place{namespace, pod}, container})
	l.given, l.data, l.ends, l.times, l.dropped = lines, nil, nil, nil, 0
	l.tell()
}

// SetPreviousLog gives a container that was restarted the log of the time before. See [Cluster.Crash] for the restart.
func (c *Cluster) SetPreviousLog(namespace, pod, container string, lines Lines) {
	c.logs.mu.Lock()
	defer c.logs.mu.Unlock()
	c.logs.get(logKey{place{namespace, pod}, container}).previous = lines
}

// RotateLog drops what a container has written so far from what can be read, as the kubelet does when a file is full.
func (c *Cluster) RotateLog(namespace, pod, container string) {
	c.logs.mu.Lock()
	defer c.logs.mu.Unlock()
	l := c.logs.get(logKey{place{namespace, pod}, container})
	l.dropped = l.len()
	l.data, l.ends, l.times = nil, nil, nil
	l.tell()
}

// LogStreams are how many logs are being read now, and the most that were at once.
func (c *Cluster) LogStreams() (now, most int) {
	c.logs.mu.Lock()
	defer c.logs.mu.Unlock()
	return c.logs.open, c.logs.most
}

func (b *logbook) stream(by int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open += by
	b.most = max(b.most, b.open)
}

// get is the log of a container, which is made if there is none.
func (b *logbook) get(key logKey) *containerLog {
	if b.logs == nil {
		b.logs = map[logKey]*containerLog{}
	}
	if b.logs[key] == nil {
		b.logs[key] = &containerLog{changed: make(chan struct{})}
	}
	return b.logs[key]
}

func (b *logbook) add(at place, container string, when time.Time, line string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.get(logKey{at, container})
	if len(l.data)+len(line) > b.limit && len(l.ends) > 1 {
		l.rotate()
	}
	l.data = append(l.data, line...)
	l.ends = append(l.ends, len(l.data))
	l.times = append(l.times, when.UnixNano())
	l.tell()
}

// rotate drops the older half. Readers keep what they hold: slices are replaced.
func (l *containerLog) rotate() {
	half := len(l.ends) / 2
	from := l.ends[half-1]
	l.dropped = max(l.dropped, l.givenLen()) + half
	l.data = append([]byte(nil), l.data[from:]...)
	ends := make([]int, 0, len(l.ends))
	for _, end := range l.ends[half:] {
		ends = append(ends, end-from)
	}
	l.ends, l.times = ends, append([]int64(nil), l.times[half:]...)
}

// restart makes the log of a container that of the previous one.
func (b *logbook) restart(at place, container string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	key := logKey{at, container}
	l := b.get(key)
	b.logs[key] = &containerLog{previous: l.view(), changed: make(chan struct{})}
	l.over = true
	l.tell()
}

// forget drops the logs of a pod that is gone.
func (b *logbook) forget(at place) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for key, l := range b.logs {
		if key.at == at {
			l.over = true
			l.tell()
			delete(b.logs, key)
		}
	}
}

func (l *containerLog) tell() {
	close(l.changed)
	l.changed = make(chan struct{})
}

func (l *containerLog) givenLen() int {
	if l.given == nil {
		return 0
	}
	return l.given.Len()
}

// len counts all lines there ever were; those before dropped cannot be read.
func (l *containerLog) len() int { return max(l.givenLen(), l.dropped) + len(l.ends) }

// view is the log as it is now.
func (l *containerLog) view() logView {
	return logView{
		given: l.given, split: l.givenLen(), first: l.dropped, end: l.len(),
		data: l.data, ends: l.ends, times: l.times,
	}
}

// logView is a log at one moment: lines first to end, numbered from the first that there ever was.
type logView struct {
	given             Lines
	split, first, end int
	data              []byte
	ends              []int
	times             []int64
}

// Len is the number of lines that can be read.
func (v logView) Len() int { return v.end - v.first }

// Line is one of them.
func (v logView) Line(i int) (time.Time, []byte) {
	i += v.first
	if i < v.split {
		return v.given.Line(i)
	}
	i -= max(v.split, v.end-len(v.ends))
	from := 0
	if i > 0 {
		from = v.ends[i-1]
	}
	return time.Unix(0, v.times[i]).UTC(), v.data[from:v.ends[i]]
}
