package redis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	goredis "github.com/redis/go-redis/v9"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
)

// work is one batch being made.
type work struct {
	x      *Clearing
	plan   int64
	hash   string // of the plan's content
	batch  fix.Batch
	forms  []fix.Form
	specs  []spec
	client goredis.UniversalClient
}

// run makes the batch and gives what is recorded of it.
func (w *work) run(ctx context.Context) (string, error) {
	switch w.forms[w.batch.Changes[0].Form].Op {
	case fix.Flush:
		return w.flush(ctx)
	case fix.Insert:
		return w.restore(ctx)
	default:
		return w.unlink(ctx)
	}
}

// keys are the keys of the batch, behind those of the plan's record. In a cluster all
// have to be in one slot.
func (w *work) keys(was int64) ([]string, error) {
	t := w.x.t
	var keys []string
	for _, c := range w.batch.Changes {
		if len(c.Key) != 1 {
			return nil, fmt.Errorf("%q is not a key", c.Key)
		}
		keys = append(keys, Illegible(c.Key[0]))
	}
	if t.opts.Mode == Cluster && slices.ContainsFunc(keys, func(k string) bool { return slotOf(k) != slotOf(keys[0]) }) {
		return nil, problemf("This plan was made when Redis %s was no cluster: make a new preview.", t.opts.Place)
	}
	record := t.recordName(w.plan, keys[0])
	return append([]string{record, record + endMeta, t.recordName(was, keys[0]) + endWas}, keys...), nil
}

// stay is how long copies and records stay. The record that something was done outlives
// the copies.
func (w *work) stay() []any {
	keep := w.x.t.opts.Keep.Milliseconds()
	return []any{w.x.t.opts.Store, strconv.Itoa(w.batch.N), keep, 2 * keep, w.hash}
}

func (w *work) unlink(ctx context.Context) (string, error) {
	keys, err := w.keys(w.plan)
	if err != nil {
		return "", err
	}
	args := append(w.stay(), MaxValue, maxFields)
	for _, c := range w.batch.Changes {
		still := ""
		switch s := w.specs[c.Form]; {
		case s.Forever:
			still = "forever"
		case s.Over > 0:
			still = strconv.FormatInt(s.Over.Milliseconds(), 10)
		}
		args = append(args, c.Before, still)
	}
	return w.send(ctx, w.client, w.x.scripts.unlink, keys, args)
}

func (w *work) restore(ctx context.Context) (string, error) {
	keys, err := w.keys(w.specs[w.batch.Changes[0].Form].Undoes)
	if err != nil {
		return "", err
	}
	args := w.stay()
	for _, c := range w.batch.Changes {
		back, err := backOf(c.After)
		if err != nil {
			return "", err
		}
		args = append(args, back.Place, back.Digest, back.Expires)
	}
	return w.send(ctx, w.client, w.x.scripts.restore, keys, args)
}

// flush empties one server. If the servers are not those of the preview the plan ends.
func (w *work) flush(ctx context.Context) (string, error) {
	t := w.x.t
	found, err := t.servers(ctx, w.client)
	if err != nil {
		return "", err
	}
	n, err := strconv.Atoi(w.batch.Changes[0].Key[0])
	if err != nil {
		return "", fmt.Errorf("server of a flush: %w", err)
	}
	s := w.specs[w.batch.Changes[0].Form]
	if layout, runs := whichServers(found); s.DB != t.opts.DB || !slices.Equal(layout, s.Layout) || !slices.Equal(runs, s.Runs) || n >= len(found) {
		return "", &fix.Halt{Sentence: fmt.Sprintf("Redis %s is not what the preview was about any more (other servers or slots, another database, or a restart), so what is not flushed yet was left: make a new preview.", t.opts.Place)}
	}
	record := t.recordName(w.plan, "")
	if t.opts.Mode == Cluster {
		record = t.recordIn(w.plan, found[n].slots[0].from)
	}
	return w.send(ctx, found[n].client, w.x.scripts.flush, []string{record}, w.stay())
}

// send runs a script and reads its answer.
func (w *work) send(ctx context.Context, client goredis.UniversalClient, script *goredis.Script, keys []string, args []any) (string, error) {
	t := w.x.t
	a := act{doing: fmt.Sprintf("making batch %d of %s", w.batch.N+1, fix.Ref(w.plan)), command: "eval", clears: true}
	asking, cancel := t.ask(ctx)
	defer cancel()
	answer, err := script.Run(asking, client, keys, args...).StringSlice()
	if err == nil && len(answer) < 2 {
		err = fmt.Errorf("a script answered %q", answer)
	}
	if err != nil {
		return "", w.not(ctx, t.problem(ctx, a, err))
	}
	switch answer[0] {
	case "other":
		return "", t.notOurs(w.plan)
	case "content":
		return "", problemf("Redis %s has recorded a batch of %s with another content than the one that was confirmed.", t.opts.Place, fix.Ref(w.plan))
	case "refused":
		if len(keys) > 3 {
			a.pattern = strings.Replace(w.forms[w.batch.Changes[0].Form].Table, "{key}", "*", 1)
		}
		return "", w.not(ctx, &check.Problem{Sentence: t.answered(a, answer[1]), Err: fmt.Errorf("redis %s: %s: %s", t.opts.Name, a.doing, answer[1])})
	}
	return answer[1], nil
}

// not says of which batch a problem is. Whether it took effect the record tells.
func (w *work) not(ctx context.Context, err error) error {
	var p *check.Problem
	if ctx.Err() != nil || !errors.As(err, &p) {
		return err
	}
	return &check.Problem{Sentence: p.Sentence, Err: fmt.Errorf("batch %d of %s: %w", w.batch.N, fix.Ref(w.plan), err)}
}
