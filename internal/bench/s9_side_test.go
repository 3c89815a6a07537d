//go:build bench

package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/cluster"
	"github.com/integritybot/integritybot/internal/look"
	"github.com/integritybot/integritybot/internal/target/kube"
)

const (
	// podsEnv makes this test binary a cluster with pods that have written; it holds a podsTask. lookEnv makes it our side
	// of S9; it holds a lookTask. See TestMain.
	podsEnv = "BENCH_PODS"
	lookEnv = "BENCH_LOOK"
	// namespace and deployment are whose logs are read, as the example config has it.
	namespace  = "production"
	deployment = "ecommerce-backend"
	// lookWithin is how long the product lets one look take (internal/app).
	lookWithin = 2 * time.Minute
)

// podsTask says what cluster is wanted.
type podsTask struct {
	Pods, Lines int
	Dir         string // for its kubeconfig
}

// podsReady is what the cluster says when it listens, and podsOver when it has ended.
type (
	podsReady struct {
		Kubeconfig string
		Pods       []string
	}
	podsOver struct {
		Streams int // the most that were open at once
	}
)

// podsMain is a Kubernetes API as a process of its own, so that its work is nobody's in particular. It ends with its
// standard input.
func podsMain() int {
	var task podsTask
	err := json.Unmarshal([]byte(os.Getenv(podsEnv)), &task)
	if err == nil {
		err = task.serve(context.Background())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func (task podsTask) serve(ctx context.Context) (err error) {
	c, err := cluster.New(cluster.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	if err := c.Listen(ctx, "127.0.0.1:0"); err != nil {
		return err
	}
	ready := podsReady{}
	if ready.Pods, err = task.deploy(c, time.Now().Add(-written)); err != nil {
		return err
	}
	if ready.Kubeconfig, err = c.KubeconfigFile(task.Dir, c.Token(cluster.Admin)); err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	if err := out.Encode(ready); err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, os.Stdin) // however it ends, it has ended
	_, most := c.LogStreams()
	return out.Encode(podsOver{most})
}

// deploy makes the pods as of when they began, and gives them their logs. A line is made once and shared, so that
// serving it costs as little as may be.
func (task podsTask) deploy(c *cluster.Cluster, began time.Time) ([]string, error) {
	if err := c.AddNamespace(namespace); err != nil {
		return nil, err
	}
	d := cluster.NewDeployment(namespace, deployment, deployment+":1.0.0", int32(task.Pods))
	if err := c.As("kubectl-create", began.Add(-time.Second)).Create(d); err != nil {
		return nil, err
	}
	pods := c.Pods(namespace, deployment)
	if len(pods) != task.Pods {
		return nil, fmt.Errorf("there are %d pods, not %d", len(pods), task.Pods)
	}
	lines := make([][]byte, texts)
	for n := range lines {
		text, _ := spoken(n)
		lines[n] = []byte(text)
	}
	step := written / time.Duration(task.Lines)
	for p, name := range pods {
		c.SetLog(namespace, name, deployment, cluster.Generated{Count: task.Lines, Make: func(i int) (time.Time, []byte) {
			return began.Add(time.Duration(i) * step), lines[spokenBy(p, i)]
		}})
	}
	return pods, nil
}

// lookTask is what our side has to do.
type lookTask struct {
	Kubeconfig string
}

// looked is what our side says when it is done.
type looked struct {
	Took, CPU time.Duration
	Peak      int64 // bytes of resident memory; 0: the system does not say
	Lines     int64 // read
	Found     []pattern
	Missing   []string
}

// pattern is one kind of line that was found.
type pattern struct {
	Text  string
	Count int64
}

// lookMain looks once, as the worker does, and says how it went.
func lookMain() int {
	var task lookTask
	did := looked{}
	err := json.Unmarshal([]byte(os.Getenv(lookEnv)), &task)
	if err == nil {
		did, err = task.look(context.Background())
	}
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(did)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func (task lookTask) look(ctx context.Context) (looked, error) {
	ctx, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	began := time.Now()
	target, err := kube.Open(kube.Options{
		Name: "cluster", Kubeconfig: task.Kubeconfig, Namespace: namespace, Deployments: []string{deployment},
		Logs: kube.LogOptions{Errors: "(?i)" + errorWords},
	})
	if err != nil {
		return looked{}, err
	}
	defer target.Close()
	report, err := kube.Logs([]*kube.Target{target}, false).Look(ctx, look.Question{Since: asked, At: time.Now()}, func(check.Progress) {})
	if err != nil {
		return looked{}, err
	}
	did := looked{Took: time.Since(began), CPU: cpuTime(), Missing: report.Missing}
	for _, f := range report.Facts {
		did.Lines = f.Of
		did.Found = append(did.Found, pattern{f.Subject, f.Count})
	}
	did.Peak = memory(os.Getpid(), "VmHWM") // ru_maxrss would start with what the parent had
	return did, nil
}
