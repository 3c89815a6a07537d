package kube

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/integritybot/integritybot/internal/check"
)

// act is what was tried when an error came, for its sentence.
type act struct {
	doing    string // for the log: listing pods
	verb     string // the permission that it needs: get, list, watch, create, patch, update
	resource string // with its subresource: pods, pods/log, deployments.apps/scale
	name     string // of the object; empty: all of the namespace
	writes   bool   // done by who changes, not by who looks
}

// noun is what people call the kind of object.
func (a act) noun() string {
	resource, _, _ := strings.Cut(a.resource, "/")
	resource, _, _ = strings.Cut(resource, ".")
	switch resource {
	case "configmaps":
		return "config map"
	case "replicasets":
		return "replica set"
	case "cronjobs":
		return "cron job"
	case "horizontalpodautoscalers":
		return "autoscaler"
	}
	return strings.TrimSuffix(resource, "s")
}

func problemf(format string, args ...any) error {
	return &check.Problem{Sentence: fmt.Sprintf(format, args...)}
}

// problem makes a sentence for people of an error of the API. That the caller
// stopped is handed on as it is: it is no fault of the cluster. That the caller's time
// was over before an answer came is one.
func (t *Target) problem(ctx context.Context, a act, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		err = fmt.Errorf("kubernetes %s: %s: %w", t.opts.Name, a.doing, context.Cause(ctx))
		if !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		return &check.Problem{Sentence: fmt.Sprintf("Kubernetes %s did not answer in time when %s: is its API server overloaded?", t.opts.Place, a.doing), Err: err}
	}
	var known *check.Problem
	if errors.As(err, &known) {
		return err
	}
	if apierrors.IsUnauthorized(err) {
		t.forget()
	}
	return &check.Problem{Sentence: t.sentence(a, err), Err: fmt.Errorf("kubernetes %s: %s: %w", t.opts.Name, a.doing, err)}
}

// sentence says what did not answer and what to do.
func (t *Target) sentence(a act, err error) string {
	var answered apierrors.APIStatus
	if errors.As(err, &answered) {
		return t.answered(a, answered.Status(), err)
	}
	return t.unconnected(a, err)
}

// answered says what the API's own answer means.
func (t *Target) answered(a act, s metav1.Status, err error) string {
	place := t.opts.Place
	switch {
	case apierrors.IsForbidden(err):
		return t.forbidden(a, s)
	case apierrors.IsUnauthorized(err):
		return fmt.Sprintf("Kubernetes %s does not know who the bot is (401): its token or certificate in %s is wrong or has expired.", place, t.credentials(a))
	case foreignAnswer(s):
		return fmt.Sprintf("What answers at %s is not the Kubernetes API (%d): correct the server in %s.", t.host(a), s.Code, t.credentials(a))
	case apierrors.IsNotFound(err) && a.name != "":
		return fmt.Sprintf("There is no %s %s in namespace %s of Kubernetes %s.", a.noun(), a.name, t.opts.Namespace, place)
	case apierrors.IsNotFound(err):
		return fmt.Sprintf("Kubernetes %s does not have %s: is it another version than the bot knows?", place, a.resource)
	case apierrors.IsConflict(err):
		return fmt.Sprintf("%s %s in Kubernetes %s was changed by somebody else meanwhile.", sentenceCase(a.noun()), a.name, place)
	case apierrors.IsAlreadyExists(err):
		return fmt.Sprintf("%s %s exists already in namespace %s of Kubernetes %s.", sentenceCase(a.noun()), a.name, t.opts.Namespace, place)
	case apierrors.IsTooManyRequests(err):
		return fmt.Sprintf("Kubernetes %s has too much to do and turned us away (429): try again in %s.", place, t.delay(err))
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err):
		return fmt.Sprintf("Kubernetes %s refused to %s %s %s: %s.", place, a.verb, a.noun(), a.name, clipped(s.Message))
	case apierrors.IsTimeout(err), apierrors.IsServerTimeout(err), s.Code == 504:
		return fmt.Sprintf("Kubernetes %s did not come to an end in time (%d): its API server or etcd is overloaded.", place, s.Code)
	case s.Code == 503:
		return fmt.Sprintf("The API of Kubernetes %s is not available (503): is its control plane up?", place)
	}
	return fmt.Sprintf("Kubernetes %s answered with an error (%d) when %s: %s.", place, s.Code, a.doing, clipped(s.Message))
}

// isForeign tells that it was not the API that answered.
func isForeign(err error) bool {
	var answered apierrors.APIStatus
	return errors.As(err, &answered) && foreignAnswer(answered.Status())
}

// foreignAnswer tells that something else than the API answered: a proxy, a web
// server.
func foreignAnswer(s metav1.Status) bool {
	if s.Details == nil {
		return false
	}
	for _, c := range s.Details.Causes {
		if c.Type == metav1.CauseTypeUnexpectedServerResponse && s.Code < 500 && s.Code != 429 && s.Code != 403 && s.Code != 401 {
			return true
		}
	}
	return false
}

// user finds who the API took us for, in its own sentence.
var user = regexp.MustCompile(`User "([^"]{1,200})" cannot`)

// forbidden names the permission that is missing and how to try it; or, where
// there is a permission and something else refused, what that said.
func (t *Target) forbidden(a act, s metav1.Status) string {
	who := user.FindStringSubmatch(s.Message)
	if who == nil && strings.Contains(s.Message, "is forbidden: ") {
		// Admission says so, too: a quota, a policy.
		return fmt.Sprintf("Kubernetes %s refused to %s %s %s: %s.", t.opts.Place, a.verb, a.noun(), a.name, clipped(s.Message))
	}
	bot := "the bot"
	if who != nil {
		bot += " (" + who[1] + ")"
	}
	return fmt.Sprintf("Kubernetes %s does not let %s %s %s in namespace %s: ask for %#q there; %#q tells whether it is granted.",
		t.opts.Place, bot, a.verb, a.resource, t.opts.Namespace, a.verb+" "+a.resource, t.canI(a))
}

// ungranted says in short which permission is missing, to follow what is not
// known for it.
func (t *Target) ungranted(a act) string {
	return fmt.Sprintf("no permission to read; ask for %#q in namespace %s", a.verb+" "+a.resource, t.opts.Namespace)
}

// canI is the command that tries a permission.
func (t *Target) canI(a act) string {
	resource, sub, _ := strings.Cut(a.resource, "/")
	if sub != "" {
		sub = " --subresource=" + sub
	}
	return fmt.Sprintf("kubectl auth can-i %s %s%s -n %s", a.verb, resource, sub, t.opts.Namespace)
}

// delay is how long to wait before another attempt.
func (t *Target) delay(err error) string {
	if seconds, ok := apierrors.SuggestsClientDelay(err); ok && seconds > 0 {
		return fmt.Sprintf("%d s", seconds)
	}
	return "a minute"
}

// credentials is where those are kept that an act was done with.
func (t *Target) credentials(a act) string {
	file := t.opts.Kubeconfig
	if a.writes {
		file = t.opts.WriteKubeconfig
	}
	if file == "" {
		return "the pod's service account"
	}
	return "kubeconfig " + file
}

// host is the address that an act went to.
func (t *Target) host(a act) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.reader
	if a.writes {
		c = t.writer
	}
	if c == nil {
		return "the API's address"
	}
	return c.host
}

func sentenceCase(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// clipped is foreign text as a clause: one line of bounded length.
func clipped(s string) string {
	const most = 300
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return strings.TrimRight(s, ".")
}
