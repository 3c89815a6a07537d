package bot

import (
	"context"
	"slices"
	"time"

	"github.com/integritybot/integritybot/internal/message"
)

// deliverPost posts a message, or finds that it stands already.
func (p *poster) deliverPost(ctx context.Context, d *Delivery) result {
	if d.Post.Parent != "" && d.Thread == "" {
		return failed("The message this belongs under does not stand in the channel.", nil)
	}
	if wait := p.gates.wait(methodPost); wait > 0 {
		return again(wait, d.Unknown, "Slack asks to wait")
	}
	if d.Unknown {
		ts, r := p.look(ctx, d, "")
		switch {
		case r != nil:
			return *r
		case ts != "":
			return p.overwrite(ctx, d, ts)
		}
	}
	return p.postNew(ctx, d)
}

// look finds the message of an earlier try whose outcome is unknown. after is
// the timestamp of a message of the same key that is known and not meant. A result means that nothing can be
// said yet.
func (p *poster) look(ctx context.Context, d *Delivery, after string) (string, *result) {
	found, err := p.find.find(ctx, d.Post.Channel, d.Thread, d.Tried)
	if err == nil {
		if ts := found[d.Post.Key]; ts > after {
			return ts, nil
		}
		return "", nil
	}
	if unreachable(err) { // nor could the earlier try have been carried out
		return "", nil
	}
	if wait, limited := rateLimited(err); limited {
		r := again(wait, true, "Slack asks to wait")
		return "", &r
	}
	if transient(err) {
		r := again(p.delay(d), true, "cannot see whether an earlier try was carried out: "+describe(err))
		return "", &r
	}
	r := failed("Slack did not say whether it posted this, and I cannot look: "+sentence("conversations.history", err), err)
	return "", &r
}

// overwrite puts what should stand now over what an earlier try posted.
func (p *poster) overwrite(ctx context.Context, d *Delivery, ts string) result {
	if !p.begin(ctx, d) {
		return result{lost: true}
	}
	err := p.send.update(ctx, d.Post.Channel, ts, d.Post.Key, d.Post.Message, d.Version)
	switch {
	case err == nil, uneditable(err):
		p.pace.touched(d.Post.Channel + ts)
		return sent(ts, 0)
	}
	return p.failure(d, methodUpdate, err)
}

// postNew posts the message.
func (p *poster) postNew(ctx context.Context, d *Delivery) result {
	if !p.begin(ctx, d) {
		return result{lost: true}
	}
	ts, in, err := p.send.post(ctx, d.Post.Channel, d.Thread, d.Post.Key, d.Post.Message, d.Version)
	switch {
	case err == nil && d.Thread != "" && in != d.Thread && d.Post.Parent != "":
		return p.takeBack(ctx, d, ts)
	case err == nil:
		p.pace.touched(d.Post.Channel + ts)
		return sent(ts, p.opt.Timing.PostGap)
	case unreachable(err):
		return p.throughURL(ctx, d, err)
	}
	return p.failure(d, methodPost, err)
}

// takeBack removes a detail that landed in the channel because somebody
// deleted the message it belongs under. A message of its own stays where it
// landed.
func (p *poster) takeBack(ctx context.Context, d *Delivery, ts string) result {
	if _, _, err := p.send.api.DeleteMessageContext(ctx, d.Post.Channel, ts); err != nil {
		p.log.Warn("stray message not deleted", "channel", d.Post.Channel, "ts", ts, "error", describe(err))
	}
	return failed("The message this belongs under was deleted in Slack.", nil)
}

// deliverUpdate edits a message in place, and posts it anew where Slack does
// not let us.
func (p *poster) deliverUpdate(ctx context.Context, d *Delivery) result {
	if wait := p.editWait(d); wait > 0 {
		return again(wait, d.Unknown, "edits are spaced")
	}
	if !p.begin(ctx, d) {
		return result{lost: true}
	}
	err := p.send.update(ctx, d.Post.Channel, d.TS, d.Post.Key, d.Post.Message, d.Version)
	p.pace.touched(d.Post.Channel + d.TS)
	switch {
	case err == nil:
		return sent(d.TS, 0)
	case unreachable(err):
		return p.throughURL(ctx, d, err)
	case !uneditable(err):
		return p.failure(d, methodUpdate, err)
	}
	if d.Unknown { // an earlier try may have posted it anew
		ts, r := p.look(ctx, d, d.TS)
		switch {
		case r != nil:
			return *r
		case ts != "":
			return p.overwrite(ctx, d, ts)
		}
	}
	return p.postNew(ctx, d)
}

// editWait is how long an edit has to wait: for Slack, for the share of edits
// per minute, and, unless it is the last one, for the gap between two edits of
// one message. A newer version takes its place meanwhile.
func (p *poster) editWait(d *Delivery) time.Duration {
	if w := p.gates.wait(methodUpdate); w > 0 {
		return w
	}
	if w := p.pace.wait(d.Post.Channel + d.TS); w > 0 && !d.Post.Final {
		return w
	}
	slot := p.edits.ReserveN(p.now(), 1)
	if w := slot.DelayFrom(p.now()); w > 0 {
		slot.CancelAt(p.now())
		return w
	}
	return 0
}

// throughURL gives the person the result where the bot cannot post: only the
// last version, without details and buttons, because a response_url works five
// times.
func (p *poster) throughURL(ctx context.Context, d *Delivery, cause error) result {
	hint := p.hint(cause)
	switch {
	case d.Post.Parent != "", !p.mayUse(d, d.Post):
		return failed(sentence(methodPost, cause), cause)
	case !d.Post.Final:
		// Nothing to show yet, and nothing behind it should wait: the next
		// version is posted anew.
		return sent(d.TS, 0)
	}
	m := d.Post.Message
	m.Parts = append([]message.Part{{Lines: []message.Line{m.Headline}}}, m.Parts...)
	m.Headline = hint
	m.Actions, m.Files = nil, nil
	err := p.send.respond(ctx, d.Post.ResponseURL, "", m, true)
	switch {
	case err == nil:
		return sent(d.TS, p.opt.Timing.PostGap)
	case mayHaveHappened(err):
		return failed("I am not a member of the channel, and Slack did not say whether it showed the result to the person.", err)
	}
	if wait, limited := rateLimited(err); limited {
		return again(wait, false, "Slack asks to wait")
	}
	return failed(sentence(methodPost, cause), err)
}

// hint says why the result comes this way, and what to do.
func (p *poster) hint(cause error) message.Line {
	switch errorCode(cause) {
	case "not_in_channel", "channel_not_found":
		return message.Join("I am not a member of this channel: ", message.Mono("/invite @"+p.name), ", then try again. Your result for now:")
	case "is_archived":
		return message.Text("This channel is archived, so I cannot post in it. Your result for now:")
	}
	return message.Text("I may not post in this channel. Your result for now:")
}

// unreachable says that the bot cannot post in this channel at all.
func unreachable(err error) bool {
	return slices.Contains([]string{
		"not_in_channel", "channel_not_found", "is_archived", "restricted_action",
		"restricted_action_read_only_channel", "restricted_action_thread_only_channel",
		"restricted_action_non_threadable_channel", "cannot_reply_to_message",
	}, errorCode(err))
}

// uneditable says that this message cannot be edited any more.
func uneditable(err error) bool {
	return slices.Contains([]string{
		"message_not_found", "edit_window_closed", "cant_update_message", "is_inactive",
	}, errorCode(err))
}

// deliverEphemeral shows a refusal or help to one person: once, or not at all.
func (p *poster) deliverEphemeral(ctx context.Context, d *Delivery) result {
	if d.Unknown {
		return failed("An earlier try may have been seen; what only one person sees is not repeated.", errUnseen)
	}
	if wait := p.gates.wait(methodEphemeral); wait > 0 {
		return again(wait, false, "Slack asks to wait")
	}
	if !p.begin(ctx, d) {
		return result{lost: true}
	}
	post := d.Post
	if !p.mayUse(d, post) {
		post.ResponseURL = ""
	}
	setZero(&post.Thread, d.Thread)
	err := (&direct{sender: p.send}).send(ctx, post)
	switch {
	case err == nil:
		return sent("", 0)
	case mayHaveHappened(err):
		return failed("Slack did not say whether it showed this; what only one person sees is not repeated.", err)
	}
	return p.failure(d, methodEphemeral, err)
}
