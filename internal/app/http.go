package app

import (
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

// serveHealth serves /healthz (the process runs), /readyz (everything it needs
// answers) and /metrics until ctx ends. "off" serves nothing.
func serveHealth(ctx context.Context, listen string, metrics prometheus.Gatherer, ready []Readiness, log *slog.Logger) error {
	if listen == "off" {
		<-ctx.Done()
		return nil
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) { readyz(w, r, ready) })
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn)}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", listen)
	if err != nil {
		return fmt.Errorf("http.listen: %w; give another address, or off", err)
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
		return fmt.Errorf("health endpoint: %w", err)
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
