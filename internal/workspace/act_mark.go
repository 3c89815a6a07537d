package workspace

import "strings"

// React adds or removes a reaction of a person's.
func (w *Workspace) React(as, channel, ts, name string, remove bool) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	p, c, m, refusal := w.pointAt(as, channel, ts)
	if refusal != nil {
		return refusal
	}
	if !reactionName.MatchString(name) {
		return refuse("invalid_name", "That is not the name of an emoji.")
	}
	if remove {
		if !w.unreact(c, m, name, p.ID) {
			return refuse("no_reaction", "There is no such reaction of yours.")
		}
		return nil
	}
	if !w.react(c, m, name, p.ID) {
		return refuse("already_reacted", "You reacted with that already.")
	}
	return nil
}

// Pin pins a message or takes its pin away.
func (w *Workspace) Pin(as, channel, ts string, remove bool) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	p, c, m, refusal := w.pointAt(as, channel, ts)
	if refusal != nil {
		return refusal
	}
	if remove {
		if !w.unpin(c, m, p.ID) {
			return refuse("no_pin", "The message is not pinned.")
		}
		return nil
	}
	if !m.pinnable() {
		return refuse("not_pinnable", "This message cannot be pinned.")
	}
	if !w.pin(c, m, p.ID) {
		return refuse("already_pinned", "The message is pinned already.")
	}
	return nil
}

// Edit changes the text of a person's own message.
func (w *Workspace) Edit(as, channel, ts, text string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	p, c, m, refusal := w.pointAt(as, channel, ts)
	text = strings.TrimSpace(text)
	switch {
	case refusal != nil:
		return refusal
	case m.user != p.ID || !m.pinnable():
		return refuse("cant_update_message", "You can edit only your own messages.")
	case text == "":
		return refuse("no_text", "There is nothing to send.")
	case len([]rune(text)) > maxPostText:
		return refuse("msg_too_long", "The message is longer than 40,000 characters.")
	}
	before := w.messageJSON(c, m, true)
	m.text, m.blocks = w.encode(text, false), nil
	m.editedBy, m.editedTS = p.ID, w.nextTS()
	w.changed(c, m)
	w.changeEvent(c, m, before)
	return nil
}

// Delete deletes a person's own message; an administrator may delete any.
// Ephemeral messages are dismissed.
func (w *Workspace) Delete(as, channel, ts string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	p, c, refusal := w.present(as, channel)
	if refusal != nil {
		return refusal
	}
	if m := c.findEphemeral(ts); m != nil && m.visibleTo == p.ID {
		return errorOrNil(w.dismiss(c, m))
	}
	m := c.find(ts)
	switch {
	case m == nil || m.subtype == "tombstone":
		return notFound("message_not_found", "The message is gone.")
	case m.user != p.ID && !p.Admin && !p.Owner:
		return refuse("cant_delete_message", "You can delete only your own messages.")
	}
	w.deleteMessage(c, m)
	return nil
}

func (w *Workspace) dismiss(c *Channel, m *message) *Refusal {
	u := &responseURL{channel: c, origin: m}
	if err := w.deleteOriginal(u); err != nil {
		return notFound(err.code, "The message is gone.")
	}
	return nil
}

// Invite makes people, or the bot, members of a channel that the person is in.
func (w *Workspace) Invite(as, channel string, users ...string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	p, c, refusal := w.present(as, channel)
	if refusal != nil {
		return refusal
	}
	for _, u := range users {
		if w.people[u] == nil {
			return notFound("user_not_found", "There is nobody with the id "+quote(u)+".")
		}
		if !c.has(u) {
			w.join(c, u, p.ID)
		}
	}
	return nil
}

func (w *Workspace) pointAt(as, channel, ts string) (*Person, *Channel, *message, *Refusal) {
	p, c, refusal := w.present(as, channel)
	if refusal != nil {
		return nil, nil, nil, refusal
	}
	m := c.find(ts)
	if m == nil || m.subtype == "tombstone" {
		return nil, nil, nil, notFound("message_not_found", "The message is gone.")
	}
	return p, c, m, nil
}
