package mailtest

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// Options of a Server.
type Options struct {
	// Addr is where it listens, of this machine; empty: 127.0.0.1 and any port.
	Addr string
	// Plain offers no STARTTLS. Encrypted speaks TLS from the first byte.
	Plain, Encrypted bool
	// User and Password, if it is to ask for them.
	User, Password string
}

// Server is a mail server. Its methods can be called at any time, by anybody.
type Server struct {
	options Options
	smtp    *smtp.Server
	socket  net.Listener
	ca      authority
	served  chan struct{} // closed when it does not listen any more
	closed  chan struct{} // closed when it is to end: what hangs goes on

	mu     sync.Mutex
	faults []*Fault
	mails  []Mail
	news   chan struct{} // closed and made anew with every mail
}

// Start starts one.
func Start(o Options) (*Server, error) {
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	if host, _, err := net.SplitHostPort(o.Addr); err != nil || !net.ParseIP(host).IsLoopback() {
		return nil, fmt.Errorf("mailtest: %q is not an address of this machine", o.Addr)
	}
	ca, err := newAuthority()
	if err != nil {
		return nil, fmt.Errorf("mailtest: %w", err)
	}
	socket, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", o.Addr)
	if err != nil {
		return nil, fmt.Errorf("mailtest: %w", err)
	}
	s := &Server{options: o, socket: socket, ca: ca, served: make(chan struct{}), closed: make(chan struct{}), news: make(chan struct{})}
	s.smtp = smtp.NewServer(smtp.BackendFunc(s.session))
	s.smtp.Domain = "mailtest.example.com"
	s.smtp.AllowInsecureAuth = o.Plain
	s.smtp.MaxMessageBytes = 1 << 20
	s.smtp.ReadTimeout, s.smtp.WriteTimeout = time.Minute, time.Minute
	s.smtp.ErrorLog = quiet{}
	if !o.Plain {
		s.smtp.TLSConfig = &tls.Config{Certificates: []tls.Certificate{ca.server}, MinVersion: tls.VersionTLS12}
	}
	serving := net.Listener(&door{Listener: socket, server: s})
	if o.Encrypted {
		serving = tls.NewListener(serving, s.smtp.TLSConfig)
	}
	go func() {
		defer close(s.served)
		_ = s.smtp.Serve(serving)
	}()
	return s, nil
}

// Close ends it and all its connections.
func (s *Server) Close() error {
	s.mu.Lock()
	select {
	case <-s.closed:
	default:
		close(s.closed)
	}
	s.mu.Unlock()
	err := errors.Join(s.smtp.Close(), s.socket.Close())
	<-s.served
	if errors.Is(err, smtp.ErrServerClosed) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Addr is its host:port.
func (s *Server) Addr() string { return s.socket.Addr().String() }

// CAs believes its certificate; CAPEM is the same for a file.
func (s *Server) CAs() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(s.ca.pem)
	return pool
}

// CAPEM is the certificate of its authority.
func (s *Server) CAPEM() []byte { return bytes.Clone(s.ca.pem) }

// Mails are those that arrived, the oldest first.
func (s *Server) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mails)
}

// Wait waits until at least n mails arrived, and gives them.
func (s *Server) Wait(ctx context.Context, n int) ([]Mail, error) {
	for {
		s.mu.Lock()
		mails, news := slices.Clone(s.mails), s.news
		s.mu.Unlock()
		if len(mails) >= n {
			return mails, nil
		}
		select {
		case <-news:
		case <-ctx.Done():
			return mails, fmt.Errorf("%d of %d mails arrived: %w", len(mails), n, ctx.Err())
		}
	}
}

// keep takes a mail.
func (s *Server) keep(m Mail) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mails = append(s.mails, m)
	close(s.news)
	s.news = make(chan struct{})
}

// quiet is for what clients that hang up make a server say.
type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}
