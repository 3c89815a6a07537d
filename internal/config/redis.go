package config

import (
	"slices"
	"strings"

	"github.com/integritybot/integritybot/internal/declare"
)

// Redis is a cache to compare with a database.
type Redis struct {
	// Addr is one server, or those of the sentinels or of the cluster; none: the
	// target is off.
	Addr   Addresses `yaml:"addr"`
	Mode   string    `yaml:"mode"`   // standalone, sentinel or cluster; default standalone
	Master string    `yaml:"master"` // the sentinels' name of the primary
	DB     int       `yaml:"db"`
	TLS    *TLS      `yaml:"tls"` // given, even empty: TLS
	// User and Password are who reads.
	User             string `yaml:"user"`
	Password         Secret `yaml:"password"`
	SentinelUser     string `yaml:"sentinel_user"`
	SentinelPassword Secret `yaml:"sentinel_password"`
	// Clear: on lets plans remove values; default off.
	Clear string `yaml:"clear"`
	// ClearUser and ClearPassword are who removes; not given: the same as reads.
	ClearUser     string `yaml:"clear_user"`
	ClearPassword Secret `yaml:"clear_password"`
	// Prefix begins the names of the keys in which plans leave their record; default
	// integritybot.
	Prefix         string   `yaml:"prefix"`
	ScanCount      int      `yaml:"scan_count"` // keys that one SCAN looks at; default 1000
	MaxKeys        int      `yaml:"max_keys"`   // keys read a second at most; 0: as fast as it goes
	ConnectTimeout Duration `yaml:"connect_timeout"`
	RequestTimeout Duration `yaml:"request_timeout"`
}

// Clears tells whether plans may remove values there.
func (r *Redis) Clears() bool { return r.Clear == "on" }

const (
	sentinelMode = "sentinel"
	clusterMode  = "cluster"
)

var redisModes = []string{"standalone", sentinelMode, clusterMode}

func (r *Redis) defaults() {
	orString(&r.Mode, "standalone")
	orString(&r.Prefix, "integritybot")
	orString(&r.Clear, "off")
	orInt(&r.ScanCount, 1000)
}

func (r *Redis) validate(t tree, p *Problems, name string) {
	bad := func(key, format string, args ...any) {
		p.add(t.line("targets", name, "redis", key), "target "+name+": "+format, args...)
	}
	for _, one := range r.Addr {
		if why := badAddress(one); why != "" {
			bad("addr", "addr: %q %s; write host:port, such as redis-0.example.com:6379", one, why)
		}
	}
	r.validateMode(bad)
	if r.Clear != "on" && r.Clear != "off" {
		bad("clear", "clear is %q; on (confirmed plans may remove values there) or off", r.Clear)
	}
	if !prefixForm.MatchString(r.Prefix) {
		bad("prefix", "prefix %q cannot begin the name of a key: letters, digits, dots, hyphens and underscores", r.Prefix)
	}
	if r.ScanCount < 10 || r.ScanCount > 10_000 {
		bad("scan_count", "scan_count is %d; 10 to 10000", r.ScanCount)
	}
	if r.MaxKeys < 0 {
		bad("max_keys", "max_keys is %d keys a second; it cannot be negative (0: as fast as it goes)", r.MaxKeys)
	}
	if r.ConnectTimeout < 0 {
		bad("connect_timeout", "connect_timeout cannot be negative")
	}
	if r.RequestTimeout < 0 {
		bad("request_timeout", "request_timeout cannot be negative")
	}
	r.TLS.validate(bad)
	if t.empty("targets", name, "redis", "tls") {
		bad("tls", "tls: there is nothing behind it; write tls: {} for TLS with the system's authorities, or leave it out for none")
	}
}

func (r *Redis) validateMode(bad declare.Bad) {
	switch {
	case !slices.Contains(redisModes, r.Mode):
		bad("mode", "there is no mode %q%s It is one of %s.", r.Mode, declare.DidYouMean(r.Mode, redisModes), strings.Join(redisModes, ", "))
	case r.Mode == sentinelMode && r.Master == "" && len(r.Addr) > 0:
		bad("mode", "mode sentinel needs master: the name under which the sentinels know the primary")
	case r.Mode != sentinelMode && r.Master != "":
		bad("master", "master is of mode sentinel, and mode is %s", r.Mode)
	case r.Mode == clusterMode && r.DB != 0:
		bad("db", "db is %d, and a cluster has only database 0", r.DB)
	case r.DB < 0:
		bad("db", "db is %d; it cannot be negative", r.DB)
	}
	if r.Mode == redisModes[0] && len(r.Addr) > 1 {
		bad("addr", "addr names %d servers, and mode standalone has one; write mode: cluster or mode: sentinel", len(r.Addr))
	}
}
