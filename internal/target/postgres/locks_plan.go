package postgres

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/integritybot/integritybot/internal/message/phrase"
)

// sessionPlan is a plan about sessions being worked out.
type sessionPlan struct {
	*drafting
	words  *locksFix
	target *Target
	chain  *lockChain
	named  bool // somebody said which sessions, so that they need not block anybody
	chosen []*backend
}

// work makes the plan: of the sessions that were named, or else of all that block
// others for too long.
func (e *sessionPlan) work(ctx context.Context) error {
	pids, err := selectedPids(e.order.Select)
	if err != nil {
		return err
	}
	if e.chain, err = e.target.chain(ctx, e.found.Progress); err != nil {
		return err
	}
	if err := e.chain.blind(); err != nil { // nobody ends what nobody can see
		return err
	}
	failing := e.words.check.judge(e.chain)
	e.named = len(pids) > 0
	candidates, err := e.candidates(failing, pids)
	if err != nil {
		return err
	}
	e.draft.Of, e.draft.Found = e.chain.judged(), int64(len(failing))
	for _, s := range candidates {
		if why := e.spared(s); why != "" {
			e.leave(why, 1, s.id)
			continue
		}
		e.chosen = append(e.chosen, s)
		if !slices.ContainsFunc(failing, func(f failingSession) bool { return f.backend == s }) {
			e.draft.Uncounted = true
		}
	}
	if err := e.limit(); err != nil {
		return err
	}
	return e.finishSessions()
}

// selectedPids are those of words such as pid=4711, of which any may hold.
func selectedPids(words []string) ([]string, error) {
	var out []string
	for _, w := range words {
		name, value, _ := strings.Cut(w, "=")
		pid, err := strconv.ParseUint(value, 10, 31)
		if name != "pid" || err != nil {
			return nil, problemf("%q is no session: name it by its number on the server, such as pid=4711.", clipped(w, nameRunes))
		}
		if id := strconv.FormatUint(pid, 10); !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out, nil
}

// candidates are the sessions that are meant.
func (e *sessionPlan) candidates(failing []failingSession, pids []string) ([]*backend, error) {
	var out []*backend
	for _, f := range failing {
		if !e.named && f.class == classBlocker {
			out = append(out, f.backend)
		}
	}
	for _, pid := range pids {
		s := e.chain.by[pid]
		switch {
		case pid == "0":
			return nil, problemf("Process 0 stands for a prepared transaction, which belongs to no session: a DBA ends it with ROLLBACK PREPARED.")
		case s == nil:
			return nil, e.noSession(pid)
		}
		out = append(out, s)
	}
	slices.SortStableFunc(out, func(a, b *backend) int {
		return cmp.Compare(len(e.chain.behind(b)), len(e.chain.behind(a)))
	})
	return out, nil
}

// noSession is the Problem of a pid that is not there, and says which are.
func (e *sessionPlan) noSession(pid string) error {
	var who []string
	for _, r := range e.chain.roots {
		who = append(who, r.name())
	}
	hint := "Nobody blocks anybody just now."
	if len(who) > 0 {
		hint = "Those that block others are " + strings.Join(who[:min(len(who), mostNamed)], ", ") + "."
	}
	return problemf("There is no session with pid %s on Postgres %s (any more). %s", pid, e.target.Place(), hint)
}

// spared says why a session is not ended; empty: it may be.
func (e *sessionPlan) spared(s *backend) string {
	switch {
	case s.gid != "":
		return "prepared transactions, which belong to no session: a DBA ends them with ROLLBACK PREPARED"
	case s.ours():
		return "the bot's own sessions, which end by themselves"
	case strings.HasPrefix(s.kind, "autovacuum"):
		return "autovacuum, which gives way by itself unless it keeps the database from losing transactions (wraparound): it is never ended from here"
	case s.kind == "walsender":
		return "replication, which is never ended from here"
	case !s.isClient():
		return "processes of the server itself (" + cmp.Or(s.kind, "unknown") + ")"
	case !s.here:
		return "sessions in another database than this target's"
	case s.super:
		return "sessions of a superuser, which only another one can end: ask a DBA"
	case e.mode != wayCancel:
		return ""
	case s.sits():
		return "idle in transaction: they run nothing that could be cancelled, and keep their locks until their transaction ends. Only ending the session frees them (--mode " + wayTerminate + ")"
	case s.state != "active":
		return "they run nothing that could be cancelled"
	}
	return ""
}

// limit takes as many as the order and the caps allow, those first that block most.
func (e *sessionPlan) limit() error {
	n := int64(len(e.chosen))
	if limit := int64(e.order.Limit); limit > 0 {
		n = min(n, limit)
	}
	if n > e.caps.Rows {
		return problemf("%s are more than one plan may end: max_rows of this fix is %s. Name the ones that matter, such as pid=%s, or give a --limit.",
			phrase.Plural(n, "session"), phrase.Count(e.caps.Rows), e.chosen[0].id)
	}
	e.chosen = e.chosen[:n]
	return nil
}
