package pgtest

import (
	"sync"
	"testing"

	"github.com/integritybot/integritybot/internal/pgproc"
)

// template is a database that is built once and cloned for every test. Its own lock lets different templates be built
// at the same time while tests that want the same one wait for it.
type template struct {
	mu    sync.Mutex
	name  string
	built bool
}

// Template returns the DSN of a database that is a copy of the one that build makes. build runs once per key and test
// binary, on an empty database; every call clones the result, which takes about 20 ms. If build fails its test, the
// next caller tries again. Connections that build leaves open are ended.
func Template(t testing.TB, key string, build func(dsn string)) string {
	t.Helper()
	server := binary.start(t)
	tmpl := binary.template(key)
	tmpl.mu.Lock()
	defer tmpl.mu.Unlock()
	if !tmpl.built {
		tmpl.build(t, server, build)
	}
	return binary.create(t, tmpl.name)
}

func (c *cluster) template(key string) *template {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.templates == nil {
		c.templates = map[string]*template{}
	}
	if c.templates[key] == nil {
		c.templates[key] = &template{name: c.name("template_" + key)}
	}
	return c.templates[key]
}

// build fills the template. A failing test leaves this function through runtime.Goexit, hence the deferred clean-up.
func (m *template) build(t testing.TB, server *pgproc.Server, build func(dsn string)) {
	t.Helper()
	if err := binary.admin("CREATE DATABASE " + quote(m.name)); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	defer func() {
		if m.built {
			return
		}
		if err := binary.drop(m.name); err != nil {
			t.Errorf("pgtest: %v", err)
		}
	}()
	build(server.DSN(m.name, pgproc.Superuser))
	// A connection to a template makes every clone wait five seconds and fail: end those that build left, and allow
	// no other.
	for _, sql := range []string{
		"ALTER DATABASE " + quote(m.name) + " ALLOW_CONNECTIONS false",
		"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE backend_type = 'client backend' AND datname = '" + m.name + "'",
	} {
		if err := binary.admin(sql); err != nil {
			t.Fatalf("pgtest: %v", err)
		}
	}
	m.built = true
}
