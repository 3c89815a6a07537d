//go:build bench

package bench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// noKubectl stands in the table where the other side cannot run.
const noKubectl = "kubectl is not installed (`deploy/scripts/setup.sh all`)"

// findKubectl finds the kubectl that deploy/scripts/kube.sh built, or else the machine's own; "" without either.
func findKubectl(t *trial) string {
	t.Helper()
	dir := strings.TrimSpace(run(t.Context(), t, "", nil, filepath.Join(root(), "deploy", "scripts", "kube.sh"), "where"))
	if built := filepath.Join(dir, "kubectl"); executable(built) {
		return built
	}
	found, err := exec.LookPath("kubectl")
	if err != nil {
		return ""
	}
	return found
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0
}

// grepped is how kubectl and grep did.
type grepped struct {
	took, cpu time.Duration
	lines     int64 // that they gave
}

// eachPod asks for the log of one pod after another.
func (l *podLogs) eachPod(t *trial, b *bed) grepped {
	t.Helper()
	return l.shell(t, b, `for pod in $PODS; do "$KUBECTL" logs "$pod" -n "$NAMESPACE" --since="$SINCE" | grep -iE "$PATTERN"; done; true`)
}

// atOnce does the same for 20 pods at once, as many as our side has streams.
func (l *podLogs) atOnce(t *trial, b *bed) grepped {
	t.Helper()
	return l.shell(t, b, fmt.Sprintf(`printf '%%s\n' $PODS | xargs -P %d -I POD sh -c '"$KUBECTL" logs POD -n "$NAMESPACE" --since="$SINCE" | grep -iE "$PATTERN"'; true`, logsStreams))
}

// byLabel asks one kubectl for the logs of all pods.
func (l *podLogs) byLabel(t *trial, b *bed) grepped {
	t.Helper()
	return l.shell(t, b, fmt.Sprintf(`"$KUBECTL" logs -l app=%s -n "$NAMESPACE" --since="$SINCE" --tail=-1 --max-log-requests=%d | grep -iE "$PATTERN"`,
		deployment, len(l.pods.Pods)))
}

// shell runs what somebody would type.
func (l *podLogs) shell(t *trial, b *bed, script string) grepped {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	env := map[string]string{
		"KUBECTL": l.kubectl, "KUBECONFIG": l.pods.Kubeconfig, "NAMESPACE": namespace, "PODS": strings.Join(l.pods.Pods, " "),
		"SINCE": asked.String(), "PATTERN": errorWords, "LANG": "C", "HOME": b.dir, // where kubectl keeps its cache
	}
	out := filepath.Join(b.dir, "grep.out")
	f := watch(ctx, t, env, out, "sh", "-c", script)
	if f.code != 0 || strings.TrimSpace(f.err) != "" {
		t.Fatalf("kubectl and grep ended with %q\n%s", f.how, tail(f.err))
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if l.version == "" {
		said := run(ctx, t, "", environ(env), l.kubectl, "version", "--client")
		l.version = strings.Join(strings.Fields(strings.SplitN(said, "\n", 2)[0]), " ")
	}
	return grepped{f.took, f.cpu, int64(bytes.Count(text, []byte("\n")))}
}

// spent is the processor time of kubectl and grep.
func (l *podLogs) spent(all []grepped) string {
	return seconds(median(durations(all, func(g grepped) time.Duration { return g.cpu })))
}

// said is how long it took, and whether it gave the lines that there are.
func (l *podLogs) said(all []grepped) string {
	took := median(durations(all, func(g grepped) time.Duration { return g.took }))
	words := fmt.Sprintf("%s, %s lines/s", seconds(took), humanize.Comma(perSecond(l.lines, took)))
	want := l.errors()
	for _, g := range all {
		if g.lines != want {
			return words + fmt.Sprintf(", %s lines of %s", humanize.Comma(g.lines), humanize.Comma(want))
		}
	}
	return words + fmt.Sprintf(", the same %s lines", humanize.Comma(want))
}
