package workspace

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// obj is a JSON object.
type obj = map[string]any

// Workspace is one simulated workspace with one installed app. All methods may
// be called at the same time; one mutex guards all state, and nothing waits for
// the network while holding it.
type Workspace struct {
	opt     Options
	log     *slog.Logger
	started time.Time
	mux     *http.ServeMux

	mu          sync.Mutex
	closed      bool
	done        chan struct{} // closed by Close
	rng         *rand.Rand
	app         App
	lastTS      int64
	lastID      int64
	base        string // http://host:port of the last listener or caller
	people      map[string]*Person
	peopleOrder []string
	groups      []*Group
	channels    map[string]*Channel
	channelIDs  []string

	files     map[string]*file
	fileOrder []*file          // those with content, the oldest first
	uploads   map[string]*file // by the secret in the upload address
	fileBytes int64

	views    map[string]*view
	stacks   map[string][]*view // person → open modals, the last on top
	homes    map[string]*view
	triggers map[string]*trigger
	urls     map[string]*responseURL

	tickets map[string]time.Time
	links   []*link           // those envelopes may go to
	conns   map[net.Conn]bool // all Socket Mode connections, also those that are ending
	pending map[string]*envelope
	linkNo  int

	buckets map[string]*bucket
	faults  []*Fault
	journal journal
	stream  stream

	server *http.Server
	wg     sync.WaitGroup // connections and the listener
}

// New is a workspace with its bot and Slackbot in it, and nobody else. It does
// not listen yet: use Listen, or serve Handler.
func New(opt Options) (*Workspace, error) {
	if err := opt.Validate(); err != nil {
		return nil, fmt.Errorf("workspace options: %w", err)
	}
	opt = opt.withDefaults()
	w := &Workspace{
		opt: opt, log: opt.Log, started: opt.Clock.Now(), app: opt.App, done: make(chan struct{}),
		rng:    rand.New(rand.NewPCG(opt.Seed, opt.Seed+1)),
		people: map[string]*Person{}, channels: map[string]*Channel{},
		files: map[string]*file{}, uploads: map[string]*file{},
		views: map[string]*view{}, stacks: map[string][]*view{}, homes: map[string]*view{},
		triggers: map[string]*trigger{}, urls: map[string]*responseURL{},
		tickets: map[string]time.Time{}, conns: map[net.Conn]bool{}, pending: map[string]*envelope{}, buckets: map[string]*bucket{},
	}
	w.journal.limit = opt.Limits.Journal
	w.addPerson(Person{ID: slackbotID, Name: "slackbot", RealName: "Slackbot", Kind: Member})
	w.addPerson(Person{ID: w.app.BotUserID, Name: w.app.Name, RealName: w.app.Name, Kind: BotAccount})
	w.mux = w.routes()
	return w, nil
}

// Handler serves the Web API, the Socket Mode link, files, response URLs, the
// control API and the page.
func (w *Workspace) Handler() http.Handler { return w.mux }

// Listen serves on addr (use a loopback address) until Close, or until ctx
// ends. It returns once connections are accepted.
func (w *Workspace) Listen(ctx context.Context, addr string) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("workspace simulator: listen on %s: %w", addr, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || w.server != nil {
		_ = listener.Close() // it was never used
		return errors.New("workspace simulator: already listening or closed")
	}
	w.base = "http://" + listener.Addr().String()
	w.server = &http.Server{Handler: w.mux, ReadHeaderTimeout: 10 * time.Second}
	server := w.server
	w.wg.Go(func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			w.log.Error("workspace simulator stopped serving", "error", err)
		}
	})
	w.wg.Go(func() {
		select {
		case <-ctx.Done():
			w.shut()
		case <-w.done:
		}
	})
	return nil
}

// Close ends every connection and waits for their goroutines.
func (w *Workspace) Close() error {
	w.shut()
	w.wg.Wait()
	return nil
}

// shut marks the workspace closed and cuts all connections.
func (w *Workspace) shut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return
	}
	w.closed = true
	close(w.done)
	for _, l := range w.links {
		l.cut()
	}
	for conn := range w.conns {
		_ = conn.Close() // also what was ending on its own
	}
	for _, e := range w.pending {
		e.stop()
	}
	if w.server != nil {
		_ = w.server.Close() // connections of the page and of callers
	}
}

// URL is the page's address, without a slash at the end.
func (w *Workspace) URL() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.base
}

// APIURL is the address to give to clients as Slack's: it ends in "/api/".
func (w *Workspace) APIURL() string { return w.URL() + "/api/" }

// BotToken is the token the bot must present.
func (w *Workspace) BotToken() string { return w.app.BotToken }

// AppToken is the app-level token of Socket Mode.
func (w *Workspace) AppToken() string { return w.app.AppToken }

// BotUserID is the user id of the bot.
func (w *Workspace) BotUserID() string { return w.app.BotUserID }

// TeamID is the workspace's id.
func (w *Workspace) TeamID() string { return w.opt.TeamID }

func (w *Workspace) now() time.Time { return w.opt.Clock.Now() }

// after runs f under the mutex once d has passed, unless the workspace was
// closed by then.
func (w *Workspace) after(d time.Duration, f func()) (stop func() bool) {
	return w.opt.Clock.AfterFunc(d, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if !w.closed {
			f()
		}
	})
}

// sleep waits for d, or until over is closed or the workspace is.
func (w *Workspace) sleep(d time.Duration, over <-chan struct{}) {
	woken := make(chan struct{})
	stop := w.opt.Clock.AfterFunc(d, func() { close(woken) })
	defer stop()
	select {
	case <-woken:
	case <-over:
	case <-w.done:
	}
}

// newID is a new id that begins with prefix, e.g. C0000000A1.
func (w *Workspace) newID(prefix string) string {
	w.lastID++
	digits := strings.ToUpper(strconv.FormatInt(w.lastID+36*36, 36))
	return prefix + "0" + strings.Repeat("0", max(0, 8-len(digits))) + digits
}

// secret is a random word of 32 letters for addresses and tickets.
func (w *Workspace) secret() string {
	return fmt.Sprintf("%016x%016x", w.rng.Uint64(), w.rng.Uint64())
}
