package redis

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/integritybot/integritybot/internal/redisproc"
	"github.com/integritybot/integritybot/internal/redistest"
)

// looks are the ways in which checks ask something of a target.
func looks(t *testing.T, target *Target) map[string]error {
	t.Helper()
	nothing := func([]string) error { return nil }
	out := map[string]error{"scan": target.Scan(t.Context(), "customer:*", nothing)}
	_, out["strings"] = target.Strings(t.Context(), keysFrom(3))
	_, out["hashes"] = target.Hashes(t.Context(), keysFrom(3))
	_, out["ttls"] = target.TTLs(t.Context(), keysFrom(3))
	_, out["inspect"] = target.Inspect(t.Context(), "customer:1")
	_, out["state"] = target.State(t.Context())
	return out
}

func TestASilentRedisIsAProblemInTime(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	for name, trouble := range map[string]func(*redistest.Proxy){"mute": (*redistest.Proxy).Mute, "cut": (*redistest.Proxy).Cut} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			network := s.Proxy()
			o := single(network.Addr())
			o.DialTimeout, o.ReadTimeout = 200*time.Millisecond, 200*time.Millisecond
			target := open(t, o)
			if err := target.Ping(t.Context()); err != nil {
				t.Fatal(err)
			}
			trouble(network)
			began := time.Now()
			for what, err := range looks(t, target) {
				if err == nil {
					t.Errorf("%s: no error", what)
					continue
				}
				if text := sentence(t, err); !strings.Contains(text, "test/cache") || !strings.Contains(text, "did not answer") && !strings.Contains(text, "broke off") {
					t.Errorf("%s: %s", what, text)
				}
			}
			if took := time.Since(began); took > 6*4*(200+2*200)*time.Millisecond {
				t.Errorf("it took %s", took)
			}
			network.Resume()
			if err := target.Ping(t.Context()); err != nil {
				t.Errorf("it does not recover: %v", err)
			}
		})
	}
}

func TestWhatRedisAnswersIsSaidInASentence(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{Settings: map[string]string{"rename-command": "GETRANGE \"\"\nSCAN hidden"}})
	s.Do(
		"ACL SETUSER reader on >secret ~* +@all",
		"ACL SETUSER blind on >secret ~* +@all -info",
		"ACL SETUSER narrow on >secret ~other:* +@all",
	)
	for _, tt := range []struct {
		name   string
		change func(*Options)
		look   func(*Target) error
		says   string
	}{
		{"a wrong password", func(o *Options) { o.Login = Login{"reader", "wrong"} }, ping, "Redis test/cache refused the login of reader: check the user and the password."},
		{"a command that is not allowed", func(o *Options) { o.Login = Login{"blind", "secret"} }, state, "blind may not run INFO on Redis test/cache: have an administrator run ACL SETUSER blind +@read "},
		{"a key that is not allowed", func(o *Options) { o.Login = Login{"narrow", "secret"} }, ttls, "narrow may not touch keys such as customer:* on Redis test/cache: have an administrator run ACL SETUSER narrow ~customer:*."},
		{"a command that was switched off", nil, read, "Redis test/cache does not know the command GETRANGE: was it renamed or switched off there"},
		{"a command that was renamed", nil, scan, "Redis test/cache does not know the command SCAN: was it renamed or switched off there"},
		{"no such database", func(o *Options) { o.DB = 99 }, ping, "Redis test/cache has no database 99: correct db in the config."},
		{"no cluster", func(o *Options) { o.Mode = Cluster }, ping, "Redis test/cache is no cluster: write mode: standalone in the config."},
		{"no sentinel", func(o *Options) { o.Mode, o.Master = Sentinel, "primary" }, ping, "is no sentinel: name the sentinels of Redis test/cache in the config, or write mode: standalone."},
		{"no sentinel there", func(o *Options) { o.Mode, o.Master, o.Addrs = Sentinel, "primary", []string{freeAddress(t)} }, ping, "No sentinel of Redis test/cache answered at"},
		{"nobody there", func(o *Options) { o.Addrs = []string{freeAddress(t)} }, ping, "Redis test/cache refused the connection at 127.0.0.1:"},
		{"an unknown name", func(o *Options) { o.Addrs = []string{"redis.invalid:6379"} }, ping, "The name of a server of Redis test/cache is not known here: redis.invalid. Is it right in the config?"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := single(s.Addr())
			if tt.change != nil {
				tt.change(&o)
			}
			err := tt.look(open(t, o))
			if err == nil || !strings.Contains(sentence(t, err), tt.says) {
				t.Errorf("got  %v\nwant %s", err, tt.says)
			}
		})
	}
}

func ping(t *Target) error  { return t.Ping(context.Background()) }
func state(t *Target) error { _, err := t.State(context.Background()); return err }
func ttls(t *Target) error  { _, err := t.TTLs(context.Background(), keysFrom(1)); return err }
func read(t *Target) error  { _, err := t.Strings(context.Background(), keysFrom(1)); return err }
func scan(t *Target) error {
	return t.Scan(context.Background(), "customer:*", func([]string) error { return nil })
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func TestAPartOfAClusterIsNoServer(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{Shape: redisproc.Cluster})
	_, err := open(t, single(s.Addr())).Strings(t.Context(), keysFrom(50))
	if want := "Redis test/cache is a part of a cluster: write mode: cluster in the config."; err == nil || sentence(t, err) != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestLoginIsWanted(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{Settings: map[string]string{"requirepass": "secret"}})
	o := single(s.Addr())
	err := open(t, o).Ping(t.Context())
	if want := "Redis test/cache wants a login: give the config user and password."; err == nil || sentence(t, err) != want {
		t.Errorf("got %v, want %s", err, want)
	}
	o.Login = Login{Password: "wrong"}
	err = open(t, o).Ping(t.Context())
	if want := "refused the login of the default user"; err == nil || !strings.Contains(sentence(t, err), want) || strings.Contains(err.Error(), "wrong") {
		t.Errorf("got %v, want %s", err, want)
	}
	o.Login = Login{Password: "secret"}
	if err := open(t, o).Ping(t.Context()); err != nil {
		t.Error(err)
	}
}
