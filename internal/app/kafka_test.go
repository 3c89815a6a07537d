package app_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/integritybot/integritybot/internal/app"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/config"
	"github.com/integritybot/integritybot/internal/kafkatest"
	"github.com/integritybot/integritybot/internal/pgtest"
)

// clusterConfig is a config with one cluster and one check of its dead letters.
func clusterConfig(t *testing.T, kafka string, vars map[string]string) *config.Config {
	t.Helper()
	text := "targets:\n  events:\n    place: test/events\n    kafka:\n      brokers: ${KAFKA_BROKERS}\n" + kafka +
		"checks:\n  failed-events: {kind: dead-letters, domain: events, target: events, topic: dlq}\n"
	c, err := config.Parse("c.yaml", []byte(text), config.Environment{
		LookupEnv: func(name string) (string, bool) { v, ok := vars[name]; return v, ok },
		ReadFile:  os.ReadFile,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// letters puts so many dead letters into a topic of the cluster.
func letters(t *testing.T, c *kafkatest.Cluster, topic string, n int) {
	t.Helper()
	client := c.Client(t)
	if _, err := kadm.NewClient(client).CreateTopic(t.Context(), 1, 1, nil, topic); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		r := &kgo.Record{Topic: topic, Key: fmt.Appendf(nil, "o-%d", i), Headers: []kgo.RecordHeader{{Key: "event_id", Value: fmt.Appendf(nil, "e-%d", i)}}}
		if err := client.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

func lettersVerdict(t *testing.T, c *config.Config) (check.Verdict, string, error) {
	t.Helper()
	var out bytes.Buffer
	v, err := app.Check(t.Context(), c, app.CheckOptions{Output: "text", Out: &out, Log: slog.New(slog.DiscardHandler), Version: "test"})
	return v, out.String(), err
}

// TestAClusterAsItsUsersHaveIt: with certificates on both sides and a password,
// all of it from the config.
func TestAClusterAsItsUsersHaveIt(t *testing.T) {
	t.Parallel()
	cluster := kafkatest.Start(t, kafkatest.Options{
		TLS: kafkatest.MutualTLS, Users: []kafkatest.User{{Name: "bot", Password: "let me in", Mechanism: kafkatest.ScramSHA512}},
	})
	letters(t, cluster, "dlq", 3)
	vars := map[string]string{
		"KAFKA_BROKERS": strings.Join(cluster.Brokers, ", "), "CA": cluster.Certificates.CA, "PASSWORD": "let me in",
		"CERT": cluster.Certificates.Certificate, "KEY": cluster.Certificates.Key,
	}
	const words = "      tls: {ca_file: \"${CA}\", cert_file: \"${CERT}\", key_file: \"${KEY}\"}\n      sasl: {mechanism: SCRAM-SHA-512, user: bot, password: \"${PASSWORD}\"}\n"
	verdict, text, err := lettersVerdict(t, clusterConfig(t, words, vars))
	if err != nil || verdict != check.Fail || !strings.Contains(text, "3 dead letters") {
		t.Errorf("%s, %v:\n%s", verdict, err, text)
	}

	vars["PASSWORD"] = "let me out"
	verdict, text, err = lettersVerdict(t, clusterConfig(t, words, vars))
	if err != nil || verdict != check.Unknown || !strings.Contains(text, "refused the login of bot by scram-sha-512") || strings.Contains(text, "let me") {
		t.Errorf("with a wrong password: %s, %v:\n%s", verdict, err, text)
	}
}

func TestFilesOfAClusterAreReadAtTheStart(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("no certificate\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ words, says string }{
		{"      tls: {ca_file: /nonexistent/ca.pem}\n", "target events: tls.ca_file: open /nonexistent/ca.pem"},
		{"      tls: {ca_file: \"" + empty + "\"}\n", "holds no certificate in PEM form"},
		{"      tls: {cert_file: \"" + empty + "\", key_file: \"" + empty + "\"}\n", "target events: tls.cert_file and tls.key_file: "},
	} {
		_, _, err := lettersVerdict(t, clusterConfig(t, tt.words, map[string]string{"KAFKA_BROKERS": "127.0.0.1:1"}))
		if err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want %s", tt.words, err, tt.says)
		}
	}
}

// TestWhoWouldProduceNeedNotBeKnownWhereNobodyDoes: the user comes from a variable
// that is set only where replay is on.
func TestWhoWouldProduceNeedNotBeKnownWhereNobodyDoes(t *testing.T) {
	t.Parallel()
	c := clusterConfig(t, "      replay: \"off\"\n      replay_sasl: {mechanism: plain, user: \"${NOBODY}\"}\n", map[string]string{"KAFKA_BROKERS": "127.0.0.1:1"})
	targets, err := app.OpenTargets(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	targets.Close()
}

// TestWhatWasProcessedIsAskedOfTheDatabaseItself: a replica may not know it yet,
// and what it does not know would be sent twice.
func TestWhatWasProcessedIsAskedOfTheDatabaseItself(t *testing.T) {
	t.Parallel()
	primary, replica := pgtest.Database(t), pgtest.Database(t)
	for _, dsn := range []string{primary, replica} {
		pgtest.Exec(t, dsn, "CREATE TABLE processed_events (event_id text PRIMARY KEY)")
	}
	pgtest.Exec(t, primary, "INSERT INTO processed_events VALUES ('e-1')")
	c, err := config.Parse("c.yaml", []byte("targets:\n  shop:\n    postgres: {dsn: \""+primary+"\", read_dsn: \""+replica+"\"}\n"), config.System())
	if err != nil {
		t.Fatal(err)
	}
	targets, err := app.OpenTargets(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer targets.Close()
	known, err := targets.Processed(t.Context(), "shop", "processed_events", "event_id", []string{"e-1", "e-2"})
	if err != nil || !known["e-1"] || known["e-2"] {
		t.Errorf("known are %v, %v", known, err)
	}
	if _, err = targets.Processed(t.Context(), "warehouse", "processed_events", "event_id", nil); err == nil || !strings.Contains(err.Error(), "Target warehouse is off") {
		t.Errorf("a database that is off: %v", err)
	}
}
