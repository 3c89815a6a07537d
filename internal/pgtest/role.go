package pgtest

import (
	"fmt"
	"net/url"
	"testing"
)

// Role makes a login role without any right and returns its name, which begins with the given one. The test grants
// what it needs with [Exec] and connects with [As]. The role is dropped when the test ends.
func Role(t testing.TB, name string) string {
	t.Helper()
	binary.start(t)
	role := binary.name(name)
	if err := binary.admin("CREATE ROLE " + quote(role) + " LOGIN"); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(func() { binary.dropRole(role) })
	return role
}

// As is the same DSN for another user; no password is needed.
func As(dsn, role string) string {
	u, err := url.Parse(dsn)
	if err != nil {
		panic(fmt.Sprintf("pgtest: %q is not a DSN made by this package: %v", dsn, err))
	}
	u.User = url.User(role)
	return u.String()
}

// dropRole drops a role, later if databases that are about to be dropped still depend on it.
func (c *cluster) dropRole(role string) {
	if c.admin("DROP ROLE IF EXISTS "+quote(role)) == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.orphans = append(c.orphans, role)
}

// retryOrphans runs after every dropped database. What still cannot be dropped ends with the server.
func (c *cluster) retryOrphans() {
	c.mu.Lock()
	roles := c.orphans
	c.orphans = nil
	c.mu.Unlock()
	for _, role := range roles {
		c.dropRole(role)
	}
}
