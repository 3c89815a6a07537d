package kube

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestNoLineIsLostBeyondTheBoundOfPatterns: more kinds of line than are kept are
// counted as other ones.
func TestNoLineIsLostBeyondTheBoundOfPatterns(t *testing.T) {
	t.Parallel()
	tally := newTally([]string{"a", "b"}, true)
	const kinds, times = maxPatterns + 200, 3
	for i := range kinds * times {
		s := &stream{pod: []string{"a", "b"}[i%2], podIndex: i % 2, container: "c"}
		tally.hit(s, int64(i), line{text: []byte("error of " + word(i%kinds))})
	}
	groups, other := tally.ranking()
	sum := other.Count
	for _, g := range groups {
		if g.Count != times {
			t.Errorf("%s has %d lines", g.Pattern, g.Count)
		}
		sum += g.Count
	}
	if len(groups) != maxPatterns || other.Count != 200*times || sum != kinds*times || other.Pods != 2 {
		t.Errorf("%d groups, %d other lines in %d pods, %d in all", len(groups), other.Count, other.Pods, sum)
	}
}

// word is a word of letters for a number, so that no two have one pattern.
func word(n int) string {
	var b []byte
	for ; len(b) < 4; n /= 26 {
		b = append(b, byte('a'+n%26))
	}
	return string(b)
}

// TestTheFileIsTheBeginningWhateverTheOrder in which streams bring lines.
func TestTheFileIsTheBeginningWhateverTheOrder(t *testing.T) {
	t.Parallel()
	lines := make([]logLine, 3000)
	for i := range lines {
		lines[i] = logLine{at: began().Add(time.Duration(i/2) * time.Second), pod: fmt.Sprintf("p%d", i%2), seq: int64(i)}
	}
	text := func(l logLine) []byte { return make([]byte, 100+(l.seq*37)%900) }
	var want []logLine
	used := 0
	for _, l := range lines {
		l.text = string(text(l))
		if used += cost(l); used > 400_000 {
			break
		}
		want = append(want, l)
	}
	for seed := range uint64(5) {
		shuffled := slices.Clone(lines)
		rand.New(rand.NewPCG(seed, 1)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		k := kept{room: 400_000}
		for _, l := range shuffled {
			k.add(l, text(l))
		}
		if diff := cmp.Diff(want, k.sorted(), cmp.AllowUnexported(logLine{})); diff != "" || k.left != int64(len(lines)-len(want)) {
			t.Fatalf("order %d: %d left out, %d kept, want %d", seed, k.left, len(k.lines), len(want))
		}
		// Two halves that were kept apart are the same when put together.
		var a, b kept
		a.room, b.room = 400_000, 400_000
		for i, l := range shuffled {
			[]*kept{&a, &b}[i%2].add(l, text(l))
		}
		both := kept{room: 400_000}
		both.merge(&a)
		both.merge(&b)
		if diff := cmp.Diff(want, both.sorted(), cmp.AllowUnexported(logLine{})); diff != "" || both.left != int64(len(lines)-len(want)) {
			t.Fatalf("order %d, merged: %d left out, %d kept, want %d", seed, both.left, len(both.lines), len(want))
		}
	}
}

// TestWhichInstancesHaveALog: none is read twice, and none is left out.
func TestWhichInstancesHaveALog(t *testing.T) {
	t.Parallel()
	since := began()
	started, before := metav1.NewTime(since.Add(time.Minute)), metav1.NewTime(since.Add(-time.Minute))
	running := corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: started}}
	waiting := corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}}
	ended := func(id string, at metav1.Time) corev1.ContainerState {
		return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ContainerID: id, StartedAt: before, FinishedAt: at}}
	}
	for name, tt := range map[string]struct {
		status            corev1.ContainerStatus
		previous, current bool
	}{
		"runs":                             {corev1.ContainerStatus{State: running, ContainerID: "a"}, false, true},
		"runs again":                       {corev1.ContainerStatus{State: running, ContainerID: "b", LastTerminationState: ended("a", started)}, true, true},
		"runs again since before the time": {corev1.ContainerStatus{State: running, ContainerID: "b", LastTerminationState: ended("a", before)}, false, true},
		"waits to be started again":        {corev1.ContainerStatus{State: waiting, ContainerID: "a", LastTerminationState: ended("a", started)}, true, false},
		"waits for its image":              {corev1.ContainerStatus{State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff"}}}, false, false},
		"has ended":                        {corev1.ContainerStatus{State: ended("a", started), ContainerID: "a"}, false, true},
		"has ended twice":                  {corev1.ContainerStatus{State: ended("b", started), ContainerID: "b", LastTerminationState: ended("a", started)}, true, true},
		"has ended without having begun":   {corev1.ContainerStatus{State: ended("", started), LastTerminationState: ended("a", started)}, true, false},
		"was ended, and nobody knows when": {corev1.ContainerStatus{State: running, ContainerID: "b", LastTerminationState: ended("a", metav1.Time{})}, true, true},
	} {
		if got := instances(tt.status, since); got.previous != tt.previous || got.current != tt.current {
			t.Errorf("a container that %s: previous %t, current %t", name, got.previous, got.current)
		}
	}
}
