package config_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/integritybot/integritybot/internal/config"
)

// environment is one that the test makes up.
func environment(vars map[string]string) config.Environment {
	return config.Environment{
		LookupEnv: func(name string) (string, bool) { v, ok := vars[name]; return v, ok },
		ReadFile:  os.ReadFile,
	}
}

func TestTheExampleRunsAsItStands(t *testing.T) {
	c, err := config.Load("../../config.example.yaml", environment(map[string]string{
		"SLACK_APP_TOKEN": "xapp-1", "SLACK_BOT_TOKEN": "xoxb-1", "STORE_DSN": "postgres://store", "SHOP_DSN": "postgres://shop",
		"KAFKA_BROKERS": "kafka-1.example.com:9092, kafka-2.example.com:9092", "KAFKA_REPLAY": "on", "REDIS_ADDR": "redis.example.com:6379", "REDIS_CLEAR": "on", "KUBECONFIG": "/etc/kubeconfig", "KUBERNETES_WRITES": "on",
	}))
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Targets["shop"].Postgres.DSN.Reveal(); got != "postgres://shop" {
		t.Errorf("the shop's address is %q", got)
	}
	if k := c.Targets["events"].Kafka; len(k.Brokers) != 2 || k.Brokers[1] != "kafka-2.example.com:9092" || !k.Sends() {
		t.Errorf("the events are at %q, and plans may produce: %v", k.Brokers, k.Sends())
	}
	if r := c.Targets["cache"].Redis; len(r.Addr) != 1 || !r.Clears() {
		t.Errorf("the cache is at %q, and plans may clear it: %v", r.Addr, r.Clears())
	}
	if k := c.Targets["cluster"].Kubernetes; k.Kubeconfig != "/etc/kubeconfig" || !k.On() || !k.Changes() {
		t.Errorf("the cluster is in %q, on: %v, and plans may change it: %v", k.Kubeconfig, k.On(), k.Changes())
	}
	for _, d := range c.Declared() {
		if d.Check.Off {
			t.Errorf("the target of %s is off", d.Check.Name)
		}
	}
	if len(c.Declared()) != 22 {
		t.Errorf("%d checks are declared, want 22", len(c.Declared()))
	}
	if got := c.Policy().Roles[0].Name; got != "responders" {
		t.Errorf("the first role is %q: the order of the file is lost", got)
	}
}

func TestTheExampleIsValidWithoutAnyVariable(t *testing.T) {
	c, err := config.Load("../../config.example.yaml", environment(nil))
	if err != nil {
		t.Fatal(err)
	}
	if k := c.Targets["events"].Kafka; len(k.Brokers) != 0 || k.Sends() {
		t.Errorf("without KAFKA_BROKERS the events are at %q", k.Brokers)
	}
	if k := c.Targets["cluster"].Kubernetes; k.On() {
		t.Error("without KUBECONFIG, outside of a cluster, there is one")
	}
	for _, d := range c.Declared() {
		if !d.Check.Off {
			t.Errorf("without any address the target of %s is on", d.Check.Name)
		}
	}
	if c.Slack.APIURL != "https://slack.com/api/" {
		t.Errorf("without SLACK_API_URL the address is %q", c.Slack.APIURL)
	}
}

func TestTheExampleAtTheTopIsTheOneInTheBinary(t *testing.T) {
	top, err := os.ReadFile("../../config.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(top, config.Example()) {
		t.Error("config.example.yaml and internal/config/example.yaml differ; cp internal/config/example.yaml config.example.yaml")
	}
}
