package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Readiness is something that must be well before this replica is given work.
type Readiness struct {
	Name  string
	Check func(context.Context) error
}

// requestWithin is how long a request may take to come, and as long again to be answered.
const requestWithin = 30 * time.Second

// endpoints is what a replica serves over HTTP: /healthz (the process runs), /readyz
// (everything it needs answers), /metrics and /alerts.
type endpoints struct {
	listen  string // "off" serves nothing
	opened  func(addr string)
	metrics prometheus.Gatherer
	ready   []Readiness
	alerts  http.Handler
	within  time.Duration // instead of requestWithin
	log     *slog.Logger
}

// serve serves until ctx ends.
func (e endpoints) serve(ctx context.Context) error {
	if e.listen == "off" {
		<-ctx.Done()
		return nil
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) { readyz(w, r, e.ready) })
	mux.Handle("GET /metrics", promhttp.HandlerFor(e.metrics, promhttp.HandlerOpts{}))
	mux.Handle("/alerts", e.alerts)
	within := cmp.Or(e.within, requestWithin)
	server := &http.Server{
		Handler: mux, ErrorLog: slog.NewLogLogger(e.log.Handler(), slog.LevelWarn),
		// Whoever reaches the port may not hold connections for ever.
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: within, WriteTimeout: 2 * within, IdleTimeout: 2 * time.Minute,
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", e.listen)
	if err != nil {
		return fmt.Errorf("http.listen: %w; give another address, or off", err)
	}
	if e.opened != nil {
		e.opened(listener.Addr().String())
	}
	stop := context.AfterFunc(ctx, func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if server.Shutdown(closing) != nil {
			server.Close()
		}
	})
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("http: %w", err)
	}
	return nil
}

func readyz(w http.ResponseWriter, r *http.Request, ready []Readiness) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	status, text := http.StatusOK, ""
	for _, one := range ready {
		if err := one.Check(ctx); err != nil {
			status = http.StatusServiceUnavailable
			text += fmt.Sprintf("%s: %s\n", one.Name, err)
			continue
		}
		text += one.Name + ": ok\n"
	}
	w.WriteHeader(status)
	fmt.Fprint(w, text)
}
