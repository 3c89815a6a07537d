package cluster

import (
	"net/http"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/version"
)

// discover answers what is about no resource: versions, groups, health.
func (c *Cluster) discover(w http.ResponseWriter, a *ask) error {
	path := strings.Trim(a.path, "/")
	switch {
	case a.method != http.MethodGet && a.method != http.MethodHead:
		return errNoPath
	case path == "version":
		return write1(w, http.StatusOK, c.info())
	case path == "healthz" || path == "livez" || path == "readyz":
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("ok")) // whoever asked has gone
		return nil
	case path == "api":
		return write1(w, http.StatusOK, metav1.APIVersions{
			TypeMeta: metav1.TypeMeta{Kind: "APIVersions"}, Versions: []string{"v1"},
			ServerAddressByClientCIDRs: []metav1.ServerAddressByClientCIDR{{ClientCIDR: "0.0.0.0/0", ServerAddress: strings.TrimPrefix(c.URL(), "https://")}},
		})
	case path == "apis":
		return write1(w, http.StatusOK, c.groupList())
	}
	for _, g := range c.kinds.groups() {
		if path == "apis/"+g.String() || g.Group == "" && path == "api/"+g.Version {
			return write1(w, http.StatusOK, c.resources(g))
		}
		if g.Group != "" && path == "apis/"+g.Group {
			one := apiGroup(g)
			one.TypeMeta = metav1.TypeMeta{Kind: "APIGroup", APIVersion: "v1"}
			return write1(w, http.StatusOK, one)
		}
	}
	return errNoPath
}

func (c *Cluster) info() version.Info {
	v := c.options.Version
	parts := strings.SplitN(strings.TrimPrefix(v, "v"), ".", 3)
	info := version.Info{GitVersion: v, Platform: "linux/amd64", Compiler: "gc", GitTreeState: "clean"}
	if len(parts) > 1 {
		info.Major, info.Minor = parts[0], parts[1]
	}
	return info
}

func (c *Cluster) groupList() metav1.APIGroupList {
	all := metav1.APIGroupList{TypeMeta: metav1.TypeMeta{Kind: "APIGroupList", APIVersion: "v1"}}
	for _, g := range c.kinds.groups() {
		if g.Group != "" {
			all.Groups = append(all.Groups, apiGroup(g))
		}
	}
	return all
}

func apiGroup(g schema.GroupVersion) metav1.APIGroup {
	v := metav1.GroupVersionForDiscovery{GroupVersion: g.String(), Version: g.Version}
	return metav1.APIGroup{Name: g.Group, Versions: []metav1.GroupVersionForDiscovery{v}, PreferredVersion: v}
}

func (c *Cluster) resources(g schema.GroupVersion) metav1.APIResourceList {
	l := metav1.APIResourceList{TypeMeta: metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"}, GroupVersion: g.String()}
	for _, k := range c.kinds.all() {
		if k.GroupVersion() == g {
			l.APIResources = append(l.APIResources, describe(k)...)
		}
	}
	switch g.Group {
	case "events.k8s.io":
		l.APIResources = append(l.APIResources, metav1.APIResource{
			Name: "events", SingularName: "event", Namespaced: true, Kind: "Event", Verbs: metav1.Verbs{"get", "list"}, ShortNames: []string{"ev"},
		})
	case "authorization.k8s.io":
		l.APIResources = append(l.APIResources, question("SelfSubjectAccessReview"), question("SelfSubjectRulesReview"))
	case "authentication.k8s.io":
		l.APIResources = append(l.APIResources, question("SelfSubjectReview"))
	}
	return l
}

func question(kind string) metav1.APIResource {
	singular := strings.ToLower(kind)
	return metav1.APIResource{Name: singular + "s", SingularName: singular, Kind: kind, Verbs: metav1.Verbs{"create"}}
}

func describe(k *kind) []metav1.APIResource {
	all := []metav1.APIResource{{
		Name: k.resource, SingularName: strings.ToLower(k.Kind), Namespaced: !k.global, Kind: k.Kind, ShortNames: k.short,
		Verbs: metav1.Verbs{"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"},
	}}
	for _, s := range k.subresources() {
		r := metav1.APIResource{Name: k.resource + "/" + s, Namespaced: !k.global, Kind: k.Kind, Verbs: metav1.Verbs{"get", "patch", "update"}}
		switch s {
		case "scale":
			r.Kind, r.Group, r.Version = "Scale", "autoscaling", "v1"
		case "log":
			r.Verbs = metav1.Verbs{"get"}
		}
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b metav1.APIResource) int { return strings.Compare(a.Name, b.Name) })
	return all
}
