package kafkatest

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/integritybot/integritybot/internal/process"
)

const (
	homePattern = "ibkafka-*"
	keptPattern = "kafka-log-*.log"

	dataDir   = "data"
	logFile   = "kafka.log"
	keyFile   = "broker.pem"
	trustFile = "ca.pem"

	// logBytes is how much of a complaint is shown.
	logBytes = 4096
	// startTimeout is generous: a start takes a second, or several on a machine that is busy.
	startTimeout = 3 * time.Minute
	// portAttempts: a port that was free may be taken by another process before the broker opens it.
	portAttempts = 5
)

var errPortTaken = errors.New("another process has taken a port of the broker")

// broker is one process of Apache Kafka: a broker and its controller.
type broker struct {
	setup   setup
	ports   ports
	home    *process.Home
	cluster string // its id, which tells this broker from another one at the same port
	process *process.Process
	failed  atomic.Bool // a test that used it has
}

type ports struct{ client, internal, controller process.Port }

func startBroker(s setup) (*broker, error) {
	in, err := findInstall()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	for attempt := 1; ; attempt++ {
		b, err := tryBroker(ctx, in, s)
		if err == nil {
			if s.front != nil {
				s.front.to(b.ports.client.Address())
			}
			return b, nil
		}
		if !errors.Is(err, errPortTaken) || attempt == portAttempts {
			return nil, fmt.Errorf("starting Apache Kafka: %w", err)
		}
	}
}

func tryBroker(ctx context.Context, in install, s setup) (_ *broker, err error) {
	b := &broker{setup: s}
	if b.home, err = process.NewHome("", homePattern); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			b.home.Close()
		}
	}()
	if err := process.FreePorts(ctx, &b.ports.client, &b.ports.internal, &b.ports.controller); err != nil {
		return nil, err
	}
	if err := b.furnish(in); err != nil {
		return nil, err
	}
	cmd, err := in.command(b.home.Path("server.properties"), b.home.Path())
	if err != nil {
		return nil, err
	}
	if b.process, err = process.Start(cmd, process.Options{Log: b.home.Path(logFile)}); err != nil {
		return nil, err
	}
	err = b.process.Await(ctx, pollInterval, b.ready)
	if err == nil {
		err = b.addUsers(ctx)
	}
	if err != nil {
		b.process.Kill()
		return nil, b.explain(err)
	}
	return b, nil
}

var clusterLine = regexp.MustCompile(`(?m)^cluster\.id=.*$`)

// furnish puts into the home what the broker reads: its configuration, keys, and a log directory as formatting makes it,
// which is copied because formatting takes another second. Only the cluster's id is its own.
func (b *broker) furnish(in install) error {
	if err := os.CopyFS(b.home.Path(dataDir), os.DirFS(filepath.Join(in.dir, "formatted"))); err != nil {
		return err
	}
	id := make([]byte, 16)
	if _, err := rand.Read(id); err != nil {
		return err
	}
	b.cluster = base64.RawURLEncoding.EncodeToString(id) // Kafka's Uuid
	meta := b.home.Path(dataDir, "meta.properties")
	formatted, err := os.ReadFile(meta)
	if err != nil {
		return err
	}
	files := map[string][]byte{
		meta:                             clusterLine.ReplaceAll(formatted, []byte("cluster.id="+b.cluster)),
		b.home.Path("server.properties"): []byte(b.setup.configuration(b.ports, b.home.Path())),
	}
	if c := b.setup.certificates; c != nil {
		files[b.home.Path(keyFile)], files[b.home.Path(trustFile)] = c.serverPEM, c.caPEM
	}
	for path, content := range files {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// explain adds what the broker complained of first, or else said last.
func (b *broker) explain(err error) error {
	log := b.process.Log()
	if errors.Is(err, process.ErrEnded) && strings.Contains(log, "Address already in use") {
		err = errPortTaken
	}
	if at := strings.Index(log, " ERROR "); at >= 0 {
		return fmt.Errorf("%w; it said: %s", err, strings.TrimSpace(log[at:min(len(log), at+logBytes)]))
	}
	return b.process.Explain(err)
}

// note remembers a failed test.
func (b *broker) note(t testing.TB) {
	if t.Failed() {
		b.failed.Store(true)
	}
}

// end leaves nothing but the log, and that only if a test failed. What the broker would save in an orderly end, which
// takes two seconds, would be thrown away.
func (b *broker) end() {
	b.process.Kill()
	if b.failed.Load() {
		if kept, err := b.keep(logFile); err == nil {
			fmt.Fprintf(os.Stderr, "kafkatest: the log of Apache Kafka is in %s\n", kept)
		}
	}
	b.home.Close()
}

// keep moves a file out of the home to where it stays, and says where that is.
func (b *broker) keep(name string) (string, error) {
	f, err := os.CreateTemp("", keptPattern)
	if err != nil {
		return "", err
	}
	return f.Name(), errors.Join(f.Close(), os.Rename(b.home.Path(name), f.Name()))
}
