//go:build bench

package bench

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/integritybot/integritybot/internal/pgproc"
	"github.com/integritybot/integritybot/internal/shop"
)

// reader is the role that checks: it may read and nothing else.
const reader = "integrity_reader"

// shopServer is a server with the shop, shared by S2 and S3.
type shopServer struct {
	server
	truth *shop.Truth
	log   *statements
}

// shopSettings are Debian's defaults but for the one that everybody sets, and for the words that tell our statements
// from others in the log.
func shopSettings() map[string]string {
	return map[string]string{"shared_buffers": "2GB", "log_line_prefix": "%m [%p] %a: "}
}

// openShop starts the server and makes the shop, once.
func (b *bed) openShop(t *trial) *shopServer {
	t.Helper()
	if b.shop != nil {
		return b.shop
	}
	s := &shopServer{log: &statements{}}
	s.server = startServer(t, pgproc.Options{Durable: true, Settings: shopSettings(), Dir: b.kept, Log: s.log})
	b.shop = s
	return s
}

// fill gives the truth about the shop, and makes it where it is not there yet.
func (b *bed) fill(t *trial, s *shopServer) {
	t.Helper()
	if s.truth != nil {
		return
	}
	file := filepath.Join(b.kept, "truth.json")
	if text, err := os.ReadFile(file); b.kept != "" && err == nil {
		if s.truth, err = shop.ReadTruth(text); err != nil {
			t.Fatal(err)
		}
		if s.truth.Orders != b.orders {
			t.Fatalf("BENCH_SHOP holds a shop of %d orders, not %d: name another directory", s.truth.Orders, b.orders)
		}
		// A run that was killed in S3 leaves this on, and full speed would be logged, too.
		s.admin(t, pgproc.Superuser, "ALTER ROLE "+reader+" RESET log_min_duration_statement")
		return
	}
	s.admin(t, pgproc.Superuser, "CREATE DATABASE shop", "CREATE ROLE "+reader+" LOGIN",
		"GRANT pg_read_all_data, pg_read_all_stats TO "+reader)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Minute)
	defer cancel()
	began := time.Now()
	truth, err := shop.Generate(ctx, s.DSN("shop", pgproc.Superuser), shop.Options{Orders: b.orders, Seed: 1, Plant: shop.PlantLasting, Unclustered: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("made the shop in %s: %v", time.Since(began).Round(time.Second), truth.Rows)
	s.admin(t, "shop", "VACUUM (ANALYZE)", "CHECKPOINT") // so that neither comes by itself in the middle
	s.truth = truth
	if b.kept != "" {
		text, err := json.Marshal(truth)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// size says in words how large the shop is.
func (s *shopServer) size() string {
	var words []string
	for _, table := range []string{"orders", "order_items", "payments", "customers"} {
		words = append(words, humanize.Comma(s.truth.Rows[table])+" "+strings.ReplaceAll(table, "_", " "))
	}
	return strings.Join(words, ", ")
}

// statements reads the server's log as it is written and keeps how long statements took, by application.
type statements struct {
	mu   sync.Mutex
	rest []byte
	took map[string][]statement
}

type statement struct {
	ms   float64
	text string
}

// start is how a statement begins, without the name that a driver gave it.
func (s statement) start() string {
	const most = 160
	text := s.text
	if _, sql, ok := strings.Cut(text, ": "); ok {
		text = sql
	}
	return strings.ReplaceAll(text[:min(len(text), most)], "`", "'")
}

// Write implements io.Writer.
func (s *statements) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rest = append(s.rest, p...)
	for {
		line, rest, whole := strings.Cut(string(s.rest), "\n")
		if !whole {
			return len(p), nil
		}
		s.rest = []byte(rest)
		s.line(line)
	}
}

// line understands "2026-11-22 16:00:00.000 UTC [42] integritybot: LOG:  duration: 12.345 ms  execute …: SELECT …";
// what follows on further lines is the rest of a long statement.
func (s *statements) line(line string) {
	head, rest, ok := strings.Cut(line, ": LOG:  duration: ")
	if !ok {
		return
	}
	_, app, ok := strings.Cut(head, "] ")
	if !ok {
		return
	}
	number, text, _ := strings.Cut(rest, " ms")
	var ms float64
	if err := json.Unmarshal([]byte(number), &ms); err != nil {
		return
	}
	if s.took == nil {
		s.took = map[string][]statement{}
	}
	s.took[app] = append(s.took[app], statement{ms, strings.TrimSpace(text)})
}

// of gives the statements of an application so far.
func (s *statements) of(app string) []statement {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]statement(nil), s.took[app]...)
}

func TestStatementsAreReadFromTheLog(t *testing.T) {
	s := &statements{}
	for _, piece := range []string{
		"2026-11-22 16:00:00.000 UTC [42] integritybot: LOG:  duration: 12.5 ms  execute <unnamed>: SELECT 1,\n\t2\n2026-11-22 16:00:00.000 UTC [4",
		"2] psql: LOG:  duration: 3 ms  statement: SELECT 1\n2026-11-22 16:00:00.000 UTC [1] : LOG:  checkpoint starting: time\n",
	} {
		if _, err := s.Write([]byte(piece)); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.of("integritybot"); len(got) != 1 || got[0].ms != 12.5 || got[0].text != "execute <unnamed>: SELECT 1," {
		t.Errorf("ours: %+v", got)
	}
	if got := s.of("psql"); len(got) != 1 || got[0].ms != 3 {
		t.Errorf("psql's: %+v", got)
	}
}
