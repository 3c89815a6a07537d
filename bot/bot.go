package bot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slack-go/slack"
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"github.com/integritybot/integritybot/commands"
)

// Deps is what the bot works with. Asker and Outbox are needed.
type Deps struct {
	Asker   commands.Asker
	Outbox  Outbox
	Home    Home     // nil: no Home tab
	Choices []Choice // what the modal offers to check
	Dialogs Dialogs  // nil: no button wants something typed
	Witness Witness  // nil: nobody minds what happens to messages
	// Reaction is the one that a witness minds, without colons; empty: none.
	Reaction string
	// OnBack is called when Slack can be heard again after it could not for a while, so that
	// what was missed is looked up. It must not block. nil: nobody minds.
	OnBack  func()
	Log     *slog.Logger
	Now     func() time.Time
	Observe Observer
}

func (d *Deps) withDefaults() error {
	if d.Asker == nil || d.Outbox == nil {
		return errors.New("the Slack edge needs somebody to ask and an outbox")
	}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	return nil
}

// Bot is the Slack edge: it takes requests in and brings messages out.
type Bot struct {
	opt    Options
	deps   Deps
	api    *slack.Client
	client *http.Client
	socket atomic.Pointer[socket]

	mu      sync.Mutex
	trouble string // why it does not listen yet
}

// New makes a bot that Run starts. It calls nobody.
func New(o Options, d Deps) (*Bot, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if err := d.withDefaults(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	api, client := newClient(o)
	return &Bot{opt: o, deps: d, api: api, client: client, trouble: "not started"}, nil
}

// Run serves Slack until ctx ends, and then finishes what is under way: what
// was received is recorded and acknowledged, calls to Slack get their answer,
// sockets are closed. It returns nil then, and a *FatalError, a sentence that
// says what to do, when Slack refuses the bot for good.
func (b *Bot) Run(ctx context.Context) error {
	defer b.client.CloseIdleConnections()
	me, err := b.introduce(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	b.deps.Log.Info("slack knows the bot", "team", me.Team, "enterprise", me.Enterprise, "user", me.User, "name", me.Name)
	sock, post := b.wire(me)
	b.socket.Store(sock)
	work, ctx := errgroup.WithContext(ctx)
	work.Go(func() error { return sock.run(ctx) })
	work.Go(func() error { return post.run(ctx) })
	return work.Wait()
}

// wire puts the parts together.
func (b *Bot) wire(me self) (*socket, *poster) {
	send := &sender{opt: b.opt, api: b.api, client: b.client, log: b.deps.Log}
	call := caller{opt: b.opt, client: b.client}
	find := &finder{caller: call, me: me}
	d := &dispatcher{
		opt: b.opt, me: me, asker: b.deps.Asker, home: b.deps.Home, choices: b.deps.Choices, dialogs: b.deps.Dialogs,
		witness: b.deps.Witness, reaction: b.deps.Reaction, call: call, directs: newMemo[string]("conversations.open", selfMemory, b.deps.Now, nil),
		api: b.api, direct: &direct{sender: send}, recent: newRecent(4096), log: b.deps.Log,
	}
	burst := max(1, b.opt.EditsPerMinute/10) // so that no minute sees more than the whole
	perSecond := rate.Limit(float64(max(1, b.opt.EditsPerMinute-burst)) / 60)
	p := &poster{
		opt: b.opt, outbox: b.deps.Outbox, send: send, find: find, name: me.Name,
		upload: &uploader{opt: b.opt, outbox: b.deps.Outbox, api: b.api, find: find, client: b.client},
		log:    b.deps.Log, now: b.deps.Now, watch: b.deps.Observe,
		gates: newGates(b.deps.Now), edits: rate.NewLimiter(perSecond, burst),
		pace: newPace(b.opt.Timing.EditGap, b.deps.Now), unfit: make(chan *FatalError, 1),
	}
	return newSocket(b.opt, b.api, b.client, b.deps, d.handle), p
}

// introduce asks Slack who the bot is, for as long as Slack does not answer.
func (b *Bot) introduce(ctx context.Context) (self, error) {
	wait := backoff{base: b.opt.Timing.Backoff}
	for {
		me, err := whoAmI(ctx, b.api)
		if err == nil {
			return me, nil
		}
		if unfit := fatal(err, "bot"); unfit != nil {
			return self{}, unfit
		}
		d := wait.next()
		if limit, ok := rateLimited(err); ok {
			d = max(d, limit)
		}
		b.explain("Slack does not answer: " + describe(err))
		b.deps.Log.Warn("slack does not answer", "error", describe(err), "again_in", d.Round(time.Millisecond))
		if !sleep(ctx, d) {
			return self{}, fmt.Errorf("auth.test: %w", err)
		}
	}
}

func (b *Bot) explain(trouble string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.trouble = trouble
}

// Ready is nil while requests can come in from Slack; else it says in a
// sentence why not.
func (b *Bot) Ready() error {
	if s := b.socket.Load(); s != nil {
		return s.ready()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return errors.New("not listening to Slack: " + b.trouble)
}

// Status is how the sockets stand.
func (b *Bot) Status() Status {
	if s := b.socket.Load(); s != nil {
		return s.status()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return Status{Trouble: b.trouble}
}
