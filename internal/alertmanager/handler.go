package alertmanager

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/integritybot/integritybot/incidents"
)

// Taker records alerts.
type Taker interface {
	// Take records what fired and ended and says in a sentence what came of it. An error
	// means that it is not recorded, so that it has to be sent again.
	Take(ctx context.Context, fired []incidents.Fired) (string, error)
	// Refuse records that a request was refused, and why in a sentence.
	Refuse(ctx context.Context, why string)
}

// Options of the endpoint. Taker is needed.
type Options struct {
	Token string // empty: the endpoint is off
	Taker Taker
	Log   *slog.Logger
	// ReadWithin bounds how long a body may take to come, default 10 s; TakeWithin how long
	// recording may take, default 8 s.
	ReadWithin, TakeWithin time.Duration
	// AtOnce is how many requests are looked at side by side; default 8.
	AtOnce int
}

// MaxBody is how many bytes a body may have: some 500 alerts with long annotations.
const MaxBody = 1 << 20

// warnEvery bounds what refusals write into the log, which anybody can cause.
const warnEvery = time.Second

type handler struct {
	Options
	token [sha256.Size]byte
	slots chan struct{}
	warn  rate.Sometimes
}

// Handler serves one endpoint. It answers 200 when everything is recorded, 503 when it
// has to be sent again, and 4xx, with one sentence, when sending it again is of no use.
func Handler(o Options) http.Handler {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.ReadWithin == 0 {
		o.ReadWithin = 10 * time.Second
	}
	if o.TakeWithin == 0 {
		o.TakeWithin = 8 * time.Second
	}
	if o.AtOnce == 0 {
		o.AtOnce = 8
	}
	return &handler{
		Options: o, token: sha256.Sum256([]byte(o.Token)), slots: make(chan struct{}, o.AtOnce), warn: rate.Sometimes{Interval: warnEvery},
	}
}

// refusal is an answer that is none of 200.
type refusal struct {
	status int
	why    string
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	// Not all writers can: then the server's own limits hold. It is for refusals too, behind
	// which the server reads what is left of the body.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(h.ReadWithin))
	fired, no := h.look(w, r)
	if no != nil {
		h.refuse(w, r, *no)
		return
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // it is read: recording has its own time
	ctx, cancel := context.WithTimeout(r.Context(), h.TakeWithin)
	defer cancel()
	sentence, err := h.Taker.Take(ctx, fired)
	if err != nil {
		h.Log.Error("alerts not recorded", "alerts", len(fired), "error", err)
		w.Header().Set("Retry-After", "5")
		answer(w, http.StatusServiceUnavailable, "The alerts could not be recorded: the bot's own database does not answer. Send them again.")
		return
	}
	answer(w, http.StatusOK, sentence)
}

// look judges a request, the cheap things first: nobody without the token makes it read
// a body.
func (h *handler) look(w http.ResponseWriter, r *http.Request) ([]incidents.Fired, *refusal) {
	switch {
	case h.Token == "":
		return nil, &refusal{http.StatusNotFound, "Alerts are off here: the config gives no token (incidents.alerts.token)."}
	case !h.knows(r):
		w.Header().Set("WWW-Authenticate", `Bearer realm="alerts"`)
		return nil, &refusal{http.StatusUnauthorized, "The token is missing or wrong; send Authorization: Bearer … with the one in incidents.alerts.token."}
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		return nil, &refusal{http.StatusMethodNotAllowed, "Alerts come by POST."}
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, &refusal{http.StatusUnsupportedMediaType, "Alerts come as application/json."}
	}
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	default:
		w.Header().Set("Retry-After", "5")
		return nil, &refusal{http.StatusServiceUnavailable, "Too many requests at once; send it again."}
	}
	body, no := h.body(w, r)
	if no != nil {
		return nil, no
	}
	fired, err := read(body)
	switch {
	case errors.Is(err, errTooMany):
		return nil, &refusal{http.StatusRequestEntityTooLarge, sentence(err)}
	case err != nil:
		return nil, &refusal{http.StatusBadRequest, sentence(err)}
	}
	return fired, nil
}

// knows compares hashes, in a time that tells nothing of the token or its length.
func (h *handler) knows(r *http.Request) bool {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	sent := sha256.Sum256([]byte(strings.TrimSpace(token)))
	return subtle.ConstantTimeCompare(sent[:], h.token[:]) == 1 && strings.EqualFold(scheme, "bearer")
}

// body reads what was sent, if it comes soon and is not too much, whatever its
// Content-Length says.
func (h *handler) body(w http.ResponseWriter, r *http.Request) ([]byte, *refusal) {
	tooBig := &refusal{http.StatusRequestEntityTooLarge, fmt.Sprintf("The body has more than %d bytes; set max_alerts: %d in the receiver's webhook_configs.", MaxBody, mostAlerts)}
	if r.ContentLength > MaxBody {
		return nil, tooBig
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return nil, tooBig
	case err != nil:
		// Not 408: Alertmanager sends again only what got 5xx.
		w.Header().Set("Retry-After", "5")
		return nil, &refusal{http.StatusServiceUnavailable, "The body did not come, or not all of it; send it again."}
	}
	return body, nil
}

// refuse answers before it records: a store that hangs keeps nobody waiting. The
// connection ends with it, so that the answer does not wait for the rest of a body.
func (h *handler) refuse(w http.ResponseWriter, r *http.Request, no refusal) {
	h.warn.Do(func() {
		h.Log.Warn("alerts refused", "status", no.status, "why", no.why, "from", r.RemoteAddr)
	})
	w.Header().Set("Connection", "close")
	answer(w, no.status, no.why)
	_ = http.NewResponseController(w).Flush()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), h.TakeWithin)
	defer cancel()
	h.Taker.Refuse(ctx, no.why)
}

func answer(w http.ResponseWriter, status int, sentence string) {
	w.Header().Set("Content-Length", strconv.Itoa(len(sentence)+1))
	w.WriteHeader(status)
	fmt.Fprintln(w, sentence)
}

// sentence makes one of an error.
func sentence(err error) string {
	s := err.Error()
	return strings.ToUpper(s[:1]) + s[1:] + "."
}
