package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/integritybot/integritybot/internal/cluster"
	"github.com/integritybot/integritybot/internal/shop"
)

// demoCluster is the demo's Kubernetes: the shop's backend with its history and its
// logs as the story has them.
type demoCluster struct {
	cluster *cluster.Cluster
	dir     string // with the kubeconfig
}

// openDemoCluster starts one. Pods take a few seconds to start and to stop, as they
// do, so that there is something to watch.
func openDemoCluster(ctx context.Context, story shop.Story) (*demoCluster, error) {
	c, err := cluster.New(cluster.Options{Delays: cluster.Delays{PodStart: 2 * time.Second, PodStop: time.Second, Autoscaler: 15 * time.Second}})
	if err != nil {
		return nil, err
	}
	d := &demoCluster{cluster: c}
	if err := errors.Join(d.plant(ctx, story), c.Listen(ctx, "127.0.0.1:0")); err != nil {
		return nil, errors.Join(err, d.close())
	}
	if d.dir, err = os.MkdirTemp("", "integritybot-demo-"); err != nil {
		return nil, errors.Join(err, d.close())
	}
	return d, nil
}

// plant lets what the story tells have happened.
func (d *demoCluster) plant(ctx context.Context, story shop.Story) error {
	c, now := d.cluster, d.cluster.Now()
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	const day = 24 * time.Hour
	if err := c.Seed(cluster.World{Made: ago(90 * day), Former: ago(30 * day), Current: ago(12 * day)}); err != nil {
		return err
	}
	type act struct {
		ago time.Duration
		do  func() error
	}
	var acts []act
	for _, r := range story.Rollouts {
		acts = append(acts, act{r.Ago, func() error {
			who := c.As("argocd-controller", ago(r.Ago))
			if r.Image != "" {
				return who.SetImage(cluster.Namespace, cluster.Backend, cluster.Backend, r.Image)
			}
			return c.As("kubectl-set", ago(r.Ago)).SetEnv(cluster.Namespace, cluster.Backend, cluster.Backend, r.Name, r.Value)
		}})
	}
	for _, e := range story.Edits {
		acts = append(acts, act{e.Ago, func() error {
			return c.As(e.By, ago(e.Ago)).ConfigMap(cluster.Namespace, cluster.Config, func(m *corev1.ConfigMap) { m.Data[e.Key] = e.Value })
		}})
	}
	sort.SliceStable(acts, func(i, j int) bool { return acts[i].ago > acts[j].ago })
	for _, a := range acts {
		if err := a.do(); err != nil {
			return err
		}
	}
	if err := c.Settle(ctx); err != nil {
		return err
	}
	c.Jobs(restores)
	d.log(story)
	return nil
}

// restores is what the demo's restore does: it takes a while, says how far it is and
// ends well.
func restores(cluster.JobStart) cluster.JobRun {
	return cluster.JobRun{Duration: 8 * time.Second, Lines: []string{
		"INFO restore: reading the backup", "INFO restore: 9 tables, 40 % done", "INFO restore: done, 0 errors",
	}}
}

// log writes what the pods logged: their daily work, and between it the story's
// errors, each pod its share.
func (d *demoCluster) log(story shop.Story) {
	now := d.cluster.Now()
	pods := d.cluster.Pods(cluster.Namespace, cluster.Backend)
	for n, pod := range pods {
		var all []logged
		for i := range 1000 {
			all = append(all, logged{now.Add(-time.Duration(1000-i)*12*time.Second - time.Duration(n)*time.Second), fmt.Sprintf("INFO OrderService order o%d placed in %d ms", 100000+i*7, 8+i%40)})
		}
		for _, e := range story.Errors {
			for i := n; i < e.Times; i += len(pods) {
				at := now.Add(-e.From + time.Duration(float64(i)/float64(e.Times)*float64(e.From-e.To)))
				all = append(all, logged{at, strings.ReplaceAll(e.Line, "#", strconv.Itoa(100000+i*13))})
			}
		}
		sort.SliceStable(all, func(i, j int) bool { return all[i].at.Before(all[j].at) })
		for _, l := range all {
			d.cluster.AppendLog(cluster.Namespace, pod, cluster.Backend, l.at, l.line)
		}
	}
}

type logged struct {
	at   time.Time
	line string
}

// environment adds what the config needs: one kubeconfig of somebody who reads, and
// one of somebody who writes.
func (d *demoCluster) environment(env map[string]string) error {
	c := d.cluster
	err := errors.Join(c.Grant(cluster.Reader, demoReading()...), c.Grant(cluster.Writer, append(demoReading(), demoWriting()...)...))
	if err != nil {
		return err
	}
	if env["KUBECONFIG"], err = c.KubeconfigFile(d.dir, c.Token(cluster.Reader)); err != nil {
		return err
	}
	writes, err := os.MkdirTemp(d.dir, "writer-")
	if err != nil {
		return err
	}
	env["KUBERNETES_WRITE_KUBECONFIG"], err = c.KubeconfigFile(writes, c.Token(cluster.Writer))
	env["KUBERNETES_WRITES"] = "on"
	return err
}

// demoReading is what deploy/kubernetes/reader-role.yaml and restore-role.yaml grant,
// but for secrets: the demo asks for no more than they say.
func demoReading() []cluster.Rule {
	return inDemo(
		cluster.Rule{Verbs: []string{"get"}, Groups: []string{""}, Resources: []string{"namespaces"}},
		cluster.Rule{Verbs: []string{"get", "list"}, Groups: []string{""}, Resources: []string{"pods"}},
		cluster.Rule{Verbs: []string{"get"}, Groups: []string{""}, Resources: []string{"pods/log"}},
		cluster.Rule{Verbs: []string{"list"}, Groups: []string{""}, Resources: []string{"events"}},
		cluster.Rule{Verbs: []string{"get"}, Groups: []string{""}, Resources: []string{"configmaps"}},
		cluster.Rule{Verbs: []string{"get", "list"}, Groups: []string{"apps"}, Resources: []string{"deployments"}},
		cluster.Rule{Verbs: []string{"list"}, Groups: []string{"apps"}, Resources: []string{"replicasets"}},
		cluster.Rule{Verbs: []string{"list"}, Groups: []string{"autoscaling"}, Resources: []string{"horizontalpodautoscalers"}},
		cluster.Rule{Verbs: []string{"get", "list"}, Groups: []string{"batch"}, Resources: []string{"jobs"}},
		cluster.Rule{Verbs: []string{"get"}, Groups: []string{"batch"}, Resources: []string{"cronjobs"}},
	)
}

// demoWriting is what deploy/kubernetes/writer-role.yaml grants beside that.
func demoWriting() []cluster.Rule {
	return inDemo(
		cluster.Rule{Verbs: []string{"patch"}, Groups: []string{"apps"}, Resources: []string{"deployments"}},
		cluster.Rule{Verbs: []string{"update"}, Groups: []string{"apps"}, Resources: []string{"deployments/scale"}},
		cluster.Rule{Verbs: []string{"create"}, Groups: []string{"batch"}, Resources: []string{"jobs"}},
	)
}

// inDemo are rules of a Role in the demo's namespace.
func inDemo(rules ...cluster.Rule) []cluster.Rule {
	for i := range rules {
		rules[i].Namespaces = []string{cluster.Namespace}
	}
	return rules
}

func (d *demoCluster) close() error {
	err := d.cluster.Close()
	if d.dir != "" {
		err = errors.Join(err, os.RemoveAll(d.dir))
	}
	return err
}
