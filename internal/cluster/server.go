package cluster

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// largestBody is what the real server takes.
const largestBody = 3 << 20

// ServeHTTP answers one request: who asks, may they, and then what.
func (c *Cluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := newAsk(r)
	seen := &seen{ResponseWriter: w}
	c.identify(a, r)
	entry := c.journal.begin(a, c.Now())
	defer func() { c.journal.end(entry, seen.code, c.Now()) }()
	if f := c.faults.take(a); f != nil && c.fail(seen, r, f) {
		return
	}
	if a.user == nil {
		refuse(seen, apierrors.NewUnauthorized("Unauthorized"))
		return
	}
	if err := c.authorize(a); err != nil {
		refuse(seen, err)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, largestBody)
	if err := c.route(seen, r, a); err != nil {
		c.refuse(seen, a, err)
	}
	if seen.instead != nil {
		refuse(w, seen.instead)
	}
	if seen.lost {
		panic(http.ErrAbortHandler) // how a handler of net/http breaks a connection
	}
}

// identify finds the user of a request; nil: the token is nobody's.
func (c *Cluster) identify(a *ask, r *http.Request) {
	token, given := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !given {
		a.user = &User{Name: "system:anonymous", Groups: []string{"system:unauthenticated"}}
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if u := c.users[strings.TrimSpace(token)]; u != nil {
		known := *u // its rules are replaced, never changed
		a.user = &known
	}
}

func (c *Cluster) route(w http.ResponseWriter, r *http.Request, a *ask) error {
	if a.resource == "" {
		return c.discover(w, a)
	}
	if a.rest {
		return errNoPath
	}
	if handled, err := c.review(w, r, a); handled {
		return err
	}
	k := c.kinds.find(a.group, a.version, a.resource)
	if k == nil {
		return c.routeEvents(w, r, a)
	}
	one := a.verb != "list" && a.verb != "watch" && a.name != ""
	if k.global && a.namespace != "" && k != c.kinds.namespaces || !k.global && a.namespace == "" && one {
		return errNoPath
	}
	if k.global {
		a.namespace = ""
	}
	switch a.subresource {
	case "":
		return c.routeObject(w, r, a, k)
	case "status", "scale", "log":
		return c.routeBeneath(w, r, a, k)
	default:
		return errNoPath
	}
}

func (c *Cluster) routeObject(w http.ResponseWriter, r *http.Request, a *ask, k *kind) error {
	switch a.verb {
	case "get":
		return c.serveGet(w, a, k)
	case "list":
		return c.serveList(w, a, k)
	case "watch":
		return c.serveWatch(w, r, a, k)
	case "create":
		if a.name != "" || a.namespace == "" && !k.global {
			return notAllowed(a)
		}
		return c.serveCreate(w, r, a, k)
	case "update":
		return c.serveUpdate(w, r, a, k)
	case "patch":
		return c.servePatch(w, r, a, k)
	case "delete":
		return c.serveDelete(w, r, a, k)
	case "deletecollection":
		return c.serveDeleteAll(w, r, a, k)
	default:
		return notAllowed(a)
	}
}

func (c *Cluster) routeBeneath(w http.ResponseWriter, r *http.Request, a *ask, k *kind) error {
	has := false
	for _, s := range k.subresources() {
		has = has || s == a.subresource
	}
	if !has {
		return errNoPath
	}
	switch {
	case a.subresource == "log" && a.verb == "get":
		return c.serveLog(w, r, a, k)
	case a.subresource == "log":
		return notAllowed(a)
	case a.subresource == "scale" && a.verb == "get":
		return c.serveScale(w, a, k)
	case a.verb == "get":
		return c.serveGet(w, a, k)
	case a.verb == "update":
		return c.serveUpdate(w, r, a, k)
	case a.verb == "patch":
		return c.servePatch(w, r, a, k)
	default:
		return notAllowed(a)
	}
}

// errNoPath is a path that the server does not know. The real one does not answer it with a Status.
var errNoPath = errors.New("404 page not found")

func notAllowed(a *ask) error {
	return apierrors.NewGenericServerResponse(http.StatusMethodNotAllowed, a.verb, a.groupResource(), a.name,
		"the server does not allow this method on the requested resource", 0, false)
}

// body reads what a request says.
func body(r *http.Request) ([]byte, error) {
	b, err := io.ReadAll(r.Body)
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return nil, apierrors.NewRequestEntityTooLargeError(fmt.Sprintf("limit is %d", largestBody))
	}
	if err != nil {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("unable to read the body: %v", err))
	}
	return b, nil
}

// seen remembers with what an answer began.
type seen struct {
	http.ResponseWriter
	code int
	lost bool // the answer never arrives

	instead error // is answered instead; nil: the answer is the true one
}

// WriteHeader remembers the code.
func (s *seen) WriteHeader(code int) {
	if s.code == 0 {
		s.code = code
	}
	s.ResponseWriter.WriteHeader(code)
}

func (s *seen) Write(b []byte) (int, error) {
	if s.code == 0 {
		s.code = http.StatusOK
	}
	return s.ResponseWriter.Write(b)
}

// Unwrap lets a response controller reach the connection.
func (s *seen) Unwrap() http.ResponseWriter { return s.ResponseWriter }
