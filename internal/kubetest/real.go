package kubetest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/integritybot/integritybot/internal/process"
)

const (
	// realStartTimeout is generous: a start takes some seconds, or a minute on a machine that is busy.
	realStartTimeout = 3 * time.Minute
	// realPortAttempts: a port that was free may be taken by another process before a program opens it.
	realPortAttempts = 5
	realPollInterval = 50 * time.Millisecond
	realHomePattern  = "ibkube-*"
)

var errPortTaken = errors.New("another process has taken a port of Kubernetes")

// realCluster is a Kubernetes made of the real programs: etcd, kube-apiserver, kube-controller-manager with the
// controllers of deployments, replica sets, jobs, autoscalers, garbage and namespaces, and kwok, which plays a node:
// what is started there is Running at once, and does nothing. There is no scheduler, see realPlacement.
type realCluster struct {
	home     *process.Home
	ports    realPorts
	keys     *realKeys
	tokens   Tokens
	client   *kubernetes.Clientset // an admin's
	programs []*realProgram

	mu   sync.Mutex
	logs map[podName][]containerLogs // what kwok has been told
}

// realPorts are all that the programs open.
type realPorts struct{ etcd, etcdPeer, api, kubelet process.Port }

// startReal starts the programs in a directory of its own inside of parent ("": where temporary files are cheapest), and
// returns when the node is Ready. Then the context is not needed any more: what ends the programs is Stop, or the end
// of this process.
func startReal(ctx context.Context, parent string) (*realCluster, error) {
	in, err := findReal()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, realStartTimeout)
	defer cancel()
	for attempt := 1; ; attempt++ {
		c, err := tryReal(ctx, in, parent)
		if err == nil {
			return c, nil
		}
		if !errors.Is(err, errPortTaken) || attempt == realPortAttempts {
			return nil, fmt.Errorf("starting Kubernetes: %w", err)
		}
	}
}

func tryReal(ctx context.Context, in realInstall, parent string) (_ *realCluster, err error) {
	c := &realCluster{tokens: newTokens(), logs: map[podName][]containerLogs{}}
	if c.home, err = process.NewHome(cmp.Or(parent, process.MemoryDir()), realHomePattern); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			c.Stop()
		}
	}()
	if err := process.FreePorts(ctx, &c.ports.etcd, &c.ports.etcdPeer, &c.ports.api, &c.ports.kubelet); err != nil {
		return nil, err
	}
	if err := c.furnish(); err != nil {
		return nil, err
	}
	if c.client, err = kubernetes.NewForConfig(c.config()); err != nil {
		return nil, err
	}
	if err := c.run(etcdCommand(in, c), apiServerCommand(in, c)); err != nil {
		return nil, err
	}
	if err := c.await(ctx, "the API server is not ready", c.answers); err != nil {
		return nil, err
	}
	if err := c.settle(ctx, in); err != nil {
		return nil, err
	}
	if err := c.run(controllersCommand(in, c), kwokCommand(in, c)); err != nil {
		return nil, err
	}
	err = c.await(ctx, "the node is not ready", c.nodeReady)
	return c, err
}

// furnish puts into the home what the programs read.
func (c *realCluster) furnish() error {
	keys, err := newRealKeys()
	if err != nil {
		return err
	}
	c.keys = keys
	for name, content := range map[string][]byte{
		caFile:           keys.ca,
		certificateFile:  keys.certificate,
		keyFile:          keys.key,
		accountsKeyFile:  keys.accounts,
		tokensFile:       c.tokens.csv(),
		kubeconfigFile:   c.Kubeconfig(),
		emptyLog:         nil,
		kwokSettingsFile: fmt.Appendf(nil, kwokSettings, c.home.Path(emptyLog)),
	} {
		if err := os.WriteFile(c.home.Path(name), content, 0o600); err != nil {
			return err
		}
	}
	return os.Mkdir(c.home.Path(podLogsDir), 0o700)
}

// run starts programs.
func (c *realCluster) run(commands ...realCommand) error {
	for _, command := range commands {
		p, err := command.start(c.home)
		if err != nil {
			return err
		}
		c.programs = append(c.programs, p)
	}
	return nil
}

// await tries until it works, a program ends, or time is up; complaint says what is the matter until then.
func (c *realCluster) await(ctx context.Context, complaint string, try func(context.Context) error) error {
	tick := time.NewTicker(realPollInterval)
	defer tick.Stop()
	var last error
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() == nil || last == nil { // that time was up tells nothing
			last = err
		}
		for _, p := range c.programs {
			if p.ended() {
				return p.explain()
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w: %w", complaint, ctx.Err(), last)
		case <-tick.C:
		}
	}
}

// Stop ends the programs and removes what they have written. It may be called again.
func (c *realCluster) Stop() {
	for _, p := range c.programs {
		p.Kill() // what it would save in an orderly end is thrown away
	}
	c.home.Close()
}

// Tokens are what the users of the cluster log in with.
func (c *realCluster) Tokens() Tokens { return c.tokens }

// Kubeconfig is an admin's.
func (c *realCluster) Kubeconfig() []byte { return c.kubeconfigOf(c.tokens.Admin) }

// kubeconfigOf is what a program is given that logs in with the token.
func (c *realCluster) kubeconfigOf(token string) []byte {
	return fmt.Appendf(nil, `apiVersion: v1
kind: Config
current-context: kubetest
clusters:
- name: kubetest
  cluster:
    server: %s
    certificate-authority-data: %s
contexts:
- name: kubetest
  context:
    cluster: kubetest
    user: kubetest
users:
- name: kubetest
  user:
    token: %q
`, c.server(), base64.StdEncoding.EncodeToString(c.keys.ca), token)
}

func (c *realCluster) server() string { return "https://" + c.ports.api.Address() }

// config is an admin's, without a limit to its pace.
func (c *realCluster) config() *rest.Config {
	return &rest.Config{
		Host: c.server(), BearerToken: c.tokens.Admin, UserAgent: "kubetest", QPS: -1,
		TLSClientConfig: rest.TLSClientConfig{CAData: bytes.Clone(c.keys.ca)},
	}
}
