package app

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/config"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/target/kafka"
	"github.com/integritybot/integritybot/internal/target/postgres"
)

// kafkaOptions reads the files that the config names. One that is not there is a
// mistake in the config, and not a cluster that is down.
func kafkaOptions(name string, t config.Target, store string) (kafka.Options, error) {
	k := t.Kafka
	o := kafka.Options{
		Name: name, Place: t.Place, Brokers: k.Brokers, ClientID: k.ClientID, Login: login(k.SASL),
		Sends: k.Sends(), Prefix: k.Prefix, Store: store,
		DialTimeout: k.ConnectTimeout.Std(), RequestTimeout: k.RequestTimeout.Std(),
	}
	if k.Sends() { // whoever would produce need not be known before
		o.Sender = login(k.ReplaySASL)
	}
	if k.TLS == nil {
		return o, nil
	}
	var err error
	o.TLS, err = tlsConfig(k.TLS)
	return o, err
}

func login(s *config.SASL) kafka.Login {
	if s == nil {
		return kafka.Login{}
	}
	return kafka.Login{Mechanism: kafka.Mechanism(s.Mechanism), User: s.User, Password: kafka.Secret(s.Password.Reveal())}
}

func tlsConfig(t *config.TLS) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("tls.ca_file: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("tls.ca_file: %s holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)", t.CAFile)
		}
	}
	if t.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("tls.cert_file and tls.key_file: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// selection tells whether the words that narrow records down are understood.
func selection(words []string) error {
	_, err := kafka.ParseSelect(words)
	return err
}

// nothingSent is the ledger of a bot without a store.
type nothingSent struct{}

// Held implements kafka.Ledger.
func (nothingSent) Held(context.Context, string, string) ([]fix.Held, error) { return nil, nil }

// laterLedger is the ledger of a store that is opened after the targets, so that
// what is wrong with their addresses is said first.
type laterLedger struct{ kafka.Ledger }

func (l *laterLedger) of(r *record) {
	if r.memory.ledger != nil {
		l.Ledger = r.memory.ledger
	}
}

// databases answer what consumers have done and services have stored.
type databases map[string]*postgres.Target

// databases asks the databases themselves and no replica: what a replica does not
// know yet would be sent twice.
func (t *Targets) databases(ctx context.Context, c *config.Config) (databases, error) {
	d := databases{}
	for name, one := range t.postgres {
		d[name] = one
		o := postgresOptions(name, c.Targets[name])
		if o.ReadDSN == "" {
			continue
		}
		o.ReadDSN = ""
		target, err := postgres.Open(ctx, o)
		if err != nil {
			return nil, fmt.Errorf("target %s: %w", name, err)
		}
		d[name], t.also = target, append(t.also, target)
	}
	return d, nil
}

func (d databases) at(target string) (*postgres.Target, error) {
	if one, ok := d[target]; ok {
		return one, nil
	}
	return nil, &check.Problem{Sentence: "Target " + target + " is off: the config gives no address for it, so I cannot look up there what was done with these events."}
}

// Known implements kafka.Tables.
func (d databases) Known(ctx context.Context, target, table, column string, ids []string) (map[string]bool, error) {
	one, err := d.at(target)
	if err != nil {
		return nil, err
	}
	return one.Known(ctx, table, column, ids)
}

// Events implements kafka.Tables.
func (d databases) Events(ctx context.Context, target string, from kafka.EventTable, aggregate string, since, until time.Time, limit int) ([]kafka.Event, error) {
	one, err := d.at(target)
	if err != nil {
		return nil, err
	}
	stored, err := one.Events(ctx, postgres.EventTable{
		Table: from.Table, Aggregate: from.Aggregate, Sequence: from.Sequence, ID: from.ID, Type: from.Type, Payload: from.Payload, Time: from.Time,
	}, aggregate, since, until, limit)
	if err != nil {
		return nil, err
	}
	events := make([]kafka.Event, 0, len(stored))
	for _, e := range stored {
		events = append(events, kafka.Event(e))
	}
	return events, nil
}

// kafkaFix makes a fix ready to use, or says why it is not.
func (t *Targets) kafkaFix(one fix.Declared, words kafka.Fix, sending map[string]fix.Applier) fix.Declared {
	name := one.Check.Target
	target, on := t.kafka[name]
	if !on {
		one.Off = fmt.Sprintf("the config gives no address for it (targets.%s.kafka.brokers)", name)
		return one
	}
	applier, sends := sending[name]
	if !sends {
		one.Off = fmt.Sprintf("the config does not let plans produce there (targets.%s.kafka.replay: on)", name)
		return one
	}
	one.Planner, one.Applier = words.Planner(target, t.sources, one.Check), applier
	return one
}
