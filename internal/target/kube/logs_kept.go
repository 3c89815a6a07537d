package kube

import (
	"container/heap"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/integritybot/integritybot/internal/message/phrase"
)

// kept are the earliest lines that fit into a file. Whatever the order in which
// streams bring lines, what is kept is the same: the longest beginning of all
// matching lines, in the order of time, that fits.
type kept struct {
	room    int // bytes in all; 0: nothing is kept
	used    int
	lines   latestFirst
	refused *logLine // the earliest that did not fit; none behind it is kept
	left    int64    // how many are not kept
}

// add keeps a line if it fits.
func (k *kept) add(one logLine, text []byte) {
	if k.room == 0 {
		return
	}
	if k.refused != nil && !one.before(*k.refused) {
		k.left++
		return
	}
	one.text = head(text, fileLineBytes)
	heap.Push(&k.lines, one)
	k.used += cost(one)
	for k.used > k.room {
		dropped, _ := heap.Pop(&k.lines).(logLine)
		k.used -= cost(dropped)
		k.refused = &dropped
		k.left++
	}
}

func cost(l logLine) int { return len(l.text) + len(l.pod) + len(l.container) + perLineBytes }

// latestFirst is a heap of lines with the latest on top.
type latestFirst []logLine

func (h latestFirst) Len() int           { return len(h) }
func (h latestFirst) Less(i, j int) bool { return h[j].before(h[i]) }
func (h latestFirst) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push adds a line at the end, for container/heap.
func (h *latestFirst) Push(x any) {
	if l, ok := x.(logLine); ok {
		*h = append(*h, l)
	}
}

// Pop takes the last line, for container/heap.
func (h *latestFirst) Pop() any {
	old := *h
	l := old[len(old)-1]
	*h = old[:len(old)-1]
	return l
}

// sorted gives the lines in the order of time.
func (k *kept) sorted() []logLine {
	lines := slices.Clone(k.lines)
	slices.SortFunc(lines, func(a, b logLine) int {
		if a.before(b) {
			return -1
		}
		return 1
	})
	return lines
}

// merge adds what another one keeps.
func (k *kept) merge(o *kept) {
	k.left += o.left
	if o.refused != nil && (k.refused == nil || o.refused.before(*k.refused)) {
		k.refused = o.refused
	}
	lines := k.lines
	k.lines, k.used = nil, 0
	for _, l := range slices.Concat(lines, o.lines) {
		k.add(l, []byte(l.text))
	}
}

// maxFile is how long the file is at most, in bytes: masks may be longer than
// what they hide.
const maxFile = 990_000

// fileOf is the file of matching lines: time, pod, container, line; and how many of
// all it has. What is left out is said at its end.
func fileOf(lines []logLine, all int64) (content []byte, written int64) {
	var b strings.Builder
	for _, l := range lines {
		text := fmt.Sprintf("%s %s %s %s\n", stampOf(l.at), l.pod, l.container, l.shown(fileLineBytes))
		if b.Len()+len(text) > maxFile {
			break
		}
		b.WriteString(text)
		written++
	}
	if left := all - written; left > 0 {
		fmt.Fprintf(&b, "# %s of the matching lines came later and are left out here; all are counted.\n", phrase.Count(left))
	}
	return []byte(b.String()), written
}

// stampOf is the time of a line in the file.
func stampOf(at time.Time) string {
	if at.IsZero() {
		return "-"
	}
	return at.UTC().Format("2006-01-02T15:04:05.000000Z")
}

// shown is a line as it may be shown: masked, inert in a terminal, and with its
// length where it was cut.
func (l logLine) shown(most int) string {
	text := strings.Map(func(r rune) rune {
		if r != '\t' && unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return '·'
		}
		return r
	}, maskLine(l.text))
	if l.size > int64(most) {
		text += fmt.Sprintf("… (%s bytes)", phrase.Count(l.size))
	}
	return text
}
