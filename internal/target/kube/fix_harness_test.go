package kube

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/kubetest"
)

// arena is a namespace with writers in it, and a bot that may change them.
type arena struct {
	t       *testing.T
	c       *kubetest.Cluster
	ns      string
	target  *Target
	applier fix.Applier
	words   Declaration
	planner fix.Planner
	repair  Fix
	last    int64                 // plan
	did     map[int64]fix.Outcome // by plan
}

// writersYAML declares two writers.
const writersYAML = `{deployments: [{name: backend, read_only: {env: READ_ONLY_MODE, on: "true"}}, {name: worker}], settle: 20s}`

const writersFixYAML = `{mode: read-only, modes: [scale, resume], watch: 300ms}`

// kubePeers runs a scenario on each peer of Kubernetes.
func kubePeers(t *testing.T, scenario func(t *testing.T, c *kubetest.Cluster)) {
	t.Helper()
	for _, peer := range kubetest.Peers(t) {
		t.Run(string(peer), func(t *testing.T) {
			t.Parallel()
			scenario(t, kubetest.Start(t, kubetest.Options{Peer: peer}))
		})
	}
}

// rulesOf are the rights that a manifest in deploy grants by its roles, without
// those that are withheld ("patch deployments").
func rulesOf(t testing.TB, ns, file string, withheld ...string) (rules []kubetest.Rule) {
	t.Helper()
	f, err := os.Open("../../../deploy/kubernetes/" + file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for docs := yaml.NewDecoder(f); ; {
		var role struct {
			Rules []struct {
				APIGroups []string `yaml:"apiGroups"`
				Resources []string `yaml:"resources"`
				Verbs     []string `yaml:"verbs"`
			}
		}
		if err := docs.Decode(&role); errors.Is(err, io.EOF) {
			return rules
		} else if err != nil {
			t.Fatal(err)
		}
		for _, r := range role.Rules {
			for _, verb := range r.Verbs {
				for _, resource := range r.Resources {
					if !slices.Contains(withheld, verb+" "+resource) {
						rules = append(rules, kubetest.Rule{Verbs: []string{verb}, Groups: r.APIGroups, Resources: []string{resource}, Namespaces: []string{ns}})
					}
				}
			}
		}
	}
}

// newArena makes a namespace whose users have their roles.
func newArena(t *testing.T, c *kubetest.Cluster, withheld ...string) *arena {
	t.Helper()
	a := &arena{t: t, c: c, ns: c.Namespace(t), last: 76, did: map[int64]fix.Outcome{}}
	c.Grant(t, kubetest.ReaderUser, rulesOf(t, a.ns, "reader-role.yaml", withheld...)...)
	c.Grant(t, kubetest.ReaderUser, rulesOf(t, a.ns, "restore-role.yaml", withheld...)...)
	c.Grant(t, kubetest.WriterUser, rulesOf(t, a.ns, "writer-role.yaml", withheld...)...)
	a.as("store-1")
	return a
}

// writersArena has backend with 3 pods and worker with 2.
func writersArena(t *testing.T, c *kubetest.Cluster, withheld ...string) *arena {
	t.Helper()
	a := newArena(t, c, withheld...)
	a.deploy("backend", 3)
	a.deploy("worker", 2)
	a.declare("writers", writersYAML, writersFixYAML)
	a.ready("backend", 3)
	a.ready("worker", 2)
	return a
}

// as opens the bot anew, as another process, or another bot.
func (a *arena) as(store string, change ...func(*Options)) {
	a.t.Helper()
	o := Options{
		Name: "cluster", Place: "production", Namespace: a.ns, Writes: true, Store: store, Timeout: 10 * time.Second,
		Kubeconfig: kubeconfig(a.t, a.c.Kubeconfig(kubetest.ReaderUser)), WriteKubeconfig: kubeconfig(a.t, a.c.Kubeconfig(kubetest.WriterUser)),
	}
	for _, f := range change {
		f(&o)
	}
	target, err := Open(o)
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(target.Close)
	if a.c.Fake() != nil {
		target.between = 150 * time.Millisecond // its controllers are quick
	}
	a.target, a.applier = target, target.Applier()
	if a.words != nil {
		a.planner = a.repair.Planner(target, checkOf())
	}
}

// declare reads a check and its fix as the config does.
func (a *arena) declare(kind, words, repair string) {
	a.t.Helper()
	d, err := Declare(kind, node(a.t, words))
	if err != nil {
		a.t.Fatal(err)
	}
	f, err := DeclareFix(kind, d, node(a.t, repair))
	if err != nil {
		a.t.Fatal(err)
	}
	a.words, a.repair = d, f
	a.planner = f.Planner(a.target, checkOf())
}

func checkOf() check.Check {
	return check.Check{Name: "writers", Title: "Writers", Domain: "writes", Target: "cluster", Place: "production"}
}

func node(t testing.TB, text string) *yaml.Node {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Load([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	return doc.Content[0]
}

// deploy makes a deployment with one container, as somebody with kubectl would.
func (a *arena) deploy(name string, replicas int32, change ...func(*appsv1.Deployment)) {
	a.t.Helper()
	labels := map[string]string{"app": name}
	d := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{Containers: []corev1.Container{{
					Name: "app", Image: "example.org/" + name + ":1.8.3",
					Env: []corev1.EnvVar{{Name: "FIRST", Value: "1"}, {Name: "LAST", Value: "9"}},
				}}},
			},
		},
	}
	for _, f := range change {
		f(d)
	}
	if _, err := a.c.Admin().AppsV1().Deployments(a.ns).Create(a.t.Context(), d, metav1.CreateOptions{FieldManager: "kubectl-create"}); err != nil {
		a.t.Fatal(err)
	}
}

func (a *arena) get(name string) *appsv1.Deployment {
	a.t.Helper()
	d, err := a.c.Admin().AppsV1().Deployments(a.ns).Get(a.t.Context(), name, metav1.GetOptions{})
	if err != nil {
		a.t.Fatal(err)
	}
	return d
}

// update changes a deployment as a client would, again and again until it was not
// too late.
func (a *arena) update(name, manager string, change func(*appsv1.Deployment)) {
	a.t.Helper()
	a.until("deployment "+name+" is changed", func() bool {
		d := a.get(name)
		change(d)
		_, err := a.c.Admin().AppsV1().Deployments(a.ns).Update(a.t.Context(), d, metav1.UpdateOptions{FieldManager: manager})
		return err == nil
	})
}

// scale sets the number of pods as kubectl scale does.
func (a *arena) scale(name, manager string, replicas int32) {
	a.t.Helper()
	a.until("deployment "+name+" is scaled", func() bool {
		deployments := a.c.Admin().AppsV1().Deployments(a.ns)
		s, err := deployments.GetScale(a.t.Context(), name, metav1.GetOptions{})
		if err != nil {
			a.t.Fatal(err)
		}
		s.Spec.Replicas = replicas
		_, err = deployments.UpdateScale(a.t.Context(), name, s, metav1.UpdateOptions{FieldManager: manager})
		return err == nil
	})
}

func (a *arena) pods(name string) []corev1.Pod {
	a.t.Helper()
	list, err := a.c.Admin().CoreV1().Pods(a.ns).List(a.t.Context(), metav1.ListOptions{LabelSelector: "app=" + name})
	if err != nil {
		a.t.Fatal(err)
	}
	return list.Items
}

// ready waits until a deployment has so many pods and nothing more to do.
func (a *arena) ready(name string, replicas int32) {
	a.t.Helper()
	a.until(name+" is ready", func() bool {
		d := a.get(name)
		return d.Status.ObservedGeneration >= d.Generation && d.Status.AvailableReplicas == replicas && d.Status.Replicas == replicas && len(a.pods(name)) == int(replicas)
	})
}

func (a *arena) until(what string, done func() bool) {
	a.t.Helper()
	until(a.t, what, done)
}

// planned is a plan as the store has it.
type planned struct {
	fix.Plan
	forms   []fix.Form
	batches []fix.Batch
}

// draft works a plan out. Its content goes through JSON, as it does in the store.
func (a *arena) draft(o fix.Order) (planned, error) {
	a.t.Helper()
	a.last++
	o.ID, o.Check, o.Domain = a.last, "writers", "writes"
	d, err := a.planner.Draft(a.t.Context(), o, a.repair.Rules().Caps, nil)
	return a.frozen(o, d), err
}

func (a *arena) frozen(o fix.Order, d fix.Draft) planned {
	a.t.Helper()
	p := planned{Plan: fix.Plan{Order: o, Draft: d, DecidedAt: a.target.opts.Now()}}
	for from, into := range map[any]any{&d.Content.Forms: &p.forms} {
		through(a.t, from, into)
	}
	batches := d.Content.Batches()
	through(a.t, &batches, &p.batches)
	return p
}

func through(t testing.TB, from, into any) {
	t.Helper()
	body, err := json.Marshal(from)
	if err == nil {
		err = json.Unmarshal(body, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// plan is a draft that has to come about.
func (a *arena) plan(mode string, selected ...string) planned {
	a.t.Helper()
	p, err := a.draft(fix.Order{Mode: mode, Select: selected})
	if err != nil {
		a.t.Fatal(err)
	}
	if len(p.batches) == 0 {
		a.t.Fatalf("the plan has nothing to do: %+v", p.Draft.Left)
	}
	return p
}

// inverse is the plan that takes another one back.
func (a *arena) inverse(p planned) (planned, error) {
	a.t.Helper()
	a.last++
	o := fix.Order{ID: a.last, Check: "writers", Domain: "writes", Undoes: p.ID}
	d, err := a.applier.Inverse(a.t.Context(), o, p.Plan, p.forms)
	return a.frozen(o, d), err
}

// apply carries a plan out as the worker does, without its last watch.
func (a *arena) apply(p planned) fix.Outcome {
	a.t.Helper()
	if err := a.applier.Ready(a.t.Context()); err != nil {
		a.t.Fatal(err)
	}
	results, err := a.batches(p)
	if err != nil {
		a.t.Fatal(err)
	}
	a.did[p.ID] = fix.Sum(p.Draft, p.forms, p.batches, results)
	return a.did[p.ID]
}

func (a *arena) batches(p planned) (results []fix.Result, err error) {
	a.t.Helper()
	for _, b := range p.batches {
		if why, err := a.patient().Busy(a.t.Context(), p.Plan, p.forms, &b); why != "" || err != nil {
			a.t.Fatalf("before batch %d: %q, %v", b.N, why, err)
		}
		r, err := a.applier.Apply(a.t.Context(), p.Plan, p.forms, b, 1, nil)
		if err != nil {
			return results, err
		}
		results = append(results, r)
	}
	return results, nil
}

func (a *arena) patient() fix.Patient {
	a.t.Helper()
	p, ok := a.applier.(fix.Patient)
	if !ok {
		a.t.Fatal("the applier does not watch")
	}
	return p
}

// busy asks once, as the worker does after the last batch.
func (a *arena) busy(p planned) (string, error) {
	a.t.Helper()
	p.Outcome = a.did[p.ID]
	return a.patient().Busy(a.t.Context(), p.Plan, p.forms, nil)
}

// watch asks as the worker does after the last batch, until it is over. said are
// the different things that it waited for.
func (a *arena) watch(p planned) (said []string, err error) {
	a.t.Helper()
	for end := time.Now().Add(90 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		why, err := a.busy(p)
		if err != nil || why == "" {
			return said, err
		}
		said = append(said, why)
	}
	a.t.Fatalf("it is watched for ever: %q", said)
	return nil, nil
}

// done carries a plan out to its end, which has to be good.
func (a *arena) done(p planned) fix.Outcome {
	a.t.Helper()
	o := a.apply(p)
	if _, err := a.watch(p); err != nil {
		a.t.Fatalf("%s: %v", p.Draft.Does, err)
	}
	return o
}

// halted is why a plan was ended while it was watched.
func (a *arena) halted(p planned) string {
	a.t.Helper()
	said, err := a.watch(p)
	var halt *fix.Halt
	if !errors.As(err, &halt) {
		a.t.Fatalf("it was not ended (%v) after %q", err, said)
	}
	return halt.Sentence
}

// checked runs the check.
func (a *arena) checked() check.Finding {
	a.t.Helper()
	c := checkOf()
	c.Detector = a.words.Detector(a.target)
	found, err := check.Execute(a.t.Context(), check.Execution{
		Order: check.Order{Options: check.Options{Overview: true}}, Checks: []check.Check{c}, Journal: noJournal{}, Now: time.Now,
	})
	if err != nil || len(found) != 1 {
		a.t.Fatalf("the check gave %v, %v", found, err)
	}
	return found[0]
}

// noJournal keeps nothing.
type noJournal struct{}

func (noJournal) Resume(context.Context, string) (check.State, error)         { return check.State{}, nil }
func (noJournal) Save(context.Context, string, check.State, [][]string) error { return nil }
func (noJournal) Progress(string, check.Progress)                             {}

// contains looks for parts of a text.
func contains(t testing.TB, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q does not say %q", text, part)
		}
	}
}
