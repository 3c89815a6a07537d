package cluster

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// ask is what a request asks for, read off its path as k8s.io/apiserver's request info does.
type ask struct {
	user                     *User
	verb                     string // get, list, watch, create, update, patch, delete, deletecollection; or a method, lower case
	group, version           string
	resource, subresource    string // "deployments", "scale"; no resource: the path is no resource's
	namespace, name          string
	path                     string
	query                    url.Values
	method, agent, mediaType string
	accept                   string
	rest                     bool // the path goes on where no path does
}

func (a *ask) groupResource() schema.GroupResource {
	return schema.GroupResource{Group: a.group, Resource: a.resource}
}

func (a *ask) place() place { return place{a.namespace, a.name} }

func (a *ask) flag(name string) bool {
	v, given := a.query[name]
	return given && v[0] != "false" && v[0] != "0"
}

func newAsk(r *http.Request) *ask {
	a := &ask{
		path: r.URL.Path, query: r.URL.Query(), method: r.Method, agent: r.UserAgent(), verb: strings.ToLower(r.Method),
		mediaType: mediaType(r.Header.Get("Content-Type")), accept: r.Header.Get("Accept"),
	}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case len(parts) > 2 && parts[0] == "api":
		a.version, parts = parts[1], parts[2:]
	case len(parts) > 3 && parts[0] == "apis":
		a.group, a.version, parts = parts[1], parts[2], parts[3:]
	default:
		return a
	}
	a.read(parts)
	return a
}

// read reads what follows the version: namespaces/{namespace}/{resource}/{name}/{subresource}.
func (a *ask) read(parts []string) {
	if parts[0] == "namespaces" && len(parts) > 1 {
		a.namespace = parts[1]
		if len(parts) > 2 && parts[2] != "status" && parts[2] != "finalize" {
			parts = parts[2:]
		}
	}
	a.resource = parts[0]
	if len(parts) > 1 {
		a.name = parts[1]
	}
	if len(parts) > 2 {
		a.subresource = parts[2]
	}
	a.rest = len(parts) > 3
	a.verb = a.resourceVerb()
}

func (a *ask) resourceVerb() string {
	switch a.method {
	case http.MethodPost:
		return "create"
	case http.MethodPut:
		return "update"
	case http.MethodPatch:
		return "patch"
	case http.MethodDelete:
		if a.name == "" {
			return "deletecollection"
		}
		return "delete"
	case http.MethodGet, http.MethodHead:
		if a.name != "" {
			return "get"
		}
		a.nameOfSelector()
		if a.flag("watch") {
			return "watch"
		}
		return "list"
	default:
		return ""
	}
}

// nameOfSelector: a list of one name is judged as a request for that name, and stays a list.
func (a *ask) nameOfSelector() {
	selector, err := fields.ParseSelector(a.query.Get("fieldSelector"))
	if err != nil {
		return
	}
	if name, found := selector.RequiresExactMatch("metadata.name"); found {
		a.name = name
	}
}

// partial tells that only the metadata is wanted: what clients of metadata ask for.
func (a *ask) partial() bool { return strings.Contains(a.accept, "as=PartialObjectMetadata") }

func mediaType(header string) string {
	first, _, _ := strings.Cut(header, ";")
	return strings.TrimSpace(first)
}

// writes are the verbs that change something.
func (a *ask) writes() bool {
	return slices.Contains([]string{"create", "update", "patch", "delete", "deletecollection"}, a.verb)
}
