package deploy

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"
)

// manifest is what the tests look at of any Kubernetes object.
type manifest struct {
	Kind     string
	Metadata struct{ Name string }
	Spec     struct {
		Replicas int
		Selector struct {
			MatchLabels map[string]string `yaml:"matchLabels"`
			Labels      map[string]string `yaml:",inline"` // of a Service
		}
		Ports []struct {
			Port       int
			TargetPort string `yaml:"targetPort"`
		}
		Template struct {
			Metadata struct{ Labels map[string]string }
			Spec     podSpec
		}
	}
}

type podSpec struct {
	SecurityContext struct {
		RunAsNonRoot bool `yaml:"runAsNonRoot"`
		RunAsUser    int  `yaml:"runAsUser"`
	} `yaml:"securityContext"`
	Containers []container
	Volumes    []struct{ Name string }
}

type container struct {
	Name    string
	Image   string
	Args    []string
	Env     []struct{ Name, Value string }
	EnvFrom []struct {
		SecretRef struct{ Name string } `yaml:"secretRef"`
	} `yaml:"envFrom"`
	Ports []struct {
		Name          string
		ContainerPort int `yaml:"containerPort"`
	}
	ReadinessProbe  probe `yaml:"readinessProbe"`
	LivenessProbe   probe `yaml:"livenessProbe"`
	StartupProbe    probe `yaml:"startupProbe"`
	SecurityContext struct {
		AllowPrivilegeEscalation *bool `yaml:"allowPrivilegeEscalation"`
		ReadOnlyRootFilesystem   bool  `yaml:"readOnlyRootFilesystem"`
		Capabilities             struct{ Drop []string }
	} `yaml:"securityContext"`
	VolumeMounts []struct {
		Name      string
		MountPath string `yaml:"mountPath"`
	} `yaml:"volumeMounts"`
}

type probe struct {
	HTTPGet struct{ Path, Port string } `yaml:"httpGet"`
}

func manifests(t *testing.T) map[string]manifest {
	t.Helper()
	f, err := os.Open("kubernetes/integritybot.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	all := map[string]manifest{}
	for decoder := yaml.NewDecoder(f); ; {
		var m manifest
		if err := decoder.Decode(&m); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all[m.Kind] = m
	}
}

func TestKubernetesObjects(t *testing.T) {
	all := manifests(t)
	var kinds []string
	for _, kind := range []string{"ServiceAccount", "Job", "Deployment", "Service", "PodDisruptionBudget"} {
		if _, ok := all[kind]; ok {
			kinds = append(kinds, kind)
		}
	}
	if len(kinds) != 5 || len(all) != 5 {
		t.Fatalf("found %d objects, of the expected ones %v", len(all), kinds)
	}
	bot := all["Deployment"]
	if bot.Spec.Replicas != 2 {
		t.Errorf("%d replicas, want 2", bot.Spec.Replicas)
	}
	for _, kind := range []string{"Deployment", "PodDisruptionBudget"} {
		if diff := cmp.Diff(bot.Spec.Template.Metadata.Labels, all[kind].Spec.Selector.MatchLabels); diff != "" {
			t.Errorf("the selector of the %s does not select the bot's pods, and only them (-labels +selector):\n%s", kind, diff)
		}
	}
	if cmp.Equal(bot.Spec.Template.Metadata.Labels, all["Job"].Spec.Template.Metadata.Labels) {
		t.Error("the migration's pods would count as the bot's")
	}
}

// TestAlertmanagerFindsTheBot: its example posts to the Service, which leads to the
// bot's pods.
func TestAlertmanagerFindsTheBot(t *testing.T) {
	all := manifests(t)
	service := all["Service"]
	if diff := cmp.Diff(all["Deployment"].Spec.Template.Metadata.Labels, service.Spec.Selector.Labels); diff != "" {
		t.Errorf("the Service does not lead to the bot's pods (-labels +selector):\n%s", diff)
	}
	if len(service.Spec.Ports) != 1 || service.Spec.Ports[0].TargetPort != "http" {
		t.Fatalf("the Service's ports are %+v", service.Spec.Ports)
	}
	var example struct {
		Receivers []struct {
			Name     string
			Webhooks []struct{ URL string } `yaml:"webhook_configs"`
		}
	}
	read(t, "prometheus/alertmanager.yml", &example)
	want := fmt.Sprintf("http://%s.integritybot.svc:%d/alerts", service.Metadata.Name, service.Spec.Ports[0].Port)
	if last := example.Receivers[len(example.Receivers)-1]; len(last.Webhooks) != 1 || last.Webhooks[0].URL != want {
		t.Errorf("Alertmanager's example posts to %+v, want %s", last, want)
	}
}

// TestTheRulesNameTheAlertsThatTheExampleMaps: every alert of the example's config has a
// rule that makes it fire, and its route.
func TestTheRulesNameTheAlertsThatTheExampleMaps(t *testing.T) {
	var rules struct {
		Groups []struct{ Rules []struct{ Alert string } }
	}
	var c struct {
		Incidents struct {
			Alerts struct{ Names map[string]any }
		}
	}
	read(t, "prometheus/rules.yml", &rules)
	read(t, "../config.example.yaml", &c)
	fire := map[string]any{}
	for _, r := range rules.Groups[0].Rules {
		fire[r.Alert] = nil
	}
	route, err := os.ReadFile("prometheus/alertmanager.yml")
	if err != nil {
		t.Fatal(err)
	}
	for name := range c.Incidents.Alerts.Names {
		if _, ok := fire[name]; !ok || !strings.Contains(string(route), name) {
			t.Errorf("%s fires: %v, and is routed: %v", name, ok, strings.Contains(string(route), name))
		}
	}
	if len(fire) != len(c.Incidents.Alerts.Names) {
		t.Errorf("the rules are %v, the config maps %v", fire, c.Incidents.Alerts.Names)
	}
}

func read(t *testing.T, path string, into any) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Load(content, into); err != nil {
		t.Fatal(err)
	}
}

func TestKubernetesPodsAreLockedDown(t *testing.T) {
	for _, kind := range []string{"Job", "Deployment"} {
		t.Run(kind, func(t *testing.T) {
			pod := manifests(t)[kind].Spec.Template.Spec
			if !pod.SecurityContext.RunAsNonRoot || pod.SecurityContext.RunAsUser == 0 {
				t.Error("runs as root")
			}
			volumes := map[string]bool{}
			for _, v := range pod.Volumes {
				volumes[v.Name] = true
			}
			for _, c := range pod.Containers {
				s := c.SecurityContext
				if s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation || !s.ReadOnlyRootFilesystem || !cmp.Equal(s.Capabilities.Drop, []string{"ALL"}) {
					t.Errorf("container %s may do more than it needs: %+v", c.Name, s)
				}
				for _, e := range c.Env {
					if e.Name != "HTTP_LISTEN" {
						t.Errorf("container %s has the value of %s in its manifest; it belongs into a secret", c.Name, e.Name)
					}
				}
				for _, m := range c.VolumeMounts {
					if !volumes[m.Name] {
						t.Errorf("container %s mounts %q, which is no volume", c.Name, m.Name)
					}
				}
			}
		})
	}
}

func TestOnlyTheMigrationSeesTheOwnerDSN(t *testing.T) {
	for kind, want := range map[string][]string{"Deployment": {"integritybot"}, "Job": {"integritybot", "integritybot-owner"}} {
		var got []string
		for _, c := range manifests(t)[kind].Spec.Template.Spec.Containers {
			for _, from := range c.EnvFrom {
				got = append(got, from.SecretRef.Name)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("secrets of the %s (-want +got):\n%s", kind, diff)
		}
	}
}

func TestKubernetesProbes(t *testing.T) {
	c := manifests(t)["Deployment"].Spec.Template.Spec.Containers[0]
	if len(c.Ports) != 1 || c.Ports[0].Name != "http" {
		t.Fatalf("ports %v", c.Ports)
	}
	if want := fmt.Sprintf(":%d", c.Ports[0].ContainerPort); len(c.Env) != 1 || c.Env[0].Value != want {
		t.Errorf("the bot listens on %v, the probes ask %s", c.Env, want)
	}
	for name, got := range map[string]struct {
		probe probe
		path  string
	}{
		"readiness": {c.ReadinessProbe, "/readyz"},
		"liveness":  {c.LivenessProbe, "/healthz"},
		"startup":   {c.StartupProbe, "/healthz"},
	} {
		if got.probe.HTTPGet.Path != got.path || got.probe.HTTPGet.Port != "http" {
			t.Errorf("%s probe asks %+v, want %s at http", name, got.probe.HTTPGet, got.path)
		}
	}
}
