package kube

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/cluster"
	"github.com/integritybot/integritybot/internal/kubetest"
)

// config is a kubeconfig in its shortest form.
func config(server, user string) []byte {
	return []byte(`apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "` + server + `", insecure-skip-tls-verify: true}}]
contexts: [{name: prod, context: {cluster: c, user: u}}, {name: staging, context: {cluster: c, user: u}}]
current-context: prod
users: [{name: u, user: ` + user + `}]
`)
}

// askedFor is what a target says when it is asked for changes.
func askedFor(t *testing.T, o Options) string {
	t.Helper()
	o.Name, o.Place, o.Deployments = "cluster", "production", []string{"shop"}
	if o.Namespace == "" {
		o.Namespace = "production"
	}
	target, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	start := time.Now()
	_, _, err = target.Chronicler().Changes(within(t, time.Minute), time.Now().Add(-time.Hour))
	if took := time.Since(start); o.Timeout > 0 && took > 20*o.Timeout {
		t.Errorf("it took %s with %s for a question", took, o.Timeout)
	}
	return sentence(t, err)
}

// TestBrokenKubeconfigsAreNamed: each in one sentence that says what to do.
func TestBrokenKubeconfigsAreNamed(t *testing.T) {
	t.Parallel()
	file := func(content []byte) string { return kubeconfig(t, content) }
	const nowhere = "https://127.0.0.1:1"
	good := file(config(nowhere, "{token: x}"))
	missing := filepath.Join(t.TempDir(), "missing")
	noCA := file([]byte(strings.Replace(string(config(nowhere, "{token: x}")), "insecure-skip-tls-verify: true", "certificate-authority: /nowhere/ca.crt", 1)))
	noUser := file([]byte(strings.Replace(string(config(nowhere, "{}")), "name: u, user", "name: other, user", 1)))
	noContext := file([]byte(strings.Replace(string(config(nowhere, "{}")), "current-context: prod", "", 1)))
	plugin := file(config(nowhere, `{exec: {apiVersion: client.authentication.k8s.io/v1, command: gke-gcloud-auth-plugin-that-is-not-here, interactiveMode: Never}}`))
	failing := file(config(nowhere, `{exec: {apiVersion: client.authentication.k8s.io/v1, command: "false", interactiveMode: Never}}`))
	for name, tt := range map[string]struct {
		o    Options
		want string
	}{
		"missing":         {Options{Kubeconfig: missing}, "Kubernetes production cannot be reached: there is no kubeconfig " + missing + "."},
		"another context": {Options{Kubeconfig: good, Context: "stagin"}, "Kubeconfig " + good + " has no context stagin: did you mean staging?"},
		"no context":      {Options{Kubeconfig: noContext}, "Kubeconfig " + noContext + " does not say which cluster is meant: name a context of Kubernetes production in the config."},
		"no authority":    {Options{Kubeconfig: noCA}, "Kubernetes production cannot be reached: there is no /nowhere/ca.crt, which kubeconfig " + noCA + " names."},
		"no user":         {Options{Kubeconfig: noUser}, `Kubernetes production cannot be reached: kubeconfig ` + noUser + ` is not usable (context prod is for user u, who is not in it).`},
		"plugin missing":  {Options{Kubeconfig: plugin}, "The credential plugin gke-gcloud-auth-plugin-that-is-not-here of kubeconfig " + plugin + " is not installed here: install it, or use a service account's token."},
		"plugin fails":    {Options{Kubeconfig: failing}, "The credential plugin false of kubeconfig " + failing + " gave no credentials: does it want somebody to log in?"},
		"in no pod":       {Options{}, "How to reach Kubernetes production is not known: the bot runs in no pod, and the config names no kubeconfig."},
		"nobody is there": {Options{Kubeconfig: good}, "Kubernetes production refused the connection at https://127.0.0.1:1: is its API server running, and is the address in kubeconfig " + good + " right?"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, askedFor(t, tt.o)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestAPluginThatHangsDoesNotHangTheBot.
func TestAPluginThatHangsDoesNotHangTheBot(t *testing.T) {
	t.Parallel()
	ended := filepath.Join(t.TempDir(), "ended")
	file := kubeconfig(t, config("https://127.0.0.1:1", `{exec: {apiVersion: client.authentication.k8s.io/v1, command: sh, args: ["-c", "sleep 2; touch `+ended+`"], interactiveMode: Never}}`))
	got := askedFor(t, Options{Kubeconfig: file, Timeout: 200 * time.Millisecond})
	if got != "Kubernetes production did not answer in 200ms when getting the namespace: is its API server overloaded?" {
		t.Error(got)
	}
	// The plugin ends by itself; the test waits for it, so that nothing is left.
	until(t, "the plugin to end", func() bool { _, err := os.Stat(ended); return err == nil })
}

// TestOptionsThatMakeNoSense are told at the start.
func TestOptionsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	broken := kubeconfig(t, []byte("apiVersion: v1\nkind: Config\nclusters: [{"))
	for name, tt := range map[string]struct {
		o    Options
		want string
	}{
		"no name":          {Options{Namespace: "p"}, "kubernetes target: a Kubernetes target needs a name"},
		"no namespace":     {Options{Name: "c"}, "kubernetes target: Kubernetes target c needs a namespace"},
		"a bad namespace":  {Options{Name: "c", Namespace: "Prod_1"}, `kubernetes target: "Prod_1" cannot be the name of a namespace: lower-case letters, digits and hyphens only`},
		"a bad deployment": {Options{Name: "c", Namespace: "p", Deployments: []string{"../x"}}, `kubernetes target: "../x" cannot be the name of a deployment: lower-case letters, digits, hyphens and dots only`},
		"a bad pattern":    {Options{Name: "c", Namespace: "p", Logs: LogOptions{Errors: "("}}, "kubernetes target: logs.errors is no regular expression: error parsing regexp: missing closing ): `(`"},
		"a negative":       {Options{Name: "c", Namespace: "p", Timeout: -1}, "kubernetes target: timeout is -1ns: it must not be negative"},
	} {
		if _, err := Open(tt.o); err == nil || err.Error() != tt.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Open(Options{Name: "c", Namespace: "p", Kubeconfig: broken}); err == nil || !strings.Contains(err.Error(), "kubeconfig "+broken+" cannot be read: ") {
		t.Errorf("a kubeconfig that does not parse: %v", err)
	}
}

// TestANamespaceThatDoesNotExistIsNoEmptyOne: Kubernetes answers with empty lists.
func TestANamespaceThatDoesNotExistIsNoEmptyOne(t *testing.T) {
	t.Parallel()
	eachPeer(t, func(t *testing.T, c *kubetest.Cluster) {
		ns := c.Namespace(t)
		typo := ns + "n"
		kubeconfig := kubeconfig(t, c.Kubeconfig(kubetest.AdminUser))
		if got, want := askedFor(t, Options{Kubeconfig: kubeconfig, Namespace: typo}), "There is no namespace "+typo+" in Kubernetes production: did you mean "+ns+"?"; got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
		deploy(t, c, ns, "shop-backend", 0)
		target, err := Open(Options{Name: "cluster", Place: "production", Kubeconfig: kubeconfig, Namespace: ns, Deployments: []string{"shop-backnd"}})
		if err != nil {
			t.Fatal(err)
		}
		defer target.Close()
		_, err = target.SearchLogs(t.Context(), LogQuery{Since: time.Now().Add(-time.Hour)}, silent)
		if got, want := sentence(t, err), "There is no deployment shop-backnd in namespace "+ns+" of Kubernetes production: did you mean shop-backend?"; got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	})
}

// TestAnAPIThatFails says in one sentence how, within its time.
func TestAnAPIThatFails(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fault cluster.Fault
		want  string
	}{
		"overloaded": {cluster.Fault{Kind: cluster.Refused, Status: 429, RetryAfter: 1}, "Kubernetes production has too much to do and turned us away (429): try again in 1 s."},
		"503":        {cluster.Fault{Kind: cluster.Refused, Status: 503}, "The API of Kubernetes production is not available (503): is its control plane up?"},
		"504":        {cluster.Fault{Kind: cluster.Refused, Status: 504}, "Kubernetes production did not come to an end in time (504): its API server or etcd is overloaded."},
		"500":        {cluster.Fault{Kind: cluster.Refused, Status: 500}, "Kubernetes production answered with an error (500) when getting the namespace: "},
		"hangs":      {cluster.Fault{Kind: cluster.Hang}, "Kubernetes production did not answer in 500ms when getting the namespace: is its API server overloaded?"},
		"hangs up":   {cluster.Fault{Kind: cluster.HangUp}, "The connection to Kubernetes production broke off when getting the namespace."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := kubetest.Start(t, kubetest.Options{Fake: &cluster.Options{}})
			must(t, c.Fake().Inject(tt.fault))
			got := askedFor(t, Options{Kubeconfig: kubeconfig(t, c.Kubeconfig(kubetest.AdminUser)), Timeout: 500 * time.Millisecond})
			if name == "overloaded" && strings.Contains(got, "did not answer in 500ms") {
				return // the client waits as it is told, longer than a question may take
			}
			if !strings.HasPrefix(got, tt.want) {
				t.Errorf("%s\nwant %s", got, tt.want)
			}
		})
	}
}

// TestWhoIsNotKnownIsToldSo, and the kubeconfig is read again afterwards.
func TestWhoIsNotKnownIsToldSo(t *testing.T) {
	t.Parallel()
	eachPeer(t, func(t *testing.T, c *kubetest.Cluster) {
		ns := c.Namespace(t)
		grant(t, c, ns)
		file := kubeconfig(t, c.Kubeconfig("nobody"))
		target := open(t, c, ns, func(o *Options) { o.Kubeconfig, o.ConfigMaps = file, []string{"kube-root-ca.crt"} })
		_, _, err := target.Chronicler().Changes(t.Context(), time.Now())
		if got, want := sentence(t, err), "Kubernetes production does not know who the bot is (401): its token or certificate in kubeconfig "+file+" is wrong or has expired."; got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
		if err := os.WriteFile(file, c.Kubeconfig(kubetest.ReaderUser), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err = target.Chronicler().Changes(t.Context(), time.Now()); err != nil && strings.Contains(sentence(t, err), "401") {
			t.Error(err)
		}
	})
}

// TestWhatIsNoKubernetesIsToldSo: a web server, a port that speaks no TLS, a
// certificate of somebody else.
func TestWhatIsNoKubernetesIsToldSo(t *testing.T) {
	t.Parallel()
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		http.Error(w, "<html>404 page not found</html>", http.StatusNotFound)
	}))
	t.Cleanup(web.Close)
	plain := kubeconfig(t, config(web.URL, "{token: x}"))
	secure := kubeconfig(t, config(strings.Replace(web.URL, "http:", "https:", 1), "{token: x}"))
	c := kubetest.Start(t, kubetest.Options{Fake: &cluster.Options{}})
	foreign := kubeconfig(t, []byte(strings.Replace(string(config(c.Fake().URL(), "{token: x}")), "insecure-skip-tls-verify: true", "", 1)))
	for file, want := range map[string]string{
		plain:   "What answers at " + web.URL + " is not the Kubernetes API (404): correct the server in kubeconfig " + plain + ".",
		secure:  "Kubernetes production does not speak TLS at https://" + web.Listener.Addr().String() + ": correct the server in kubeconfig " + secure + ".",
		foreign: "The certificate of Kubernetes production is signed by an authority that is not known here: correct certificate-authority in kubeconfig " + foreign + ".",
	} {
		if got := askedFor(t, Options{Kubeconfig: file}); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
}

// TestAServerThatNeverAnswersIsGivenUp: it takes connections and says nothing.
func TestAServerThatNeverAnswersIsGivenUp(t *testing.T) {
	t.Parallel()
	var listening net.ListenConfig
	l, err := listening.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	got := askedFor(t, Options{Kubeconfig: kubeconfig(t, config("https://"+l.Addr().String(), "{token: x}")), Timeout: 300 * time.Millisecond})
	if got != "Kubernetes production did not answer in 300ms when getting the namespace: is its API server overloaded?" {
		t.Error(got)
	}
}
