package redis

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/integritybot/integritybot/internal/redisproc"
	"github.com/integritybot/integritybot/internal/redistest"
)

// seen counts the keys of a scan, and reads them.
func seen(t *testing.T, target *Target) (int, error) {
	t.Helper()
	keys := map[string]bool{}
	err := target.Scan(t.Context(), "customer:*", func(some []string) error {
		for _, key := range some {
			keys[key] = true
		}
		_, err := target.Strings(t.Context(), some)
		return err
	})
	return len(keys), err
}

// TestOneServerOfAClusterIsNotAllOfIt: it shows its own keys and says nothing of others.
func TestOneServerOfAClusterIsNotAllOfIt(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{Shape: redisproc.Cluster})
	for _, key := range keysFrom(300) {
		s.Client().Set(t.Context(), key, "v", time.Hour)
	}
	target := open(t, single(s.Addrs()[0]))
	for name, look := range map[string]func() error{
		"scan":   func() error { _, err := seen(t, target); return err },
		"size":   func() error { _, err := target.Size(t.Context()); return err },
		"near":   func() error { _, err := target.Near(t.Context(), "customer:*", 3); return err },
		"sample": func() error { _, _, err := target.Sample(t.Context(), 3); return err },
		"state":  func() error { return state(target) },
		"flush":  func() error { _, _, err := target.FlushAll(t.Context()); return err },
		"ready":  func() error { return applier(t, target).Ready(t.Context()) },
		"ping":   func() error { return ping(target) },
	} {
		err := look()
		if want := "Redis test/cache is a part of a cluster: write mode: cluster in the config."; err == nil || sentence(t, err) != want {
			t.Errorf("%s: got %v, want %s", name, err, want)
		}
	}
}

// TestAClusterThatMovedASlotIsScannedWholly: the client's library still believes what
// was before.
func TestAClusterThatMovedASlotIsScannedWholly(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{Shape: redisproc.Cluster})
	for _, key := range keysFrom(300) {
		s.Client().Set(t.Context(), key, "v", time.Hour)
	}
	target := open(t, of(s, redisproc.Cluster))
	if n, err := seen(t, target); n != 300 || err != nil {
		t.Fatalf("before: %d of 300, %v", n, err)
	}
	slots, err := s.Client().ClusterSlots(t.Context()).Result()
	if err != nil {
		t.Fatal(err)
	}
	last := slots[0]
	for _, one := range slots {
		if one.Start > last.Start {
			last = one
		}
	}
	for _, one := range slots { // slot 0, in which no key is, is given to the last server
		if err := redistest.Direct(t, one.Nodes[0].Addr).Do(t.Context(), "CLUSTER", "SETSLOT", "0", "NODE", last.Nodes[0].ID).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := seen(t, target); n != 300 || err != nil {
		t.Errorf("after slot 0 was moved: %d of 300, %v", n, err)
	}
}

// TestAClusterThatMovesASlotIsNotScanned: its keys may come where a scan was before.
func TestAClusterThatMovesASlotIsNotScanned(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{Shape: redisproc.Cluster})
	o := of(s, redisproc.Cluster)
	o.Sleep = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	target := open(t, o)
	if _, err := seen(t, target); err != nil {
		t.Fatal(err)
	}
	slots, err := s.Client().ClusterSlots(t.Context()).Result()
	if err != nil {
		t.Fatal(err)
	}
	from, to := slots[0].Nodes[0], slots[1].Nodes[0]
	if err := redistest.Direct(t, from.Addr).Do(t.Context(), "CLUSTER", "SETSLOT", slots[0].Start, "MIGRATING", to.ID).Err(); err != nil {
		t.Fatal(err)
	}
	_, err = seen(t, target)
	if want := "Redis test/cache moves its slots between servers just now. Try again when that is over."; err == nil || sentence(t, err) != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if err := redistest.Direct(t, from.Addr).Do(t.Context(), "CLUSTER", "SETSLOT", slots[0].Start, "STABLE").Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := seen(t, target); err != nil {
		t.Error(err)
	}
}

func TestAReplicaWithoutItsPrimaryIsNotRead(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{Shape: redisproc.Watched})
	s.Client().Set(t.Context(), "customer:1", "v", time.Hour)
	target := open(t, single(replicaOf(t, s)))
	if behind, err := target.Replica(t.Context()); !behind || err != nil {
		t.Errorf("it is a replica: %v, %v", behind, err)
	}
	if behind, err := open(t, of(s, redisproc.Watched)).Replica(t.Context()); behind || err != nil {
		t.Errorf("the primary is a replica: %v, %v", behind, err)
	}
	if _, err := seen(t, target); err != nil {
		t.Errorf("a replica that hears from its primary: %v", err)
	}
	lost := redistest.Start(t, redistest.Options{})
	lost.Do("SET customer:1 v", "REPLICAOF 127.0.0.1 1")
	_, err := seen(t, open(t, single(lost.Addr())))
	if want := "is a replica that has lost its primary"; err == nil || !strings.Contains(sentence(t, err), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestAReplicaThatIsFilledAnewIsNotScanned: it gives its cursor other data.
func TestAReplicaThatIsFilledAnewIsNotScanned(t *testing.T) {
	t.Parallel()
	first, other, replica := redistest.Start(t, redistest.Options{}), redistest.Start(t, redistest.Options{}), redistest.Start(t, redistest.Options{})
	follow := func(s *redistest.Server) {
		client := replica.Client()
		host, port, _ := strings.Cut(s.Addr(), ":")
		client.SlaveOf(t.Context(), host, port)
		for !strings.Contains(client.Info(t.Context(), "replication").Val(), "master_link_status:up") {
			if t.Context().Err() != nil {
				t.Fatal("it never followed")
			}
		}
	}
	for _, s := range []*redistest.Server{first, other} {
		for _, key := range keysFrom(500) {
			s.Client().Set(t.Context(), key, "v", time.Hour)
		}
	}
	follow(first)
	o := single(replica.Addr())
	o.ReadTimeout = 10 * time.Second
	pieces := 0
	err := open(t, o).Scan(t.Context(), "customer:*", func([]string) error {
		if pieces++; pieces == 2 {
			follow(other)
		}
		return nil
	})
	if err == nil || !strings.Contains(sentence(t, err), "so keys may have been missed. Run it again.") {
		t.Errorf("after %d pieces: %v", pieces, err)
	}
}

// replicaOf is where the replica of a watched primary is.
func replicaOf(t *testing.T, s *redistest.Server) string {
	t.Helper()
	info := redistest.Direct(t, s.Addr()).Info(t.Context(), "replication").Val()
	_, rest, _ := strings.Cut(info, "slave0:ip=")
	host, rest, _ := strings.Cut(rest, ",port=")
	port, _, ok := strings.Cut(rest, ",")
	if !ok {
		t.Fatalf("no replica in %s", info)
	}
	return host + ":" + port
}
