// Package kube looks at one namespace of a Kubernetes cluster: log lines of the
// configured deployments, what was changed and by which client. Where a
// confirmed plan says so, it stops and resumes writers and starts a restore.
//
// Looking reads only, and never the values of secrets: of them it asks for the
// metadata alone. A pod, a permission or a whole cluster that did not answer is
// said as such and never becomes "nothing there". It changes only what a
// confirmed plan names, each change once, on the condition that the object is
// still the one that the plan saw, and with the plan's name written beside it.
package kube

import "time"

// Options describe one namespace of one cluster. The zero value of a field takes
// its default.
type Options struct {
	Name  string // the target's name in the config: cluster
	Place string // where it is, for people: production

	// Kubeconfig is a file, or several as in KUBECONFIG; empty: the pod's own service
	// account. Context is one of its contexts; empty: the current one.
	Kubeconfig, Context string
	Namespace           string

	Deployments []string // whose logs and rollouts are looked at
	ConfigMaps  []string // whose edits are looked at
	Secrets     []string // whose edits are looked at; never their values

	// Writes allows plans to change workloads here. WriteKubeconfig is who does it;
	// empty: the same as reads. FieldManager is the name under which changes are made;
	// default integritybot.
	Writes          bool
	WriteKubeconfig string
	FieldManager    string
	// Store is what the bot's store is called, so that two bots do not take each
	// other's plans for their own.
	Store string

	Logs LogOptions

	Timeout time.Duration    // of one question to the API; default 10 s
	Now     func() time.Time // default time.Now
}

// LogOptions say which log lines count and how much is read.
type LogOptions struct {
	// Errors and Events are regular expressions (RE2) that lines of errors, and of
	// errors in events, match.
	Errors, Events string
	Since          time.Duration // how far back is read unless it is asked otherwise; default 1 h
	Streams        int           // read at once; default 20
	MaxLines       int64         // read at most by one look; default 2,000,000
}
