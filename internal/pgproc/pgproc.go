// Package pgproc promises a private PostgreSQL server for the demo and the tests: it starts one from the binaries
// installed on this machine, reachable through a unix socket, and never leaves a process behind, not even when this
// process is killed with kill -9. It must never touch a server it did not start, never open a port it was not asked
// for, and never run a server as root.
package pgproc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// Superuser is the name of the superuser of every server started here.
const Superuser = "postgres"

// defaultPort names the socket file when no TCP port was asked for; nothing listens on it.
const defaultPort = 5432

// defaultStartTimeout bounds Start when the caller's context has no deadline: initdb takes about a second, crash
// recovery of a demo's database a few.
const defaultStartTimeout = 2 * time.Minute

// Options says what server to start. The zero value is a throw-away server in a temporary directory.
type Options struct {
	// Dir holds the server's files and is kept when the server stops; a later Start with the same Dir finds the
	// same databases. Empty: a temporary directory, removed by Stop.
	Dir string
	// Temp is where the temporary directory is made when Dir is empty. Empty: where the system has such directories.
	Temp string
	// Durable keeps fsync, full_page_writes and synchronous_commit on. Off (the default) is several times faster and
	// loses data when the machine, not merely the process, crashes.
	Durable bool
	// Settings are further postgresql.conf settings; they win over the ones made here.
	Settings map[string]string
	// Port, if not 0, is also listened on at 127.0.0.1, for roles that have a password (scram-sha-256).
	Port int
	// Log receives the server's log. Nil: the log goes to a file in Dir only.
	Log io.Writer
	// BinDir is where initdb and postgres are. Empty: the newest found by [Find].
	BinDir string
}

var settingName = regexp.MustCompile(`^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?$`)

// Validate names every bad field, joined into one error.
func (o Options) Validate() error {
	var bad []error
	if o.Port < 0 || o.Port > 65535 {
		bad = append(bad, fmt.Errorf("port %d is not between 0 and 65535", o.Port))
	}
	for name := range o.Settings {
		if !settingName.MatchString(name) {
			bad = append(bad, fmt.Errorf("%q is not the name of a PostgreSQL setting", name))
		}
	}
	return errors.Join(bad...)
}

// Server is a running server. Its methods may be called from several goroutines.
type Server struct {
	home       *home
	port       int
	tcp        bool
	postmaster *postmaster
}

// Start starts a server and returns when it accepts connections. The context bounds the start only, not the life of
// the server: that ends with Stop or with this process, whichever is first. On an error nothing is left running.
func Start(ctx context.Context, o Options) (*Server, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, defaultStartTimeout)
		defer cancel()
	}
	s, err := start(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	return s, nil
}

func start(ctx context.Context, o Options) (_ *Server, err error) {
	install, err := findInstall(ctx, o.BinDir)
	if err != nil {
		return nil, err
	}
	who, err := runAs()
	if err != nil {
		return nil, err
	}
	h, err := openHome(o.Dir, o.Temp, who)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			h.Close()
		}
	}()
	if err := initCluster(ctx, install, h); err != nil {
		return nil, err
	}
	s := &Server{home: h, port: o.Port, tcp: o.Port != 0}
	if !s.tcp {
		s.port = defaultPort
	}
	s.postmaster, err = startPostmaster(ctx, postmasterOptions{
		binary: filepath.Join(install.dir, "postgres"), args: s.args(o), home: h, kept: o.Dir != "", log: o.Log,
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// args are the postmaster's command line: its settings are visible in ps, which is where one looks at 3 am.
func (s *Server) args(o Options) []string {
	settings := map[string]string{
		"unix_socket_directories": s.home.socketDir,
		"unix_socket_permissions": "0700",
		"listen_addresses":        "",
		"port":                    strconv.Itoa(s.port),
		"logging_collector":       "off",
		"log_timezone":            "UTC",
		"timezone":                "UTC",
	}
	if s.tcp {
		settings["listen_addresses"] = "127.0.0.1"
	}
	if !o.Durable {
		settings["fsync"], settings["full_page_writes"], settings["synchronous_commit"] = "off", "off", "off"
	}
	for name, value := range o.Settings {
		settings[name] = value
	}
	args := []string{"-D", s.home.dataDir}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, "-c", name+"="+settings[name])
	}
	return args
}

// DSN is a connection URL for a database and a user, through the unix socket; no password is needed.
func (s *Server) DSN(db, user string) string {
	u := url.URL{Scheme: "postgres", User: url.User(user), Path: "/" + db}
	u.RawQuery = url.Values{"host": {s.home.socketDir}, "port": {strconv.Itoa(s.port)}}.Encode()
	return u.String()
}

// Addr is the TCP address listened on, or "" when [Options.Port] was 0.
func (s *Server) Addr() string {
	if !s.tcp {
		return ""
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port))
}

// PID is the process id of the postmaster.
func (s *Server) PID() int { return s.postmaster.PID() }

// Done is closed when the server has ended, whether by Stop or by itself.
func (s *Server) Done() <-chan struct{} { return s.postmaster.Done() }

// Stop ends the server and returns when it is gone: within a fraction of a second if it is idle, and never later than
// about fifteen seconds. A temporary directory is removed. Stop may be called more than once.
func (s *Server) Stop() {
	s.postmaster.stop()
	s.home.Close()
}
