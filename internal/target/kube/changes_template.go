package kube

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// restartedAt is the annotation by which kubectl rollout restart makes new pods.
const restartedAt = "kubectl.kubernetes.io/restartedAt"

// templateDifferences are those between two pod templates, one line each, images
// first. Values of secrets are in no template; what looks like one is hidden.
func templateDifferences(was, is *corev1.PodTemplateSpec) []string {
	var images, rest []string
	before, after := containersOf(was), containersOf(is)
	for _, name := range slices.Sorted(maps.Keys(after)) {
		prefix := ""
		if len(after) > 1 || len(before) > 1 {
			prefix = "container " + name + ": "
		}
		old, ok := before[name]
		if !ok {
			rest = append(rest, "container "+name+" added: image "+after[name].Image)
			continue
		}
		if old.Image != after[name].Image {
			images = append(images, prefix+imageDifference(old.Image, after[name].Image))
		}
		for _, d := range containerDifferences(old, after[name]) {
			rest = append(rest, prefix+d)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if _, ok := after[name]; !ok {
			rest = append(rest, "container "+name+" removed")
		}
	}
	return slices.Concat(images, rest, podDifferences(was, is))
}

func containersOf(t *corev1.PodTemplateSpec) map[string]corev1.Container {
	out := map[string]corev1.Container{}
	for _, c := range slices.Concat(t.Spec.InitContainers, t.Spec.Containers) {
		out[c.Name] = c
	}
	return out
}

// imageDifference names the tags alone where the rest is the same.
func imageDifference(was, is string) string {
	a, b := strings.LastIndexByte(was, ':'), strings.LastIndexByte(is, ':')
	if a > 0 && a == b && was[:a] == is[:b] && !strings.Contains(was[a:], "/") {
		return "image " + was[a+1:] + " → " + is[b+1:]
	}
	return "image " + was + " → " + is
}

func containerDifferences(was, is corev1.Container) []string {
	out := envDifferences(was, is)
	if c := changed("command", command(was), command(is)); c != "" {
		out = append(out, c)
	}
	out = append(out, resourceDifferences("request", was.Resources.Requests, is.Resources.Requests)...)
	out = append(out, resourceDifferences("limit", was.Resources.Limits, is.Resources.Limits)...)
	for _, c := range []*corev1.Container{&was, &is} {
		c.Image, c.Env, c.EnvFrom, c.Command, c.Args, c.Resources.Requests, c.Resources.Limits = "", nil, nil, nil, nil, nil, nil
	}
	return append(out, parts("", was, is)...)
}

func command(c corev1.Container) string {
	return maskLine(short(strings.Join(slices.Concat(c.Command, c.Args), " "), 120))
}

func changed(what, was, is string) string {
	switch {
	case was == is:
		return ""
	case was == "":
		return what + " added: " + is
	case is == "":
		return what + " removed (was " + was + ")"
	}
	return what + ": " + was + " → " + is
}

func resourceDifferences(what string, was, is corev1.ResourceList) []string {
	text := func(q resource.Quantity, ok bool) string {
		if !ok {
			return ""
		}
		return q.String()
	}
	names := map[corev1.ResourceName]bool{}
	for n := range was {
		names[n] = true
	}
	for n := range is {
		names[n] = true
	}
	var out []string
	for _, n := range slices.Sorted(maps.Keys(names)) {
		a, had := was[n]
		b, has := is[n]
		if had && has && a.Cmp(b) == 0 {
			continue
		}
		if c := changed(string(n)+" "+what, text(a, had), text(b, has)); c != "" {
			out = append(out, c)
		}
	}
	return out
}

// podDifferences are those beside the containers.
func podDifferences(was, is *corev1.PodTemplateSpec) []string {
	var out []string
	if was.Annotations[restartedAt] != is.Annotations[restartedAt] {
		out = append(out, "restarted")
	}
	out = append(out, mapDifferences("annotation", was.Annotations, is.Annotations, restartedAt)...)
	out = append(out, mapDifferences("label", was.Labels, is.Labels, appsv1.DefaultDeploymentUniqueLabelKey)...)
	a, b := was.Spec.DeepCopy(), is.Spec.DeepCopy()
	for _, s := range []*corev1.PodSpec{a, b} {
		s.Containers, s.InitContainers, s.DeprecatedServiceAccount = nil, nil, ""
	}
	return append(out, parts("", *a, *b)...)
}

func mapDifferences(what string, was, is map[string]string, except string) []string {
	names := maps.Clone(was)
	if names == nil {
		names = map[string]string{}
	}
	maps.Copy(names, is)
	delete(names, except)
	var out []string
	for _, n := range slices.Sorted(maps.Keys(names)) {
		if c := changed(what+" "+n, hidden(n, was[n]), hidden(n, is[n])); c != "" {
			out = append(out, c)
		} else if was[n] != is[n] {
			out = append(out, what+" "+n+" changed (hidden)")
		}
	}
	return out
}

// parts names the other parts that differ, without their content.
func parts(prefix string, was, is any) []string {
	a, b := membersOf(was), membersOf(is)
	names := maps.Clone(a)
	maps.Copy(names, b)
	var out []string
	for _, n := range slices.Sorted(maps.Keys(names)) {
		if !bytes.Equal(a[n], b[n]) && !reflect.DeepEqual(a[n], b[n]) {
			out = append(out, prefix+n+" changed")
		}
	}
	return out
}

func membersOf(v any) map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	raw, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(raw, &out)
	}
	if err != nil {
		return map[string]json.RawMessage{}
	}
	return out
}

// secretName finds names whose values are hidden.
var secretName = regexp.MustCompile(`(?i)pass|secret|token|key|credential|auth|dsn`)

// hidden is a value as it may be shown: that of a name that looks secret never.
func hidden(name, value string) string {
	switch {
	case value == "":
		return ""
	case secretName.MatchString(name):
		return "•••"
	}
	return maskLine(short(strings.Join(strings.Fields(value), " "), 80))
}

// envDifferences are those of the environment. What comes from a secret is named
// by its reference.
func envDifferences(was, is corev1.Container) []string {
	before, after := environment(was), environment(is)
	names := maps.Clone(before)
	maps.Copy(names, after)
	var out []string
	for _, n := range slices.Sorted(maps.Keys(names)) {
		a, had := before[n]
		b, has := after[n]
		switch {
		case had && has && a == b:
		case had && has && a.shown == b.shown:
			out = append(out, fmt.Sprintf("env %s changed (hidden)", n))
		case !had:
			out = append(out, fmt.Sprintf("env %s added: %s", n, b.shown))
		case !has:
			out = append(out, fmt.Sprintf("env %s removed (was %s)", n, a.shown))
		default:
			out = append(out, fmt.Sprintf("env %s: %s → %s", n, a.shown, b.shown))
		}
	}
	return append(out, sourceDifferences(was.EnvFrom, is.EnvFrom)...)
}

// variable is one of the environment: what it is, and as it may be shown.
type variable struct{ is, shown string }

func environment(c corev1.Container) map[string]variable {
	out := map[string]variable{}
	for _, e := range c.Env {
		v := variable{is: e.Value, shown: hidden(e.Name, e.Value)}
		if e.Value == "" {
			v.shown = "empty"
		}
		if e.ValueFrom != nil {
			v.is = "from " + reference(e.ValueFrom)
			v.shown = v.is
		}
		out[e.Name] = v
	}
	return out
}

func reference(s *corev1.EnvVarSource) string {
	switch {
	case s.SecretKeyRef != nil:
		return "secret " + s.SecretKeyRef.Name + "/" + s.SecretKeyRef.Key
	case s.ConfigMapKeyRef != nil:
		return "config map " + s.ConfigMapKeyRef.Name + "/" + s.ConfigMapKeyRef.Key
	case s.FieldRef != nil:
		return "field " + s.FieldRef.FieldPath
	case s.ResourceFieldRef != nil:
		return "resource " + s.ResourceFieldRef.Resource
	}
	return "elsewhere"
}

// sourceDifferences are those of whole config maps and secrets as environment.
func sourceDifferences(was, is []corev1.EnvFromSource) []string {
	before, after := sources(was), sources(is)
	var out []string
	for _, s := range after {
		if !slices.Contains(before, s) {
			out = append(out, "env from "+s+" added")
		}
	}
	for _, s := range before {
		if !slices.Contains(after, s) {
			out = append(out, "env from "+s+" removed")
		}
	}
	return out
}

func sources(all []corev1.EnvFromSource) []string {
	var out []string
	for _, s := range all {
		switch {
		case s.SecretRef != nil:
			out = append(out, "secret "+s.SecretRef.Name)
		case s.ConfigMapRef != nil:
			out = append(out, "config map "+s.ConfigMapRef.Name)
		}
	}
	return out
}
