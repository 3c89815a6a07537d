package redis

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
)

// Ready implements fix.Applier: the server takes writes, and who removes may do all that
// it takes. It leaves no trace.
func (x *Clearing) Ready(ctx context.Context) error {
	client, err := x.t.writer()
	if err != nil {
		return err
	}
	found, err := x.t.primaries(ctx, client)
	if err != nil {
		return err
	}
	for _, p := range found {
		info, err := x.t.info(ctx, p.client)
		if err != nil {
			return err
		}
		if info["role"] == "slave" {
			return problemf("%s", x.t.answered(act{clears: true}, "READONLY"))
		}
	}
	name := nobodys(x.t.opts.Prefix + ":*")
	return x.try(ctx, name, name, full) // a flush can be made all the same
}

// full is what Redis answers to a write when its memory is full.
const full = "OOM"

// MayApply is nil if who removes may do so with keys such as those of the forms, and
// else a Problem that names what is missing. It leaves no trace.
func (x *Clearing) MayApply(ctx context.Context, forms []fix.Form) error {
	for _, f := range forms {
		s, err := specOf(f)
		if err != nil {
			return err
		}
		if s.Probe == "" {
			continue
		}
		own := nobodys(x.t.opts.Prefix + ":*")
		if err := x.try(ctx, own, own, ""); err != nil {
			return err
		}
		return x.try(ctx, own, s.Probe, "")
	}
	return nil
}

// try tries everything on two keys that nobody has. Answers of a code are no trouble;
// empty: all are.
func (x *Clearing) try(ctx context.Context, own, key, but string) error {
	t := x.t
	client, err := t.writer()
	if err != nil {
		return err
	}
	if t.opts.Mode == Cluster {
		own = t.opts.Prefix + ":{" + t.tags()[slotOf(key)] + "}:" + own[len(t.opts.Prefix)+1:]
		if t.Own(key) {
			key = own
		}
	}
	a := act{doing: "trying what a plan needs", command: "eval", clears: true}
	if !t.Own(key) {
		a.pattern = keyPattern(key)
	}
	asking, cancel := t.ask(ctx)
	defer cancel()
	refused, err := x.scripts.probe.Run(asking, client, []string{own, key}).StringSlice()
	if err != nil {
		return t.problem(ctx, a, err)
	}
	for len(refused) >= 2 && but != "" && strings.HasPrefix(refused[1], but) {
		refused = refused[2:]
	}
	if len(refused) < 2 {
		return nil
	}
	a.command = strings.ToLower(refused[0])
	answer := refused[1]
	return &check.Problem{Sentence: t.answered(a, answer), Err: fmt.Errorf("redis %s: %s: %s: %s", t.opts.Name, a.doing, a.command, answer)}
}

// keyPattern is what ACLs mean by keys such as this one, which nobody has.
func keyPattern(key string) string {
	if at := strings.Index(key, "integritybot-nobody-"); at >= 0 {
		return key[:at] + "*"
	}
	return key
}

// Purge implements fix.Applier: the copies of plans that were carried out before that are
// removed, the record that they were stays. Redis would do it by itself after Keep.
func (x *Clearing) Purge(ctx context.Context, before time.Time) (int64, error) {
	client, err := x.t.writer()
	if err != nil {
		return 0, err
	}
	var total int64
	err = x.t.scan(ctx, client, Literal(x.t.opts.Prefix)+":*P-*"+Literal(endWas), func(keys []string) error {
		for _, key := range keys {
			n, err := x.purge(ctx, strings.TrimSuffix(key, endWas), before)
			if err != nil {
				return err
			}
			total += n
		}
		return nil
	})
	return total, err
}

// purge removes the copies of one record, if all of it is older.
func (x *Clearing) purge(ctx context.Context, record string, before time.Time) (int64, error) {
	client, err := x.t.writer()
	if err != nil {
		return 0, err
	}
	asking, cancel := x.t.ask(ctx)
	defer cancel()
	a := act{doing: "removing old copies", command: "unlink", clears: true}
	noted, err := client.HGetAll(asking, record).Result()
	if err != nil {
		return 0, x.t.problem(ctx, a, err)
	}
	if noted["store"] != x.t.opts.Store {
		return 0, nil
	}
	for batch, text := range noted {
		if batch == fieldStore || batch == fieldHash {
			continue
		}
		if r, err := resultOf(batch, text); err != nil || !r.At.Before(before) {
			return 0, err
		}
	}
	n, err := client.HLen(asking, record+endWas).Result()
	if err == nil {
		err = client.Unlink(asking, record+endMeta, record+endWas).Err()
	}
	return n, x.t.problem(ctx, a, err)
}
