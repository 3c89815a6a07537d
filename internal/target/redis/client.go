package redis

import (
	"context"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

const (
	// poolSize is how many connections there are to one server at most.
	poolSize = 4
	// clientName is how our connections appear in CLIENT LIST.
	clientName = "integritybot"
)

// dial makes a client. It connects to nothing yet.
func (t *Target) dial(who Login) goredis.UniversalClient {
	o := t.opts
	all := &goredis.UniversalOptions{
		Addrs: o.Addrs, DB: o.DB, MasterName: o.Master, IsClusterMode: o.Mode == Cluster,
		Username: who.User, Password: string(who.Password),
		SentinelUsername: o.SentinelLogin.User, SentinelPassword: string(o.SentinelLogin.Password),
		Protocol:    2,
		DialTimeout: o.DialTimeout, ReadTimeout: o.ReadTimeout, WriteTimeout: o.ReadTimeout,
		PoolTimeout: o.DialTimeout + o.ReadTimeout, PoolSize: poolSize,
		DialerRetries:         1, // whoever waits here wants to know
		MaxRetries:            1,
		ContextTimeoutEnabled: true,
		DisableIdentity:       true, // CLIENT SETINFO, which a user need not be allowed
		OnConnect:             named,
		MaintNotificationsConfig: &maintnotifications.Config{
			Mode: maintnotifications.ModeDisabled,
		},
	}
	if o.TLS != nil {
		all.TLSConfig = o.TLS.Clone()
	}
	if o.Mode != Sentinel {
		all.MasterName = ""
	}
	return goredis.NewUniversalClient(all)
}

// named gives a connection its name. A user who may not do that is still served.
func named(ctx context.Context, conn *goredis.Conn) error {
	_ = conn.ClientSetName(ctx, clientName).Err() // what is wrong with the connection shows at the next command
	return nil
}

// writer is the client of who removes.
func (t *Target) writer() (goredis.UniversalClient, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.closed:
		return nil, problemf("The bot is ending: nothing is removed from Redis %s any more.", t.opts.Place)
	case t.clearer == nil && t.opts.Clearer == t.opts.Login:
		t.clearer = t.cl
	case t.clearer == nil:
		t.clearer = t.dial(t.opts.Clearer)
	}
	return t.clearer, nil
}
