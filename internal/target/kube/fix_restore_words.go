package kube

import (
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Secrets in the words of a command. What is no secret stays as it is: somebody has to
// judge it.
var (
	userInURL = regexp.MustCompile(`://[^/\s@]+@`)
	webToken  = regexp.MustCompile(`\beyJ[\w-]{8,}(\.[\w-]+){1,2}`)
	// Assignments, as flags, variables and headers have them, and flags whose value is the
	// next word.
	assigned = regexp.MustCompile(`([\w-]+)(=|:\s*)("[^"]*"|'[^']*'|[^\s"';&|]+)`)
	flagged  = regexp.MustCompile(`(-[\w-]+)(\s+)("[^"]*"|'[^']*'|[^\s"';&|-][^\s"';&|]*)`)
)

const masked = "•••"

// commandText is a command as a preview shows it.
func commandText(words []string) string {
	if len(words) == 0 {
		return "the image's own"
	}
	return clipped(maskSecrets(strings.Join(words, " ")))
}

// maskSecrets hides the values of what is called a secret, and who logs in by a URL.
func maskSecrets(s string) string {
	s = webToken.ReplaceAllString(userInURL.ReplaceAllString(s, "://"+masked+"@"), masked)
	for _, pattern := range []*regexp.Regexp{assigned, flagged} {
		s = pattern.ReplaceAllStringFunc(s, func(one string) string {
			m := pattern.FindStringSubmatch(one)
			if !secretName.MatchString(m[1]) {
				return one
			}
			return m[1] + m[2] + masked
		})
	}
	return s
}

// plainSecrets are the variables of a job whose name is that of a secret and whose
// value stands in the job itself.
func plainSecrets(p corev1.PodSpec) []string {
	var names []string
	for _, c := range slices.Concat(p.InitContainers, p.Containers) {
		for _, e := range c.Env {
			if e.Value != "" && e.ValueFrom == nil && secretName.MatchString(e.Name) && !slices.Contains(names, e.Name) {
				names = append(names, e.Name)
			}
		}
	}
	return names
}
