package app

import (
	"fmt"

	"github.com/integritybot/integritybot/internal/config"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/target/kube"
)

func kubeOptions(name string, t config.Target, store string) kube.Options {
	k := t.Kubernetes
	return kube.Options{
		Name: name, Place: t.Place, Kubeconfig: k.Kubeconfig, Context: k.Context, Namespace: k.Namespace,
		Deployments: k.Deployments, ConfigMaps: k.ConfigMaps, Secrets: k.Secrets,
		Writes: k.Changes(), WriteKubeconfig: k.WriteKubeconfig, FieldManager: k.FieldManager, Store: store,
		Logs: kube.LogOptions{
			Errors: k.Logs.Errors, Events: k.Logs.Events, Since: k.Logs.Since.Std(), Streams: k.Logs.Streams, MaxLines: k.Logs.MaxLines,
		},
		Timeout: k.RequestTimeout.Std(),
	}
}

// kubeFix makes a fix ready to use, or says why it is not.
func (t *Targets) kubeFix(one fix.Declared, words kube.Fix, changing map[string]fix.Applier) fix.Declared {
	name := one.Check.Target
	target, on := t.kube[name]
	if !on {
		one.Off = fmt.Sprintf("the config names no cluster for it (targets.%s.kubernetes.kubeconfig), and the bot runs in none", name)
		return one
	}
	applier, changes := changing[name]
	if !changes {
		one.Off = fmt.Sprintf("the config does not let plans change workloads there (targets.%s.kubernetes.writes: on)", name)
		return one
	}
	one.Planner, one.Applier = words.Planner(target, one.Check), applier
	return one
}
