package cluster

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func readLog(t testing.TB, c *Cluster, pod string, o corev1.PodLogOptions) string {
	t.Helper()
	b, err := client(t, c, Admin).CoreV1().Pods(Namespace).GetLogs(pod, &o).DoRaw(patience(t))
	must(t, err)
	return string(b)
}

func TestALogIsRotated(t *testing.T) {
	t.Parallel()
	c := seeded(t, Options{LogBytes: 100})
	pod := c.Pods(Namespace, Backend)[0]
	for i := range 30 {
		c.AppendLog(Namespace, pod, Backend, noon.Add(time.Duration(i)*time.Second), fmt.Sprintf("line %04d", i))
	}
	got := strings.Split(strings.TrimSpace(readLog(t, c, pod, corev1.PodLogOptions{})), "\n")
	if len(got) < 5 || len(got) > 11 || got[len(got)-1] != "line 0029" {
		t.Errorf("kept %q", got)
	}
	since := metav1.NewTime(noon.Add(28 * time.Second))
	equal(t, "since a time", "line 0028\nline 0029\n", readLog(t, c, pod, corev1.PodLogOptions{SinceTime: &since}))
	c.RotateLog(Namespace, pod, Backend)
	c.AppendLog(Namespace, pod, Backend, noon.Add(time.Hour), "after")
	equal(t, "after a rotation", "after\n", readLog(t, c, pod, corev1.PodLogOptions{}))
	c.SetLog(Namespace, pod, Backend, Repeated{Start: noon, Step: time.Second, Texts: [][]byte{[]byte("a"), []byte("b")}, Count: 3})
	c.AppendLog(Namespace, pod, Backend, noon.Add(time.Hour), "c")
	equal(t, "given and appended", "a\nb\na\nc\n", readLog(t, c, pod, corev1.PodLogOptions{}))
	two := int64(2)
	equal(t, "its tail", "a\nc\n", readLog(t, c, pod, corev1.PodLogOptions{TailLines: &two}))
}

func TestAFollowerLosesNothingWhenALogIsRotated(t *testing.T) {
	t.Parallel()
	c := seeded(t, Options{LogBytes: 1000})
	pod := c.Pods(Namespace, Backend)[0]
	stream, err := client(t, c, Admin).CoreV1().Pods(Namespace).GetLogs(pod, &corev1.PodLogOptions{Follow: true}).Stream(patience(t))
	must(t, err)
	defer stream.Close()
	if now, _ := c.LogStreams(); now != 1 {
		t.Errorf("%d streams", now)
	}
	for i := range 200 {
		line := fmt.Sprintf("line %04d", i)
		c.AppendLog(Namespace, pod, Backend, noon, line)
		got := make([]byte, len(line)+1)
		if _, err := io.ReadFull(stream, got); err != nil || string(got) != line+"\n" {
			t.Fatalf("got %q, %v", got, err)
		}
	}
	must(t, c.Crash(Namespace, pod, Backend, "OOMKilled", 137))
	if rest, err := io.ReadAll(stream); err != nil || len(rest) > 0 {
		t.Errorf("when the container ended: %q, %v", rest, err)
	}
	if previous := readLog(t, c, pod, corev1.PodLogOptions{Previous: true}); !strings.HasSuffix(previous, "line 0199\n") {
		t.Errorf("the previous log ends with %q", previous)
	}
	p, err := client(t, c, Admin).CoreV1().Pods(Namespace).Get(patience(t), pod, metav1.GetOptions{})
	must(t, err)
	if s := p.Status.ContainerStatuses[0]; s.RestartCount != 1 || s.LastTerminationState.Terminated.Reason != "OOMKilled" || s.LastTerminationState.Terminated.ExitCode != 137 {
		t.Errorf("status %+v", s)
	}
	if err := c.Crash(Namespace, pod, "nothing", "Error", 1); err == nil {
		t.Error("a container that is not there has crashed")
	}
}

// However many lines a hundred pods have, they cost next to nothing until they are read.
func TestManyLines(t *testing.T) {
	c := start(t, Options{})
	must(t, c.AddNamespace(Namespace))
	must(t, c.As("kubectl", noon).Create(NewDeployment(Namespace, "orders", "shop:1", 100)))
	pods := c.Pods(Namespace, "orders")
	if len(pods) != 100 {
		t.Fatalf("%d pods", len(pods))
	}
	texts := make([][]byte, 10)
	for i := range texts {
		texts[i] = fmt.Appendf(nil, `{"level":"error","msg":"order %d could not be saved: deadlock detected","attempt":1}`, i)
	}
	before := memory()
	for _, pod := range pods {
		c.SetLog(Namespace, pod, "orders", Repeated{Start: noon, Step: time.Millisecond, Texts: texts, Count: 2000})
	}
	if grown := memory() - before; grown > 5<<20 {
		t.Errorf("they take %d bytes", grown)
	}
	k := client(t, c, Admin)
	var mu sync.Mutex
	lines := 0
	var wg sync.WaitGroup
	work := make(chan string)
	for range 20 {
		wg.Go(func() {
			for pod := range work {
				stream, err := k.CoreV1().Pods(Namespace).GetLogs(pod, &corev1.PodLogOptions{Timestamps: true}).Stream(patience(t))
				if err != nil {
					t.Error(err)
					continue
				}
				n := count(stream)
				_ = stream.Close() // it was read to its end
				mu.Lock()
				lines += n
				mu.Unlock()
			}
		})
	}
	began := time.Now()
	for _, pod := range pods {
		work <- pod
	}
	close(work)
	wg.Wait()
	t.Logf("read in %v", time.Since(began))
	equal(t, "lines", 200_000, lines)
	if now, most := c.LogStreams(); now != 0 || most > 20 || most < 2 {
		t.Errorf("%d streams are open, %d were at once", now, most)
	}
}

func count(r io.Reader) (lines int) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := r.Read(buffer)
		lines += bytes.Count(buffer[:n], []byte("\n"))
		if err != nil {
			return lines
		}
	}
}

func memory() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
