package kube

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os/exec"
	"regexp"
	"strings"
	"syscall"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/declare"
)

// unconnected says why no answer came.
func (t *Target) unconnected(a act, err error) string {
	if s := t.unidentified(a, err); s != "" {
		return s
	}
	if s := t.unencrypted(a, err); s != "" {
		return s
	}
	place, host := t.opts.Place, t.host(a)
	var name *net.DNSError
	switch {
	case errors.As(err, &name):
		return fmt.Sprintf("The name of the API server of Kubernetes %s is not known here: %s. Is the server right in %s?", place, name.Name, t.credentials(a))
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Sprintf("Kubernetes %s refused the connection at %s: is its API server running, and is the address in %s right?", place, host, t.credentials(a))
	case dialing(err) && timedOut(err):
		return fmt.Sprintf("Kubernetes %s did not answer at %s in %s: is the address right, and does a firewall let us through?", place, host, dialTimeout)
	case dialing(err):
		return fmt.Sprintf("Kubernetes %s cannot be reached at %s.", place, host)
	case timedOut(err):
		return fmt.Sprintf("Kubernetes %s did not answer in %s when %s: is its API server overloaded?", place, t.opts.Timeout, a.doing)
	}
	return fmt.Sprintf("The connection to Kubernetes %s broke off when %s.", place, a.doing)
}

// executable finds a credential plugin in client-go's sentence about it.
var executable = regexp.MustCompile(`exec: executable (\S+) (not found|failed)`)

// unidentified says what is wrong with a credential plugin; empty when that is
// not the trouble. The client's texts are all that it says; the tests hold them
// to it.
func (t *Target) unidentified(a act, err error) string {
	if !strings.Contains(err.Error(), "getting credentials: ") {
		return ""
	}
	plugin, missing := "that it names", false
	if m := executable.FindStringSubmatch(err.Error()); m != nil {
		plugin, missing = m[1], m[2] == "not found"
	}
	if missing || errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		return fmt.Sprintf("The credential plugin %s of %s is not installed here: install it, or use a service account's token.", plugin, t.credentials(a))
	}
	return fmt.Sprintf("The credential plugin %s of %s gave no credentials: does it want somebody to log in?", plugin, t.credentials(a))
}

// unencrypted says what is wrong with TLS.
func (t *Target) unencrypted(a act, err error) string {
	var plainText tls.RecordHeaderError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	place, file := t.opts.Place, t.credentials(a)
	switch {
	case errors.As(err, &plainText), strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return fmt.Sprintf("Kubernetes %s does not speak TLS at %s: correct the server in %s.", place, t.host(a), file)
	case errors.As(err, &authority):
		return fmt.Sprintf("The certificate of Kubernetes %s is signed by an authority that is not known here: correct certificate-authority in %s.", place, file)
	case errors.As(err, &host):
		return fmt.Sprintf("The certificate of Kubernetes %s is not for %s: correct the server or tls-server-name in %s.", place, t.host(a), file)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Sprintf("The certificate of Kubernetes %s has expired, or is not valid yet: renew it, or correct a clock.", place)
	case errors.As(err, &invalid):
		return fmt.Sprintf("The certificate of Kubernetes %s is not valid.", place)
	case strings.Contains(err.Error(), "remote error: tls"):
		return fmt.Sprintf("Kubernetes %s refused our TLS: is the client certificate in %s the right one?", place, file)
	}
	return ""
}

// unconfigured says why there is nobody to ask: what is wrong with a kubeconfig,
// or that we run in no pod.
func (t *Target) unconfigured(kubeconfig string, err error) error {
	place := t.opts.Place
	p := &check.Problem{Err: fmt.Errorf("kubernetes %s: reading its kubeconfig: %w", t.opts.Name, err)}
	switch {
	case errors.Is(err, rest.ErrNotInCluster):
		p.Sentence = fmt.Sprintf("How to reach Kubernetes %s is not known: the bot runs in no pod, and the config names no kubeconfig.", place)
	case kubeconfig == "":
		p.Sentence = fmt.Sprintf("How to reach Kubernetes %s is not known: this pod has no service account token. Set automountServiceAccountToken: true.", place)
	case errors.Is(err, fs.ErrNotExist):
		p.Sentence = fmt.Sprintf("Kubernetes %s cannot be reached: there is no %s.", place, missingFile(kubeconfig, err))
	case errors.Is(err, fs.ErrPermission):
		p.Sentence = fmt.Sprintf("Kubernetes %s cannot be reached: the bot may not read %s.", place, missingFile(kubeconfig, err))
	case t.opts.Context != "" && !t.hasContext(kubeconfig):
		p.Sentence = fmt.Sprintf("Kubeconfig %s has no context %s%s", kubeconfig, t.opts.Context, declare.DidYouMean(t.opts.Context, contexts(kubeconfig)))
	case clientcmd.IsContextNotFound(err), clientcmd.IsEmptyConfig(err):
		p.Sentence = fmt.Sprintf("Kubeconfig %s does not say which cluster is meant: name a context of Kubernetes %s in the config.", kubeconfig, place)
	default:
		p.Sentence = fmt.Sprintf("Kubernetes %s cannot be reached: kubeconfig %s is not usable (%s).", place, kubeconfig, clipped(err.Error()))
	}
	return p
}

// named finds the file in client-go's sentence about one that a kubeconfig names.
var named = regexp.MustCompile(`unable to read \S+ (\S+) for `)

// missingFile is the file that an error is about: the kubeconfig or one that it
// names.
func missingFile(kubeconfig string, err error) string {
	if m := named.FindStringSubmatch(err.Error()); m != nil {
		return m[1] + ", which kubeconfig " + kubeconfig + " names"
	}
	return "kubeconfig " + kubeconfig
}

func (t *Target) hasContext(kubeconfig string) bool {
	for _, c := range contexts(kubeconfig) {
		if c == t.opts.Context {
			return true
		}
	}
	return false
}

// contexts are those that a kubeconfig has.
func contexts(kubeconfig string) []string {
	config, err := loading(kubeconfig).Load()
	if err != nil {
		return nil
	}
	var names []string
	for name := range config.Contexts {
		names = append(names, name)
	}
	return names
}

func dialing(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

func timedOut(err error) bool {
	var network net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &network) && network.Timeout()
}
