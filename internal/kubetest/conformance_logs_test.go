package kubetest

import (
	"bufio"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// log reads one of the first pod of a deployment.
func (w *world) log(pod string, o corev1.PodLogOptions) string {
	w.t.Helper()
	b, err := w.admin.CoreV1().Pods(w.namespace).GetLogs(pod, &o).DoRaw(w.ctx)
	w.must(err)
	return string(b)
}

func TestLogs(t *testing.T) {
	onEveryPeer(t, func(t *testing.T, w *world) {
		w.deploy("orders", 2)
		pods := w.pods("orders")
		pod := pods[0].Name
		w.equal("of a container that has said nothing", "", w.log(pod, corev1.PodLogOptions{}))

		at := time.Now().Add(-time.Hour).UTC().Truncate(time.Second).Add(123 * time.Millisecond)
		long := strings.Repeat("x", 1<<20)
		lines := []Line{{at, "one"}, {at.Add(10 * time.Minute), ""}, {at.Add(20 * time.Minute), "three: 4 ✓"}, {at.Add(30 * time.Minute), long}}
		w.WriteTimedLogs(t, w.namespace, pod, "orders", lines, []Line{{at.Add(-time.Hour), "panic: before"}})
		all := "one\n\nthree: 4 ✓\n" + long + "\n"
		since := func(d time.Duration) *metav1.Time { return &metav1.Time{Time: at.Add(d)} }
		seconds := func(d time.Duration) *int64 { n := int64(time.Since(at.Add(d)).Seconds()); return &n }
		number := func(n int64) *int64 { return &n }
		for name, row := range map[string]struct {
			options corev1.PodLogOptions
			want    string
		}{
			"all":                   {corev1.PodLogOptions{}, all},
			"of a named container":  {corev1.PodLogOptions{Container: "orders"}, all},
			"the tail":              {corev1.PodLogOptions{TailLines: number(1)}, long + "\n"},
			"no tail":               {corev1.PodLogOptions{TailLines: number(0)}, ""},
			"a longer tail":         {corev1.PodLogOptions{TailLines: number(9)}, all},
			"since a time":          {corev1.PodLogOptions{SinceTime: since(15 * time.Minute)}, "three: 4 ✓\n" + long + "\n"},
			"since a line":          {corev1.PodLogOptions{SinceTime: since(20 * time.Minute)}, "three: 4 ✓\n" + long + "\n"},
			"since seconds":         {corev1.PodLogOptions{SinceSeconds: seconds(25 * time.Minute)}, long + "\n"},
			"since, and the tail":   {corev1.PodLogOptions{SinceTime: since(5 * time.Minute), TailLines: number(3)}, "\nthree: 4 ✓\n" + long + "\n"},
			"since the future":      {corev1.PodLogOptions{SinceTime: since(10 * time.Hour)}, ""},
			"a few bytes":           {corev1.PodLogOptions{LimitBytes: number(8)}, "one\n\nthr"},
			"with times":            {corev1.PodLogOptions{Timestamps: true, LimitBytes: number(35)}, at.Format("2006-01-02T15:04:05.000000000Z07:00") + " one\n"},
			"of the one before":     {corev1.PodLogOptions{Previous: true}, "panic: before\n"},
			"the tail of the same":  {corev1.PodLogOptions{Previous: true, TailLines: number(1)}, "panic: before\n"},
			"the same since a time": {corev1.PodLogOptions{Previous: true, SinceTime: since(0)}, ""},
		} {
			if got := w.log(pod, row.options); got != row.want {
				t.Errorf("%s: got %d bytes %.60q, want %d bytes %.60q", name, len(got), got, len(row.want), row.want)
			}
		}
		w.logsThatCannotBeRead(pod, pods[1].Name)
	})
}

func (w *world) logsThatCannotBeRead(pod, other string) {
	w.t.Helper()
	zero := int64(0)
	refuse := func(name string, o corev1.PodLogOptions, code int32, reason metav1.StatusReason, message string) {
		w.t.Helper()
		_, err := w.admin.CoreV1().Pods(w.namespace).GetLogs(name, &o).Stream(w.ctx) // DoRaw keeps the message back
		w.refused(err, code, reason, message)
	}
	refuse("nothing", corev1.PodLogOptions{}, 404, metav1.StatusReasonNotFound, `pods "nothing" not found`)
	refuse(pod, corev1.PodLogOptions{Container: "sidecar"}, 400, metav1.StatusReasonBadRequest, "container sidecar is not valid for pod "+pod)
	refuse(other, corev1.PodLogOptions{Previous: true}, 400, metav1.StatusReasonBadRequest, "")
	refuse(pod, corev1.PodLogOptions{LimitBytes: &zero}, 422, metav1.StatusReasonInvalid, "")
	refuse(pod, corev1.PodLogOptions{SinceSeconds: &zero}, 422, metav1.StatusReasonInvalid, "")
}

func TestAPodWithSeveralContainersAsksForOne(t *testing.T) {
	onEveryPeer(t, func(t *testing.T, w *world) {
		two := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "two"}, Spec: corev1.PodSpec{
			Containers: []corev1.Container{{Name: "app", Image: "shop:1"}, {Name: "sidecar", Image: "proxy:1"}},
		}}
		_, err := w.admin.CoreV1().Pods(w.namespace).Create(w.ctx, two, metav1.CreateOptions{})
		w.must(err)
		w.await("it runs", func() error {
			p, err := w.admin.CoreV1().Pods(w.namespace).Get(w.ctx, "two", metav1.GetOptions{})
			w.must(err)
			if p.Status.Phase != corev1.PodRunning {
				return errNotYet
			}
			return nil
		})
		w.WriteLogs(t, w.namespace, "two", "app", []string{"of the app"})
		w.WriteLogs(t, w.namespace, "two", "sidecar", []string{"of the sidecar"})
		w.equal("the app's", "of the app\n", w.log("two", corev1.PodLogOptions{Container: "app"}))
		w.equal("the sidecar's", "of the sidecar\n", w.log("two", corev1.PodLogOptions{Container: "sidecar"}))
		_, err = w.admin.CoreV1().Pods(w.namespace).GetLogs("two", &corev1.PodLogOptions{}).Stream(w.ctx)
		w.refused(err, 400, metav1.StatusReasonBadRequest, "a container name must be specified for pod two, choose one of: [app sidecar]")
	})
}

// A log that is followed goes on until the client stops.
func TestLogsAreFollowed(t *testing.T) {
	onEveryPeer(t, func(t *testing.T, w *world) {
		w.deploy("orders", 1)
		pod := w.pods("orders")[0].Name
		w.WriteLogs(t, w.namespace, pod, "orders", []string{"first", "second"})
		ctx, cancel := context.WithCancel(w.ctx)
		stream, err := w.admin.CoreV1().Pods(w.namespace).GetLogs(pod, &corev1.PodLogOptions{Follow: true}).Stream(ctx)
		w.must(err)
		r := bufio.NewReader(stream)
		for _, want := range []string{"first\n", "second\n"} {
			line, err := r.ReadString('\n')
			w.must(err)
			w.equal("line", want, line)
		}
		if !w.Real() { // kwok follows a file; the lines of a new one are not those of the old
			w.Fake().AppendLog(w.namespace, pod, "orders", time.Now(), "third")
			line, err := r.ReadString('\n')
			w.must(err)
			w.equal("line", "third\n", line)
		}
		cancel()
		if _, err := io.ReadAll(r); err == nil {
			t.Error("a stream that was given up ended as if the log had")
		}
		_ = stream.Close() // it was given up
	})
}
