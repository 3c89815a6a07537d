package kube

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/cluster"
	"github.com/integritybot/integritybot/internal/kubetest"
)

func TestMain(m *testing.M) { kubetest.Main(m) }

// open makes a target of a namespace that is looked at as the reader.
func open(t testing.TB, c *kubetest.Cluster, namespace string, change ...func(*Options)) *Target {
	t.Helper()
	o := Options{Name: "cluster", Place: "production", Kubeconfig: kubeconfig(t, c.Kubeconfig(kubetest.ReaderUser)), Namespace: namespace, Store: "test"}
	for _, f := range change {
		f(&o)
	}
	target, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(target.Close)
	return target
}

// kubeconfig is a file with this content.
func kubeconfig(t testing.TB, content []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// grant lets the reader do what the manifest in deploy grants, except what is
// withheld ("get secrets").
func grant(t testing.TB, c *kubetest.Cluster, namespace string, without ...string) {
	t.Helper()
	f, err := os.Open("../../../deploy/kubernetes/reader-role.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	withheld := map[string]bool{}
	for _, w := range without {
		withheld[w] = true
	}
	for docs := yaml.NewDecoder(f); ; {
		var role struct {
			Rules []struct {
				APIGroups     []string `yaml:"apiGroups"`
				Resources     []string `yaml:"resources"`
				ResourceNames []string `yaml:"resourceNames"`
				Verbs         []string `yaml:"verbs"`
			}
		}
		if err := docs.Decode(&role); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
		for _, r := range role.Rules {
			for _, resource := range r.Resources {
				for _, verb := range r.Verbs {
					if !withheld[verb+" "+resource] {
						c.Grant(t, kubetest.ReaderUser, kubetest.Rule{Verbs: []string{verb}, Groups: r.APIGroups, Resources: []string{resource}, Names: r.ResourceNames, Namespaces: []string{namespace}})
					}
				}
			}
		}
	}
}

// deploy makes a deployment and waits for its pods, which it names.
func deploy(t testing.TB, c *kubetest.Cluster, namespace, name string, replicas int32) []string {
	t.Helper()
	d := cluster.NewDeployment(namespace, name, name+":1.8.3", replicas)
	if _, err := c.Admin().AppsV1().Deployments(namespace).Create(t.Context(), d, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	return running(t, c, d)
}

// running waits until all pods of a deployment run, and names them.
func running(t testing.TB, c *kubetest.Cluster, d *appsv1.Deployment) []string {
	t.Helper()
	var names []string
	until(t, "the pods of "+d.Name, func() bool {
		list, err := c.Admin().CoreV1().Pods(d.Namespace).List(t.Context(), metav1.ListOptions{LabelSelector: metav1.FormatLabelSelector(d.Spec.Selector)})
		if err != nil {
			t.Fatal(err)
		}
		names = nil
		for i := range list.Items {
			if list.Items[i].Status.Phase == corev1.PodRunning {
				names = append(names, list.Items[i].Name)
			}
		}
		return len(names) == int(*d.Spec.Replicas)
	})
	return names
}

// sentence is what people are told.
func sentence(t testing.TB, err error) string {
	t.Helper()
	var p *check.Problem
	if !errors.As(err, &p) {
		t.Fatalf("%v has no sentence for people", err)
	}
	return p.Sentence
}

// until waits for a condition, for as long as a loaded machine may need.
func until(t testing.TB, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if done() {
			return
		}
	}
	t.Fatalf("waited in vain for %s", what)
}

// within is a context that ends.
func within(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func silent(check.Progress) {}
