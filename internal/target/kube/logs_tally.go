package kube

import (
	"slices"
	"strings"
	"sync"
	"time"
)

// Bounds of what is kept. Lines beyond are counted all the same.
const (
	maxPatterns   = 500
	maxSamples    = 3       // of one pattern, each of another pod
	sampleBytes   = 600     // of a line as a sample
	fileBytes     = 900_000 // of lines for the file; with its note it stays under 1 MB
	fileLineBytes = 2_000   // of a line in the file
	perLineBytes  = 64      // what a kept line costs beside its text
)

// LogGroup are the matching lines of one pattern.
type LogGroup struct {
	Pattern     string
	Count       int64
	First, Last time.Time // when lines were written, as Kubernetes says; zero: it does not
	Pods        int       // in how many there are such lines
	// PerPod and PerContainer count the lines, by the pod's and the container's name.
	PerPod, PerContainer map[string]int64

	samples []logLine
}

// logLine is one line that is kept to be shown.
type logLine struct {
	at             time.Time
	pod, container string
	seq            int64 // within its stream
	text           string
	size           int64
}

// before is the order of the file: by time, and where that is the same by pod and
// by the order in the log.
func (l logLine) before(o logLine) bool {
	if !l.at.Equal(o.at) {
		return l.at.Before(o.at)
	}
	if c := strings.Compare(l.pod+"/"+l.container, o.pod+"/"+o.container); c != 0 {
		return c < 0
	}
	return l.seq < o.seq
}

// podSeen is what one pod had to say.
type podSeen struct {
	read, matched int64
	first         logLine // the first that matched
	pattern       string  // of the first
}

// tally counts what matches, from all streams at once.
type tally struct {
	mu     sync.Mutex
	names  []string // of the pods
	groups map[string]*group
	other  *group // of patterns beyond the bound
	pods   []podSeen
	kept   kept
}

// group is a LogGroup that is being counted.
type group struct {
	LogGroup
	perPod []int64
}

func newTally(pods []string, keep bool) *tally {
	t := &tally{names: pods, groups: map[string]*group{}, pods: make([]podSeen, len(pods))}
	if keep {
		t.kept.room = fileBytes
	}
	return t
}

// hit counts one line that matches. Its text is copied if it is kept.
func (t *tally) hit(s *stream, seq int64, l line) {
	pattern, at := patternOf(l.text), l.at()
	t.mu.Lock()
	defer t.mu.Unlock()
	g := t.group(pattern)
	g.Count++
	g.First, g.Last = earliest(g.First, at), latest(g.Last, at)
	g.PerContainer[s.container]++
	g.perPod[s.podIndex]++
	one := logLine{at: at, pod: s.pod, container: s.container, seq: seq, size: l.size}
	if g.perPod[s.podIndex] == 1 {
		g.sample(one, l.text)
	}
	p := &t.pods[s.podIndex]
	p.matched++
	if p.matched == 1 || one.before(p.first) {
		one.text = head(l.text, sampleBytes)
		p.first, p.pattern = one, pattern
	}
	t.kept.add(one, l.text)
}

func (t *tally) group(pattern string) *group {
	if g := t.groups[pattern]; g != nil {
		return g
	}
	full := len(t.groups) >= maxPatterns
	if full && t.other != nil {
		return t.other
	}
	g := &group{LogGroup: LogGroup{Pattern: pattern, PerContainer: map[string]int64{}}, perPod: make([]int64, len(t.names))}
	if full {
		g.Pattern, t.other = "other patterns", g
		return g
	}
	t.groups[pattern] = g
	return g
}

// sample keeps a pod's first line if it is among the earliest of all pods.
func (g *group) sample(one logLine, text []byte) {
	i, _ := slices.BinarySearchFunc(g.samples, one, func(a, b logLine) int {
		if a.before(b) {
			return -1
		}
		return 1
	})
	if i == maxSamples {
		return
	}
	one.text = head(text, sampleBytes)
	g.samples = slices.Insert(g.samples, i, one)
	g.samples = g.samples[:min(len(g.samples), maxSamples)]
}

// ended counts the lines that were read of one pod.
func (t *tally) ended(podIndex int, lines int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pods[podIndex].read += lines
}

// ranking gives the groups, the most lines first; what has no group of its own
// comes last.
func (t *tally) ranking() (groups []LogGroup, other *LogGroup) {
	for _, g := range t.groups {
		groups = append(groups, t.finished(g))
	}
	slices.SortFunc(groups, func(a, b LogGroup) int {
		if a.Count != b.Count {
			return int(b.Count - a.Count)
		}
		return strings.Compare(a.Pattern, b.Pattern)
	})
	if t.other != nil {
		o := t.finished(t.other)
		other = &o
	}
	return groups, other
}

func (t *tally) finished(g *group) LogGroup {
	out := g.LogGroup
	out.PerPod = map[string]int64{}
	for i, n := range g.perPod {
		if n > 0 {
			out.PerPod[t.names[i]] += n
		}
	}
	out.Pods = len(out.PerPod)
	return out
}

func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// head is the beginning of text as a string of valid UTF-8, of at most so many
// bytes.
func head(text []byte, most int) string {
	if len(text) > most {
		text = text[:most]
	}
	return strings.ToValidUTF8(string(text), "\uFFFD")
}
