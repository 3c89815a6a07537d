//go:build bench

package bench

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/message/phrase"
)

// Goal S9.
const (
	logsTime    = 10 * time.Second
	logsBytes   = 100 << 20
	logsStreams = 20
)

// measureLogs is S9: the errors in the logs of all pods of a deployment, by what they say, against kubectl and grep.
func measureLogs(t *trial, b *bed) {
	l := startPods(t, b)
	l.kubectl = findKubectl(t)
	for round := range b.looks + 1 { // the first warms up
		l.round(t, b)
		if round == 0 {
			l.ours, l.each, l.many, l.label = nil, nil, nil, nil
		}
	}
	l.bot = l.askBot(t, b)
	streams := l.end(t)
	t.measured(l.row(b, streams))
	b.note("S9", "The cluster is the one of the tests (internal/cluster), which speaks HTTPS to whoever reads, as a process of its own; its work is in the time of both sides. One deployment; 1 line in %d tells of an "+
		"error, of %d kinds that differ in numbers and ids; all lines are %s old at most, and both sides ask for %s. Ours is the whole bot: somebody says `/integrity logs` in the simulated workspace, and the time "+
		"ends when the report stands in the channel (%s, after one that warms up); memory is the peak of the bot's process, which had %s when it was ready, %s of that pages of its own file. The look alone, in a process of its own from opening the "+
		"target until the report is there: %s, processor time %s. Every one of these counted every kind exactly (%s lines), over every line, or the number would not be here. Streams are counted by the cluster.",
		errorIn, len(mistakes()), phrase.Age(written), phrase.Age(asked), rounded(l.bot.took), megabytes(l.bot.before), megabytes(l.bot.file), rounded(durations(l.ours, func(d looked) time.Duration { return d.Took })),
		seconds(median(durations(l.ours, func(d looked) time.Duration { return d.CPU }))), humanize.Comma(l.errors()))
	if len(l.each) > 0 {
		b.note("S9", "The other side is `kubectl logs POD --since=%s | grep -iE 'PATTERN'` (%s), pod after pod as the runbook has it, and by `xargs -P %d`, with the same pattern, in `LANG=C`, where grep is fastest; "+
			"processor time %s and %s. One kubectl for all pods (`kubectl logs -l app=%s --since=%s --tail=-1 --max-log-requests=%d | grep -iE 'PATTERN'`) asks for a few logs a second and no more: %s.",
			asked, l.version, logsStreams, l.spent(l.each), l.spent(l.many), deployment, asked, len(l.pods.Pods), l.said(l.label))
	}
}

// podLogs is a cluster whose pods have written, and what was measured there.
type podLogs struct {
	pods  podsReady
	child *child
	stdin io.Closer
	out   *bufio.Reader
	lines int              // in all
	truth map[string]int64 // lines to be found, by kind

	kubectl, version  string
	ours              []looked
	bot               botLooked
	each, many, label []grepped
}

// startPods starts the cluster.
func startPods(t *trial, b *bed) *podLogs {
	t.Helper()
	task, err := json.Marshal(podsTask{Pods: b.pods, Lines: b.podLines, Dir: b.dir})
	if err != nil {
		t.Fatal(err)
	}
	l := &podLogs{lines: b.pods * b.podLines, truth: mistakesOf(b.pods, b.podLines)}
	read, write, err := os.Pipe() // and no StdoutPipe, which is closed at the end of the process, before its last words are read
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = read.Close() })
	l.child = begin(t, map[string]string{podsEnv: string(task)}, func(cmd *exec.Cmd) {
		cmd.Stdout = write
		if l.stdin, err = cmd.StdinPipe(); err != nil { // closed by the end of either process
			t.Fatal(err)
		}
	}, os.Args[0])
	_ = write.Close() // it is the child's by now
	l.out = bufio.NewReader(read)
	l.hear(t, &l.pods)
	return l
}

// hear reads what the cluster says next.
func (l *podLogs) hear(t *trial, v any) {
	t.Helper()
	line, err := l.out.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, v)
	}
	if err != nil {
		l.child.stop()
		t.Fatalf("the cluster says %q: %v\n%s", line, err, tail(l.child.errors.String()))
	}
}

// end ends the cluster and gives the most streams that were open at once.
func (l *podLogs) end(t *trial) int {
	t.Helper()
	_ = l.stdin.Close() // that is how it learns that it is over
	var over podsOver
	l.hear(t, &over)
	l.child.stop()
	return over.Streams
}

// errors is how many lines there are to be found.
func (l *podLogs) errors() int64 {
	var n int64
	for _, one := range l.truth {
		n += one
	}
	return n
}

// round lets each side do its work once.
func (l *podLogs) round(t *trial, b *bed) {
	t.Helper()
	did := l.look(t)
	l.compareToTruth(t, did)
	l.ours = append(l.ours, did)
	t.Logf("ours %s (%s cpu, %s)", did.Took, did.CPU, megabytes(did.Peak))
	if l.kubectl == "" {
		return
	}
	each, many, label := l.eachPod(t, b), l.atOnce(t, b), l.byLabel(t, b)
	l.each, l.many, l.label = append(l.each, each), append(l.many, many), append(l.label, label)
	t.Logf("kubectl pod after pod: %+v, %d at once: %+v, one for all: %+v", each, logsStreams, many, label)
}

// look lets our side do its work in a process of its own.
func (l *podLogs) look(t *trial) looked {
	t.Helper()
	task, err := json.Marshal(lookTask{Kubeconfig: l.pods.Kubeconfig})
	if err != nil {
		t.Fatal(err)
	}
	var did looked
	out := run(t.Context(), t, ".", environ(map[string]string{lookEnv: string(task)}), os.Args[0])
	if err := json.Unmarshal([]byte(out), &did); err != nil {
		t.Fatalf("our side says %q: %v", out, err)
	}
	return did
}

// compareToTruth fails unless every line was read and every kind of error counted exactly, as one pattern.
func (l *podLogs) compareToTruth(t *trial, did looked) {
	t.Helper()
	found := map[string]int64{}
	for _, p := range did.Found {
		name := p.Text
		for _, kind := range mistakes() {
			if strings.Contains(p.Text, kind) {
				name = kind
			}
		}
		if found[name] > 0 {
			t.Errorf("%s has several patterns, such as %q", name, p.Text)
		}
		found[name] += p.Count
	}
	if diff := cmp.Diff(l.truth, found); diff != "" {
		t.Errorf("written (-), counted (+):\n%s", tail(diff))
	}
	if did.Lines != int64(l.lines) || len(did.Missing) > 0 {
		t.Errorf("%d lines of %d were read; missing: %q", did.Lines, l.lines, did.Missing)
	}
	if t.Failed() {
		t.FailNow() // the speed of a wrong answer is no number
	}
}

// row is the line in the table.
func (l *podLogs) row(b *bed, streams int) row {
	alone, took := median(durations(l.ours, func(d looked) time.Duration { return d.Took })), median(l.bot.took)
	theirs := noKubectl
	if len(l.each) > 0 {
		theirs = fmt.Sprintf("kubectl logs \\| grep, which groups nothing, pod after pod: %s; %d at once: %s", l.said(l.each), logsStreams, l.said(l.many))
	}
	return row{
		ID: "S9", Work: fmt.Sprintf("errors in the logs of %d pods, %s lines", b.pods, humanize.Comma(int64(l.lines))),
		Ours: fmt.Sprintf("%s from the command to the report in Slack, peak %s of the whole bot, at most %d streams, exact (%s lines in %d groups); the look alone %s, %s lines/s",
			seconds(took), megabytes(l.bot.peak), streams, humanize.Comma(l.errors()), len(l.truth), seconds(alone), humanize.Comma(perSecond(l.lines, alone))),
		Theirs: theirs, Goal: "≤ 10 s; ≤ 100 MB; ≤ 20 streams",
		Met: verdict(max(took, alone) <= logsTime && l.bot.peak > 0 && l.bot.peak <= logsBytes && streams <= logsStreams),
	}
}
