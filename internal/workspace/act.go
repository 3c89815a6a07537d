package workspace

import (
	"net/http"
	"regexp"
	"strings"
)

// What the people of the workspace do. Every exported method of the act_*.go
// files is one thing a person can do, and fails with a *Refusal.

// Refusal is why a person could not do something: Code for programs, Message,
// one sentence, for the person. Status is the HTTP status of the control API.
type Refusal struct {
	Code, Message string
	Status        int
	// Errors are the complaints about single fields of a modal, by block_id.
	Errors map[string]string
}

// Error is the code and the sentence.
func (r *Refusal) Error() string { return r.Code + ": " + r.Message }

func refuse(code, message string) *Refusal {
	return &Refusal{Code: code, Message: message, Status: http.StatusBadRequest}
}

func notFound(code, message string) *Refusal {
	return &Refusal{Code: code, Message: message, Status: http.StatusNotFound}
}

var (
	commandWord  = regexp.MustCompile(`^/[A-Za-z][\w.-]*`)
	reactionName = regexp.MustCompile(`^[a-z0-9_+'-]+(::skin-tone-[2-6])?$`)
)

// acting is the person who acts; bots and deactivated people cannot.
func (w *Workspace) acting(id string) (*Person, *Refusal) {
	p := w.people[id]
	switch {
	case p == nil:
		return nil, notFound("user_not_found", "There is nobody with the id "+quote(id)+".")
	case p.Kind == BotAccount || p.ID == slackbotID:
		return nil, refuse("is_bot", p.RealName+" is a bot; only people can act here.")
	case p.Kind == Deactivated:
		return nil, refuse("account_inactive", p.RealName+"'s account is deactivated.")
	}
	return p, nil
}

// present is the person and a channel that person is in.
func (w *Workspace) present(as, channel string) (*Person, *Channel, *Refusal) {
	p, refusal := w.acting(as)
	if refusal != nil {
		return nil, nil, refusal
	}
	c := w.channels[channel]
	switch {
	case c == nil || (!c.has(p.ID) && (c.IsPrivate || c.IM || c.Group)):
		return nil, nil, notFound("channel_not_found", "There is no channel with the id "+quote(channel)+".")
	case !c.has(p.ID):
		return nil, nil, refuse("not_in_channel", p.RealName+" is not a member of #"+c.Name+".")
	}
	return p, c, nil
}

// Say types text into a channel, or into a thread. Text that begins with a
// registered command's word runs the command, and the ts is then empty.
func (w *Workspace) Say(as, channel, threadTS, text string) (ts string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p, c, refusal := w.present(as, channel)
	if refusal != nil {
		return "", refusal
	}
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return "", refuse("no_text", "There is nothing to send.")
	case len([]rune(text)) > maxPostText:
		return "", refuse("msg_too_long", "The message is longer than 40,000 characters.")
	case c.Archived:
		return "", refuse("is_archived", "#"+c.Name+" is archived.")
	}
	if threadTS != "" {
		if parent := c.find(threadTS); parent == nil || parent.isReply() {
			return "", notFound("thread_not_found", "There is no such thread.")
		}
	}
	if word := commandWord.FindString(text); word != "" {
		return "", errorOrNil(w.slash(p, c, threadTS, word, text))
	}
	return w.speak(p, c, threadTS, text), nil
}

// errorOrNil keeps a nil *Refusal from becoming a non-nil error.
func errorOrNil(r *Refusal) error {
	if r == nil {
		return nil
	}
	return r
}

// speak sends a plain message.
func (w *Workspace) speak(p *Person, c *Channel, threadTS, text string) (ts string) {
	text = w.encode(text, false)
	m := &message{ts: w.nextTS(), threadTS: threadTS, user: p.ID, text: text, clientMsgID: w.secret()}
	w.add(c, m)
	w.messageEvent(c, m)
	w.mention(p, c, m)
	return m.ts
}

// mention tells the bot that it was spoken to; where it is no member, Slackbot
// tells the person so.
func (w *Workspace) mention(p *Person, c *Channel, m *message) {
	if !strings.Contains(m.text, "<@"+w.app.BotUserID+">") {
		return
	}
	if !c.has(w.app.BotUserID) {
		w.slackbot(c, p, m.threadTS, "You mentioned <@"+w.app.BotUserID+">, but they're not in this channel.")
		return
	}
	if !w.app.has("app_mentions:read") {
		return
	}
	event := w.messageJSON(c, m, true)
	event["type"], event["channel"], event["event_ts"] = "app_mention", c.ID, m.ts
	w.event(c, p.ID, event)
}

// slackbot shows p a notice that nobody else sees.
func (w *Workspace) slackbot(c *Channel, p *Person, threadTS, text string) {
	w.add(c, &message{ts: w.nextTS(), threadTS: threadTS, user: slackbotID, text: text, visibleTo: p.ID})
}

// slash runs a slash command. Its failures are told to the person by Slackbot,
// as in Slack.
func (w *Workspace) slash(p *Person, c *Channel, threadTS, word, text string) *Refusal {
	command, known := w.app.command(word)
	switch {
	case !known || !w.app.has("commands"):
		return refuse("unknown_command", word+" is not a valid command. Type a message, or one of the commands of the apps here.")
	case threadTS != "":
		return refuse("slash_in_thread", word+" is not supported in threads. Use it in the channel.")
	}
	args := strings.TrimSpace(text[len(word):])
	if command.ShouldEscape {
		args = w.encode(args, true)
	}
	u, url := w.newResponseURL(responseURL{channel: c, user: p.ID, command: text})
	e := &envelope{kind: slashCommands, acceptsIt: true, payload: w.slashPayload(p, c, command.Command, args, url)}
	e.ended = func(o outcome, answer any) {
		switch o {
		case timedOut:
			w.slackbot(c, p, "", command.Command+" failed with the error \"operation_timeout\"")
		case nobodyThere:
			w.slackbot(c, p, "", command.Command+" failed because the app did not respond")
		case acked:
			w.answerInAck(u, answer)
		}
	}
	w.deliver(e)
	return nil
}

// answerInAck posts the message an acknowledgement carried.
func (w *Workspace) answerInAck(u *responseURL, answer any) {
	args, ok := answer.(map[string]any)
	if !ok || len(args) == 0 {
		return
	}
	if err := w.answerThrough(u, &call{method: "ack", args: args, at: w.now()}); err != nil {
		w.note(Entry{Kind: "ack", Event: "payload", Violation: "the message in the acknowledgement was refused: " + err.code})
	}
}
