package kafkatest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const (
	dataDir   = "data"
	logFile   = "kafka.log"
	keyFile   = "broker.pem"
	trustFile = "ca.pem"

	// logBytes is how much of a log is shown.
	logBytes = 4096
	// startTimeout is generous: a start takes a second, or several on a machine that is busy.
	startTimeout = 3 * time.Minute
	// portAttempts: a port that was free may be taken by another process before the broker opens it.
	portAttempts = 5
)

var (
	errEnded     = errors.New("the broker ended while starting")
	errPortTaken = errors.New("another process has taken a port of the broker")
)

// broker is one process of Apache Kafka: a broker and its controller.
type broker struct {
	setup   setup
	ports   ports
	home    *home
	cluster string // its id, which tells this broker from another one at the same port
	cmd     *exec.Cmd
	done    chan struct{} // closed when the process has ended
	failed  atomic.Bool   // a test that used it has
}

// ports are addresses on loopback.
type ports struct{ client, internal, controller string }

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
				s.front.to(b.ports.client)
			}
			return b, nil
		}
		if !errors.Is(err, errPortTaken) || attempt == portAttempts {
			return nil, fmt.Errorf("starting Apache Kafka: %w", err)
		}
	}
}

func tryBroker(ctx context.Context, in install, s setup) (_ *broker, err error) {
	b := &broker{setup: s, done: make(chan struct{})}
	if b.home, err = openHome(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			b.home.close()
		}
	}()
	if b.ports, err = freePorts(ctx); err != nil {
		return nil, err
	}
	if err := b.furnish(in); err != nil {
		return nil, err
	}
	if err := b.launch(in); err != nil {
		return nil, err
	}
	err = b.poll(ctx, func() error { return b.ready(ctx) })
	if err == nil {
		err = b.addUsers(ctx)
	}
	if err != nil {
		b.kill()
		return nil, b.explain(err)
	}
	return b, nil
}

// freePorts are free at this moment. Held until all are chosen, they differ.
func freePorts(ctx context.Context) (p ports, err error) {
	var held []net.Listener
	defer func() {
		for _, l := range held {
			_ = l.Close()
		}
	}()
	for _, address := range []*string{&p.client, &p.internal, &p.controller} {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return ports{}, err
		}
		held, *address = append(held, l), l.Addr().String()
	}
	return p, nil
}

var clusterLine = regexp.MustCompile(`(?m)^cluster\.id=.*$`)

// furnish puts into the home what the broker reads: its configuration, keys, and a log directory as formatting makes it,
// which is copied because formatting takes another second. Only the cluster's id is its own.
func (b *broker) furnish(in install) error {
	if err := os.CopyFS(b.home.path(dataDir), os.DirFS(filepath.Join(in.dir, "formatted"))); err != nil {
		return err
	}
	id := make([]byte, 16)
	if _, err := rand.Read(id); err != nil {
		return err
	}
	b.cluster = base64.RawURLEncoding.EncodeToString(id) // Kafka's Uuid
	meta := b.home.path(dataDir, "meta.properties")
	formatted, err := os.ReadFile(meta)
	if err != nil {
		return err
	}
	files := map[string][]byte{
		meta:                             clusterLine.ReplaceAll(formatted, []byte("cluster.id="+b.cluster)),
		b.home.path("server.properties"): []byte(b.setup.configuration(b.ports, b.home.dir)),
	}
	if c := b.setup.certificates; c != nil {
		files[b.home.path(keyFile)], files[b.home.path(trustFile)] = c.serverPEM, c.caPEM
	}
	for path, content := range files {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (b *broker) launch(in install) error {
	cmd, err := in.command(b.home.path("server.properties"), b.home.dir)
	if err != nil {
		return err
	}
	log, err := os.OpenFile(b.home.path(logFile), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = log, log, attributes()
	b.cmd = cmd
	started := make(chan error, 1)
	go b.supervise(log, started)
	return <-started
}

// supervise keeps the thread that started the process for as long as that runs: Linux sends the parent-death signal
// when this thread ends, not when the process does (man 2 prctl, PR_SET_PDEATHSIG).
func (b *broker) supervise(log *os.File, started chan<- error) {
	runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
	defer close(b.done)
	defer func() { _ = log.Close() }()
	if err := b.cmd.Start(); err != nil {
		started <- err
		return
	}
	started <- nil
	_ = b.cmd.Wait() // how it ended is in the log; that it ended is what done says
}

// explain adds what the broker complained of first, or else said last.
func (b *broker) explain(err error) error {
	log, readErr := os.ReadFile(b.home.path(logFile))
	if readErr != nil {
		return errors.Join(err, readErr)
	}
	if errors.Is(err, errEnded) && bytes.Contains(log, []byte("Address already in use")) {
		err = errPortTaken
	}
	said := log[max(0, len(log)-logBytes):]
	if at := bytes.Index(log, []byte(" ERROR ")); at >= 0 {
		said = log[at:min(len(log), at+logBytes)]
	}
	return fmt.Errorf("%w; it said: %s", err, strings.TrimSpace(string(said)))
}

// note remembers a failed test.
func (b *broker) note(t testing.TB) {
	if t.Failed() {
		b.failed.Store(true)
	}
}

// kill ends the process by its own id and waits until it is gone. Its data is thrown away, so that an orderly end, which
// takes two seconds, would be for nothing.
func (b *broker) kill() {
	_ = b.cmd.Process.Kill() // fails only when it has ended
	<-b.done
}

// end leaves nothing but the log, and that only if a test failed.
func (b *broker) end() {
	b.kill()
	if b.failed.Load() {
		if kept, err := b.home.keep(logFile); err == nil {
			fmt.Fprintf(os.Stderr, "kafkatest: the log of Apache Kafka is in %s\n", kept)
		}
	}
	b.home.close()
}
