package workspace

import (
	"errors"
	"net/http"
	"slices"
	"time"
)

// maxResponses is how often a response_url may be used.
const maxResponses = 5

// forgetAfter is how long triggers and response URLs are remembered after they
// expired, so that the bot is told that they did.
const forgetAfter = 10 * time.Minute

// trigger is what a trigger_id stands for: something a person did just now.
type trigger struct {
	user string
	at   time.Time
	used bool
}

// newTrigger is a trigger_id for something user did.
func (w *Workspace) newTrigger(user string) string {
	id := w.secret()[:12] + "." + w.secret()[:10] + "." + w.secret()
	w.triggers[id] = &trigger{user: user, at: w.now()}
	w.after(w.opt.Timing.Trigger+forgetAfter, func() { delete(w.triggers, id) })
	return id
}

// exchange uses up a trigger_id.
func (w *Workspace) exchange(id string) (*trigger, *apiError) {
	t := w.triggers[id]
	switch {
	case t == nil:
		return nil, fail("invalid_trigger_id")
	case t.used:
		return nil, fail("exchanged_trigger_id")
	case w.now().Sub(t.at) > w.opt.Timing.Trigger:
		return nil, fail("expired_trigger_id")
	}
	t.used = true
	return t, nil
}

// responseURL is an address for answering one interaction. It needs no scope
// and no membership.
type responseURL struct {
	token   string
	channel *Channel
	user    string
	origin  *message // the clicked message; nil for a slash command
	command string   // the typed command
	echoed  bool     // the command was shown in the channel
	at      time.Time
	uses    int
}

// newResponseURL is a response_url and the address it is called by.
func (w *Workspace) newResponseURL(r responseURL) (*responseURL, string) {
	r.token, r.at = w.secret(), w.now()
	w.urls[r.token] = &r
	w.after(w.opt.Timing.ResponseURL+forgetAfter, func() { delete(w.urls, r.token) })
	return &r, w.base + "/respond/" + w.opt.TeamID + "/" + r.token
}

// serveRespond takes a message for a response_url.
func (w *Workspace) serveRespond(rw http.ResponseWriter, r *http.Request) {
	began := w.now()
	c, err := readCall(r, "response_url")
	if err != nil {
		c = &call{method: "response_url"}
	}
	effect := w.faultFor(c.method)
	if w.faultBefore(rw, r, effect, c, began) {
		return
	}
	failure := w.respond(r.PathValue("token"), c, err)
	w.faultAfter(r, effect)
	w.logCall(c, began, nil, failure, effect)
	if effect.losesAnswer() {
		hangUp(rw)
		return
	}
	w.writeAnswer(rw, nil, failure)
}

func (w *Workspace) respond(token string, c *call, readErr error) *apiError {
	w.mu.Lock()
	defer w.mu.Unlock()
	var known *apiError
	if errors.As(readErr, &known) {
		return &apiError{code: known.code, status: http.StatusBadRequest}
	}
	u := w.urls[token]
	switch {
	case u == nil:
		return &apiError{code: "invalid_url", status: http.StatusNotFound}
	case w.now().Sub(u.at) > w.opt.Timing.ResponseURL:
		return &apiError{code: "expired_url", status: http.StatusNotFound}
	case u.uses >= maxResponses:
		return &apiError{code: "used_url", status: http.StatusNotFound}
	}
	if err := w.answerThrough(u, c); err != nil {
		err.status = http.StatusBadRequest
		return err
	}
	u.uses++
	return nil
}

// answerThrough posts, replaces or deletes a message, as the arguments ask.
func (w *Workspace) answerThrough(u *responseURL, c *call) *apiError {
	if c.flag("delete_original") {
		return w.deleteOriginal(u)
	}
	said, err := w.content(c)
	if err != nil {
		return err
	}
	if said.empty() {
		return fail("no_text")
	}
	if c.flag("replace_original") && u.origin != nil {
		said.replace(u.origin)
		u.origin.editedBy, u.origin.editedTS = w.app.BotUserID, w.nextTS()
		w.changed(u.channel, u.origin)
		return nil
	}
	everyone := c.text("response_type") == "in_channel"
	if everyone {
		w.echoCommand(u)
	}
	m := w.botMessage(said)
	m.threadTS = w.threadFor(u.channel, c)
	if !everyone {
		m.visibleTo = u.user
	}
	w.add(u.channel, m)
	if m.visibleTo == "" {
		w.messageEvent(u.channel, m)
	}
	if u.origin == nil {
		u.origin = m
	}
	return nil
}

// echoCommand shows the typed command in the channel, before the first answer
// that everyone sees.
func (w *Workspace) echoCommand(u *responseURL) {
	if u.command == "" || u.echoed {
		return
	}
	u.echoed = true
	w.add(u.channel, &message{ts: w.nextTS(), user: u.user, text: u.command, command: u.command})
}

func (w *Workspace) deleteOriginal(u *responseURL) *apiError {
	m := u.origin
	if m == nil {
		return fail("message_not_found")
	}
	u.origin = nil
	if m.visibleTo == "" {
		w.deleteMessage(u.channel, m)
		return nil
	}
	u.channel.ephemerals = slices.DeleteFunc(u.channel.ephemerals, func(x *message) bool { return x == m })
	w.publish(notice{Type: "message_deleted", Channel: u.channel.ID, ThreadTS: m.threadTS, TS: m.ts, only: m.visibleTo})
	return nil
}
