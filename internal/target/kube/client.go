package kube

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// How the API is spoken to. The rates are a guard against loops of ours: a look
// asks a few hundred questions.
const (
	userAgent   = "integritybot"
	dialTimeout = 5 * time.Second
	perSecond   = 50
	atOnce      = 100
)

// clients speak to one cluster as one user.
type clients struct {
	namespace string
	params    runtime.ParameterCodec
	// One for each API group.
	core, apps, batch, autoscaling, authorization rest.Interface
	// logs reads streams, each over a connection of its own: over a shared one, the
	// transport would keep megabytes of every stream that is read slowly.
	logs rest.Interface
	host string
	http []*http.Client
}

func (c *clients) close() {
	for _, h := range c.http {
		utilnet.CloseIdleConnectionsFor(h.Transport)
	}
}

// loading is where a kubeconfig is read. As in the variable KUBECONFIG, there may
// be several files.
func loading(kubeconfig string) *clientcmd.ClientConfigLoadingRules {
	return &clientcmd.ClientConfigLoadingRules{Precedence: filepath.SplitList(kubeconfig), WarnIfAllMissing: false}
}

// readable tells whether a kubeconfig parses. One that is missing may still come.
func readable(kubeconfig string) error {
	for _, file := range filepath.SplitList(kubeconfig) {
		if _, err := clientcmd.LoadFromFile(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("kubeconfig %s cannot be read: %w", file, err)
		}
	}
	return nil
}

// restConfig is how to reach the API and who the bot is there.
func (t *Target) restConfig(kubeconfig string) (*rest.Config, error) {
	if kubeconfig == "" {
		return rest.InClusterConfig()
	}
	for _, file := range filepath.SplitList(kubeconfig) {
		if _, err := clientcmd.LoadFromFile(file); err != nil {
			return nil, err
		}
	}
	if err := t.withUser(kubeconfig); err != nil {
		return nil, err
	}
	over := &clientcmd.ConfigOverrides{CurrentContext: t.opts.Context}
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(loading(kubeconfig), over).ClientConfig()
}

// withUser refuses a context whose user is not there: client-go would go on as
// nobody.
func (t *Target) withUser(kubeconfig string) error {
	all, err := loading(kubeconfig).Load()
	if err != nil {
		return err
	}
	name := cmp.Or(t.opts.Context, all.CurrentContext)
	chosen := all.Contexts[name]
	if chosen == nil || chosen.AuthInfo == "" || all.AuthInfos[chosen.AuthInfo] != nil {
		return nil
	}
	return fmt.Errorf("context %s is for user %s, who is not in it", name, chosen.AuthInfo)
}

// connect makes clients. It asks nothing yet.
func (t *Target) connect(kubeconfig string) (*clients, error) {
	config, err := t.restConfig(kubeconfig)
	if err != nil {
		return nil, err
	}
	config.UserAgent = userAgent
	config.QPS, config.Burst = perSecond, atOnce
	config.ContentType, config.AcceptContentTypes = "application/json", "application/json"
	config.WarningHandlerWithContext = rest.NoWarnings{}
	config.Dial = (&net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second}).DialContext
	// Every question has a deadline of its own; this one would also end log streams.
	config.Timeout = 0
	if config.ExecProvider != nil {
		config.ExecProvider.StdinUnavailable = true // nobody is there to answer it
	}
	return newClients(config, t.opts.Namespace)
}

// impatient gives a request up at its deadline while a credential plugin, which
// knows of no deadline, still runs.
type impatient struct{ next http.RoundTripper }

// WrappedRoundTripper lets idle connections be closed.
func (i impatient) WrappedRoundTripper() http.RoundTripper { return i.next }

// RoundTrip is that of the next, or the end of the request's context.
func (i impatient) RoundTrip(r *http.Request) (*http.Response, error) {
	type answer struct {
		response *http.Response
		err      error
	}
	answered, ctx := make(chan answer), r.Context()
	go func() {
		response, err := i.next.RoundTrip(r)
		select {
		case answered <- answer{response, err}:
		case <-ctx.Done():
			if err == nil {
				_ = response.Body.Close() // nobody waits for it any more
			}
		}
	}()
	select {
	case a := <-answered:
		return a.response, a.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
