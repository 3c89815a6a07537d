package kubetest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"
)

type podName struct{ namespace, name string }

// containerLogs is an element of a Logs object of kwok.
type containerLogs struct {
	Containers       []string `json:"containers"`
	LogsFile         string   `json:"logsFile"`
	PreviousLogsFile string   `json:"previousLogsFile,omitempty"`
}

// logTime is how kubelets write the time of a line: with all nine digits, which time.RFC3339Nano cuts.
const logTime = "2006-01-02T15:04:05.000000000Z07:00"

// logLine is one line that a container has written.
type logLine struct {
	at   time.Time
	text string // without an end of line
}

// writeTimedLogs makes the lines what the container of a pod that runs has said, and returns when the API server tells
// so. What it had said before it was last restarted is told, too; with such lines the container counts as restarted once
// more, without them there is no previous one.
func (c *realCluster) writeTimedLogs(ctx context.Context, pod podName, container string, lines, previous []logLine) error {
	files := containerLogs{Containers: []string{container}}
	var err error
	if files.LogsFile, err = c.writeLogFile(lines); err != nil {
		return err
	}
	if len(previous) > 0 {
		if files.PreviousLogsFile, err = c.writeLogFile(previous); err != nil {
			return err
		}
		if err := c.restarted(ctx, pod, container, previous[len(previous)-1].at); err != nil {
			return fmt.Errorf("restarting %s: %w", pod.name, err)
		}
	}
	if err := c.tellKwok(ctx, pod, files); err != nil {
		return fmt.Errorf("telling kwok of the logs of %s: %w", pod.name, err)
	}
	if err := c.awaitLog(ctx, pod, &corev1.PodLogOptions{Container: container}, lines); err != nil {
		return err
	}
	return c.awaitLog(ctx, pod, &corev1.PodLogOptions{Container: container, Previous: true}, previous)
}

// restarted writes into the status of the pod that the container failed and runs again, which kwok leaves as it is.
func (c *realCluster) restarted(ctx context.Context, pod podName, container string, at time.Time) error {
	return retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		p, err := c.client.CoreV1().Pods(pod.namespace).Get(ctx, pod.name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		i := slices.IndexFunc(p.Status.ContainerStatuses, func(s corev1.ContainerStatus) bool { return s.Name == container })
		if i < 0 {
			return fmt.Errorf("no container %s runs there", container)
		}
		s := &p.Status.ContainerStatuses[i]
		s.RestartCount++
		s.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{
			ExitCode: 1, Reason: "Error", StartedAt: p.CreationTimestamp, FinishedAt: metav1.NewTime(at),
		}
		_, err = c.client.CoreV1().Pods(pod.namespace).UpdateStatus(ctx, p, metav1.UpdateOptions{})
		return err
	})
}

// writeLogFile writes a new file, so that a reader of the old one sees no mixture, in the format of container runtimes
// ("CRI logging format"): time, stream, F for a full line, text.
func (c *realCluster) writeLogFile(lines []logLine) (path string, err error) {
	f, err := os.CreateTemp(c.home.Path(podLogsDir), "*.log")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriter(f)
	for _, line := range lines {
		fmt.Fprintf(w, "%s stdout F %s\n", line.at.UTC().Format(logTime), line.text)
	}
	return f.Name(), w.Flush()
}

// tellKwok names the files in the Logs object of the pod, which has to name those of its other containers again.
func (c *realCluster) tellKwok(ctx context.Context, pod podName, files containerLogs) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := slices.DeleteFunc(slices.Clone(c.logs[pod]), func(l containerLogs) bool { return l.Containers[0] == files.Containers[0] })
	all = append(all, files)
	object, err := json.Marshal(map[string]any{
		"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "Logs",
		"metadata": map[string]string{"name": pod.name, "namespace": pod.namespace},
		"spec":     map[string]any{"logs": all},
	})
	if err != nil {
		return err
	}
	err = c.client.RESTClient().Patch(types.ApplyYAMLPatchType).
		AbsPath("/apis/kwok.x-k8s.io/v1alpha1/namespaces", pod.namespace, "logs", pod.name).
		Param("fieldManager", "kubetest").Param("force", "true").Body(object).Do(ctx).Error()
	if err == nil {
		c.logs[pod] = all
	}
	return err
}

// awaitLog waits until kwok has learned of the object: until the log ends as it should.
func (c *realCluster) awaitLog(ctx context.Context, pod podName, options *corev1.PodLogOptions, lines []logLine) error {
	if len(lines) == 0 {
		return nil
	}
	options.Timestamps, options.TailLines = true, new(int64(1))
	ctx, cancel := context.WithTimeout(ctx, realStartTimeout)
	defer cancel()
	last := lines[len(lines)-1]
	want := last.at.UTC().Format(logTime) + " " + last.text + "\n"
	return c.await(ctx, "the log of "+pod.name+" cannot be read", func(ctx context.Context) error {
		stream, err := c.client.CoreV1().Pods(pod.namespace).GetLogs(pod.name, options).Stream(ctx)
		if err != nil {
			return err
		}
		defer stream.Close()
		got, err := io.ReadAll(stream)
		if err == nil && string(got) != want {
			err = fmt.Errorf("it ends with %.200q", got)
		}
		return err
	})
}
