package workspace

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// method is one method of the Web API. It runs under the mutex.
type method struct {
	tier tier
	// scopes are alternatives: one of them must be granted. Methods whose
	// scope depends on the channel check it themselves.
	scopes []string
	// appToken says that the app-level token is wanted, in the header.
	appToken bool
	run      func(w *Workspace, c *call) (obj, *apiError)
}

// methods is every method the simulator knows; the tiers are those of Slack's
// method pages.
func methods() map[string]method {
	all := map[string]method{
		"api.test":              {tier4, nil, false, apiTest},
		"auth.test":             {unlimited, nil, false, authTest},
		"apps.connections.open": {tier3, nil, true, connectionsOpen},
		"team.info":             {tier3, []string{"team:read"}, false, teamInfo},
		"bots.info":             {tier3, []string{"users:read"}, false, botsInfo},

		"users.info":            {tier4, []string{"users:read"}, false, usersInfo},
		"users.list":            {tier2, []string{"users:read"}, false, usersList},
		"users.lookupByEmail":   {tier3, []string{"users:read.email"}, false, usersLookupByEmail},
		"usergroups.list":       {tier2, []string{"usergroups:read"}, false, usergroupsList},
		"usergroups.users.list": {tier2, []string{"usergroups:read"}, false, usergroupsUsersList},

		"views.open":    {tier4, nil, false, viewsOpen},
		"views.push":    {tier4, nil, false, viewsPush},
		"views.update":  {tier4, nil, false, viewsUpdate},
		"views.publish": {tier4, nil, false, viewsPublish},

		"files.getUploadURLExternal":   {tier4, []string{"files:write"}, false, filesGetUploadURL},
		"files.completeUploadExternal": {tier4, []string{"files:write"}, false, filesComplete},
		"files.info":                   {tier4, []string{"files:read"}, false, filesInfo},

		"pins.add":         {tier2, []string{"pins:write"}, false, pinsAdd},
		"pins.remove":      {tier2, []string{"pins:write"}, false, pinsRemove},
		"pins.list":        {tier2, []string{"pins:read"}, false, pinsList},
		"reactions.add":    {tier3, []string{"reactions:write"}, false, reactionsAdd},
		"reactions.remove": {tier2, []string{"reactions:write"}, false, reactionsRemove},
		"reactions.get":    {tier3, []string{"reactions:read"}, false, reactionsGet},
		"bookmarks.add":    {tier2, []string{"bookmarks:write"}, false, bookmarksAdd},
		"bookmarks.edit":   {tier2, []string{"bookmarks:write"}, false, bookmarksEdit},
		"bookmarks.remove": {tier2, []string{"bookmarks:write"}, false, bookmarksRemove},
		"bookmarks.list":   {tier3, []string{"bookmarks:read"}, false, bookmarksList},
	}
	maps.Copy(all, chatMethods())
	maps.Copy(all, conversationMethods())
	return all
}

func chatMethods() map[string]method {
	write := []string{"chat:write"}
	return map[string]method{
		"chat.postMessage":   {unlimited, write, false, chatPostMessage}, // limited per channel
		"chat.postEphemeral": {tier4, write, false, chatPostEphemeral},
		"chat.update":        {tier3, write, false, chatUpdate},
		"chat.delete":        {tier3, write, false, chatDelete},
		"chat.getPermalink":  {unlimited, nil, false, chatGetPermalink},
	}
}

func conversationMethods() map[string]method {
	return map[string]method{
		"conversations.info":       {tier3, nil, false, conversationsInfo},
		"conversations.history":    {tier3, nil, false, conversationsHistory},
		"conversations.replies":    {tier3, nil, false, conversationsReplies},
		"conversations.members":    {tier4, nil, false, conversationsMembers},
		"conversations.list":       {tier2, []string{"channels:read", "groups:read", "im:read", "mpim:read"}, false, conversationsList},
		"conversations.open":       {tier3, []string{"im:write", "mpim:write"}, false, conversationsOpen},
		"conversations.create":     {tier2, []string{"channels:manage", "groups:write"}, false, conversationsCreate},
		"conversations.invite":     {tier3, nil, false, conversationsInvite},
		"conversations.join":       {tier3, []string{"channels:join"}, false, conversationsJoin},
		"conversations.setTopic":   {tier2, nil, false, conversationsSetTopic},
		"conversations.setPurpose": {tier2, nil, false, conversationsSetPurpose},
		"users.conversations":      {tier3, []string{"channels:read", "groups:read", "im:read", "mpim:read"}, false, usersConversations},
	}
}

// serveAPI answers /api/<method>.
func (w *Workspace) serveAPI(all map[string]method) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		name := r.PathValue("method")
		began := w.now()
		c, err := readCall(r, name)
		if err != nil {
			c = &call{method: name}
		} else {
			c.at = began
		}
		effect := w.faultFor(name)
		if w.faultBefore(rw, r, effect, c, began) {
			return
		}
		answer, apiErr := w.answer(all, c, err)
		w.faultAfter(r, effect)
		w.logCall(c, began, answer, apiErr, effect)
		if effect.losesAnswer() {
			hangUp(rw)
			return
		}
		w.writeAnswer(rw, answer, apiErr)
	}
}

// answer runs the method, unless reading the call failed with readErr.
func (w *Workspace) answer(all map[string]method, c *call, readErr error) (obj, *apiError) {
	if readErr != nil {
		var known *apiError
		if errors.As(readErr, &known) {
			return nil, known
		}
		return nil, fail("request_timeout")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil, fail("service_unavailable")
	}
	m, ok := all[c.method]
	if !ok {
		return nil, &apiError{code: "unknown_method", fields: obj{"req_method": c.method}}
	}
	if err := w.authorize(m, c); err != nil {
		return nil, err
	}
	if err := w.limitMethod(c.method, m.tier); err != nil {
		return nil, err
	}
	return m.run(w, c)
}

// authorize checks the token and the scopes the method always needs.
func (w *Workspace) authorize(m method, c *call) *apiError {
	if c.method == "api.test" {
		return nil
	}
	want, other := w.app.BotToken, w.app.AppToken
	if m.appToken {
		want, other = other, want
	}
	switch {
	case c.token == "":
		return fail("not_authed")
	case c.token == other:
		return fail("not_allowed_token_type")
	case c.token != want:
		return fail("invalid_auth")
	case m.appToken && c.tokenInBody:
		return failMessages("invalid_arguments", "[ERROR] the token must be in the Authorization header")
	}
	if len(m.scopes) > 0 {
		return w.need(m.scopes...)
	}
	return nil
}

// need fails with missing_scope unless one of the scopes is granted.
func (w *Workspace) need(scopes ...string) *apiError {
	if w.app.hasAny(scopes...) {
		return nil
	}
	return &apiError{code: "missing_scope", fields: obj{
		"needed": strings.Join(scopes, ","), "provided": strings.Join(w.app.Scopes, ","),
	}}
}

func (w *Workspace) logCall(c *call, began time.Time, answer obj, err *apiError, effect *Fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	e := Entry{Kind: "api", Method: c.method, Args: jsonArgs(c.args), Status: http.StatusOK}
	e.LatencyMS = float64(w.now().Sub(began).Microseconds()) / 1000
	e.Response = body(answer, err)
	if err != nil {
		e.Status = err.httpStatus()
	}
	if effect != nil {
		e.Fault = effect.Kind
	}
	w.note(e)
}

// body is the JSON of an answer.
func body(answer obj, err *apiError) obj {
	out := obj{"ok": err == nil}
	maps.Copy(out, answer)
	if err != nil {
		maps.Copy(out, err.fields)
		out["ok"], out["error"] = false, err.code
	}
	return out
}

func (e *apiError) httpStatus() int {
	if e.status == 0 {
		return http.StatusOK
	}
	return e.status
}

func (w *Workspace) writeAnswer(rw http.ResponseWriter, answer obj, err *apiError) {
	h := rw.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	w.mu.Lock()
	h.Set("X-OAuth-Scopes", strings.Join(w.app.Scopes, ","))
	h.Set("X-Slack-Req-Id", w.secret())
	w.mu.Unlock()
	status := http.StatusOK
	if err != nil {
		status = err.httpStatus()
		if err.retryAfter > 0 {
			h.Set("Retry-After", strconv.Itoa(int(err.retryAfter.Seconds())))
		}
	}
	rw.WriteHeader(status)
	_ = json.NewEncoder(rw).Encode(body(answer, err)) // the caller may be gone
}
