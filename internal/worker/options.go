package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/look"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/store"
)

// Store is the store as the worker needs it. *store.Store implements it.
type Store interface {
	Work(ctx context.Context, slots int, do func(ctx context.Context, run int64) error) error
	Claim(ctx context.Context, run int64, holder string, ttl time.Duration) (store.Claim, error)
	Extend(ctx context.Context, run, epoch int64, ttl time.Duration) (stopBy string, err error)
	Release(ctx context.Context, run, epoch int64) error
	Journal(run, epoch int64) check.Journal
	Show(ctx context.Context, run, epoch int64, post message.Post) error
	Conclude(ctx context.Context, epoch int64, run check.Run, posts []message.Post, events []audit.Event) error
	Sweep(ctx context.Context) (int, error)
	Checkpoint(ctx context.Context, signer note.Signer) (string, error)
	Purge(ctx context.Context, keep store.Retention) (int64, error)
	BeginExport(ctx context.Context, run, epoch int64, check string) error
	AddExport(ctx context.Context, run, epoch int64, check string, n int, body []byte, lines int64) error
	LastFindings(ctx context.Context, checks []string, since time.Time) ([]store.Seen, error)
	Plans
}

// Plans is the part of the store that keeps plans.
type Plans interface {
	Plan(ctx context.Context, id int64) (p fix.Plan, now time.Time, err error)
	PlanForms(ctx context.Context, id int64) ([]fix.Form, error)
	PlanContent(ctx context.Context, id int64) (fix.Content, []fix.Batch, error)
	Clock(ctx context.Context) (time.Time, error)
	BeginApply(ctx context.Context, run, epoch, plan int64, claims []fix.Claim, events []audit.Event) error
	NoteSent(ctx context.Context, run, epoch, plan int64, made []fix.Claim) error
	SentBeyond(ctx context.Context, plan int64, made []fix.Claim) (places int64, err error)
	ConcludePlan(ctx context.Context, epoch int64, run check.Run, step store.PlanStep, posts []message.Post, events []audit.Event) error
	Unsettled(ctx context.Context) ([]fix.Plan, error)
	SettlePlan(ctx context.Context, p fix.Plan, made []fix.Claim, posts []message.Post, events []audit.Event) (bool, error)
	ExpirePlans(ctx context.Context, word func(fix.Plan) ([]message.Post, audit.Event)) (int, error)
	Append(ctx context.Context, events ...audit.Event) error
}

// Reporter words what a run found.
type Reporter interface {
	// Running is the head post of a run that is not over.
	Running(run check.Run, progress map[string]check.Progress, now time.Time) message.Post
	// Finished are all posts of a run that is over, the head first.
	Finished(run check.Run) []message.Post
	// Exported is the head post of a run that gave a file, with that file.
	Exported(run check.Run, e check.Exported) message.Post
	// Looked are all posts of a run that looked at something, the head first.
	Looked(run check.Run, r look.Report) []message.Post
}

// PlanReporter words plans.
type PlanReporter interface {
	// Head is the plan's message as it should stand in this state.
	Head(p fix.Plan, now time.Time) message.Post
	// PlanningAt is the same while the plan is worked out.
	PlanningAt(o fix.Order, progress check.Progress) message.Post
	// Applying is the same while the plan is applied.
	Applying(p fix.Plan, progress check.Progress) message.Post
	// Undone is the message of a plan that another one took back.
	Undone(p, by fix.Plan) message.Post
}

// Options of a worker. Store, Report, Directory and Holder are required, and
// Plans where there are Fixes.
type Options struct {
	Store   Store
	Catalog check.Catalog
	Report  Reporter
	// Looks are the ways of looking that the config makes possible.
	Looks look.Catalog
	// Fixes are the fixes that the config declares, and Plans words them.
	Fixes fix.Catalog
	Plans PlanReporter
	// Directory and Policy decide whether the asker may still do what was asked.
	Directory commands.Directory
	Policy    authz.Policy
	// Holder names this process, differently from all others.
	Holder  string
	Version string
	Logger  *slog.Logger
	Now     func() time.Time

	// Runs is how many runs go on side by side in this process; default 4.
	Runs int
	// RunTimeout bounds one run, also over several processes; default 2 h.
	RunTimeout time.Duration
	// RightsWithin is how long Slack may leave open what rights an asker has,
	// before the run ends without having read anything; default 2 min.
	RightsWithin time.Duration
	// CallWithin bounds one question to a target about plans; default 30 s.
	CallWithin time.Duration
	// ReadyWithin is how long a target may leave open whether plans can be applied,
	// before a confirmed one is given up without a change; default 20 s.
	ReadyWithin time.Duration
	// TargetWithin is how long a target may stay silent in the middle of a plan;
	// default 10 min.
	TargetWithin time.Duration
	// Crashes is how many processes may end under a run before it is given up; default 5.
	Crashes int
	// Lease is how long a run stays with a process that went silent; default 15 s.
	Lease time.Duration
	// Beat is how often the lease is prolonged and a wish to stop is looked for; default 1 s.
	Beat time.Duration
	// ShowEvery is how often the head message is edited while a run goes on; default 2.5 s.
	ShowEvery time.Duration
	// SweepEvery is how often abandoned runs are looked for; default 5 s.
	SweepEvery time.Duration

	// Signer signs the checkpoints of the audit log; nil: there are none.
	Signer note.Signer
	// CheckpointEvery is how often; default 1 min.
	CheckpointEvery time.Duration
	// CheckpointFile gets every checkpoint appended; empty: none.
	CheckpointFile string
	// KeepImages is how long the targets keep what plans changed, so that it can be
	// taken back; 0: for ever.
	KeepImages time.Duration
	// Keep says how long what need not be kept is kept.
	Keep store.Retention
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Runs == 0 {
		o.Runs = 4
	}
	if o.Crashes == 0 {
		o.Crashes = 5
	}
	for d, value := range map[*time.Duration]time.Duration{
		&o.RunTimeout: 2 * time.Hour, &o.RightsWithin: 2 * time.Minute, &o.Lease: 15 * time.Second, &o.Beat: time.Second, &o.ShowEvery: 2500 * time.Millisecond,
		&o.SweepEvery: 5 * time.Second, &o.CallWithin: 30 * time.Second, &o.ReadyWithin: 20 * time.Second, &o.TargetWithin: 10 * time.Minute, &o.CheckpointEvery: time.Minute,
	} {
		if *d == 0 {
			*d = value
		}
	}
	return o
}

// Validate names every bad field, after the defaults were filled in.
func (o Options) Validate() error {
	var bad []error
	for name, missing := range map[string]bool{
		"Store": o.Store == nil, "Report": o.Report == nil, "Directory": o.Directory == nil, "Holder": o.Holder == "",
		"Plans": len(o.Fixes) > 0 && o.Plans == nil,
	} {
		if missing {
			bad = append(bad, errors.New("no "+name))
		}
	}
	for name, n := range map[string]int{"Runs": o.Runs, "Crashes": o.Crashes} {
		if n < 1 {
			bad = append(bad, fmt.Errorf("%s is %d, less than 1", name, n))
		}
	}
	for name, d := range map[string]time.Duration{
		"RunTimeout": o.RunTimeout, "RightsWithin": o.RightsWithin, "Lease": o.Lease, "Beat": o.Beat, "ShowEvery": o.ShowEvery, "SweepEvery": o.SweepEvery,
		"CallWithin": o.CallWithin, "ReadyWithin": o.ReadyWithin, "TargetWithin": o.TargetWithin, "CheckpointEvery": o.CheckpointEvery,
	} {
		if d <= 0 {
			bad = append(bad, fmt.Errorf("%s is %s, not more than 0", name, d))
		}
	}
	if o.Lease < 3*o.Beat {
		bad = append(bad, fmt.Errorf("with a Lease (%s) of less than three times Beat (%s), one slow answer would lose a run", o.Lease, o.Beat))
	}
	return errors.Join(bad...)
}
