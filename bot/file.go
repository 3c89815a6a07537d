package bot

import (
	"context"
	"errors"
	"time"

	"github.com/integritybot/integritybot/internal/message"
)

// maxUploads is how often an upload may break off before the file is shown as
// pages instead.
const maxUploads = 5

// deliverFile shows a file in its message's thread. The bytes are brought to
// Slack first, which nobody sees; only showing it must not happen twice.
func (p *poster) deliverFile(ctx context.Context, d *Delivery) result {
	if threadOf(d) == "" {
		return failed("The message this file belongs to does not stand in the channel.", nil)
	}
	if wait := p.gates.wait(methodComplete); wait > 0 {
		return again(wait, d.Unknown, "Slack asks to wait")
	}
	if !p.begin(ctx, d) { // each try counts, also one that only uploads
		return result{lost: true}
	}
	if d.FileID == "" {
		return p.uploadFile(ctx, d)
	}
	if d.Unknown {
		ts, shown, err := p.upload.shared(ctx, d.FileID, d.Post.Channel)
		switch {
		case err == nil && shown:
			return sent(ts, p.opt.Timing.PostGap)
		case errorCode(err) == "file_not_found":
			return p.uploadFile(ctx, d) // it expired unseen
		case errorCode(err) != "" && !transient(err):
			return failed("Slack did not say whether it showed the file, and I cannot look: "+sentence("files.info", err), err)
		case err != nil:
			return again(p.delay(d), true, "cannot see whether the file is shown: "+describe(err))
		}
	}
	return p.showFile(ctx, d, d.FileID)
}

// uploadFile brings the bytes to Slack and shows the file.
func (p *poster) uploadFile(ctx context.Context, d *Delivery) result {
	bytes, n, err := p.upload.open(ctx, *d.File)
	if err != nil {
		if d.Attempts > maxUploads {
			return failed("The file "+d.File.Name+" is not in the store.", err)
		}
		return again(p.delay(d), d.Unknown, describe(err))
	}
	defer bytes.Close()
	if n == 0 { // Slack takes no empty file
		return p.postNotes(ctx, d, []message.Message{{Headline: message.Text("%s is empty.", d.File.Name)}})
	}
	id, err := p.upload.send(ctx, *d.File, bytes, n)
	var untrusted *FatalError
	switch {
	case err == nil:
	case errors.As(err, &untrusted):
		return failed(untrusted.Sentence, err)
	case filesForbidden(err), d.Attempts > maxUploads:
		p.log.Warn("file not uploaded, showing its beginning as messages", "file", d.File.Name, "error", describe(err))
		return p.showPages(ctx, d)
	case mayHaveHappened(err): // an unfinished upload is seen by nobody
		return again(p.delay(d), d.Unknown, "upload broke off: "+describe(err))
	default:
		return p.failure(d, methodComplete, err)
	}
	if err := p.outbox.Uploaded(ctx, d, id); err != nil {
		p.log.Warn("claim of a delivery lost", "delivery", d.ID, "error", err)
		return result{lost: true}
	}
	return p.showFile(ctx, d, id)
}

// showFile completes the upload: the one step that is seen.
func (p *poster) showFile(ctx context.Context, d *Delivery, id string) result {
	err := p.upload.complete(ctx, id, *d.File, d.Post.Channel, threadOf(d))
	switch {
	case err == nil:
		return sent("", p.opt.Timing.PostGap)
	case filesForbidden(err):
		return p.showPages(ctx, d)
	case unreachable(err):
		return failed(sentence(methodComplete, err), err)
	case errorCode(err) == "file_not_found" && d.Attempts <= maxUploads:
		return p.uploadFile(ctx, d)
	}
	return p.failure(d, methodComplete, err)
}

func threadOf(d *Delivery) string {
	if d.Thread != "" {
		return d.Thread
	}
	return d.TS
}

// showPages shows the beginning of a file as messages.
func (p *poster) showPages(ctx context.Context, d *Delivery) result {
	bytes, n, err := p.upload.open(ctx, *d.File)
	if err != nil {
		return again(p.delay(d), d.Unknown, describe(err))
	}
	defer bytes.Close()
	pages, err := Pages(d.File.Name, bytes, n)
	if err != nil {
		return again(p.delay(d), d.Unknown, "the file cannot be read: "+describe(err))
	}
	return p.postNotes(ctx, d, pages)
}

// postNotes posts messages that stand for a file, one after the other, leaving
// out those that an earlier try posted. What does not fit into the lease is
// left to the next try.
func (p *poster) postNotes(ctx context.Context, d *Delivery, notes []message.Message) result {
	have := map[string]string{}
	if d.Unknown {
		var err error
		if have, err = p.find.find(ctx, d.Post.Channel, threadOf(d), time.Time{}); err != nil {
			return again(p.delay(d), true, "cannot see which pages stand already: "+describe(err))
		}
	}
	posted := 0
	for i, m := range notes {
		key := pageKey(d, i)
		if have[key] != "" {
			continue
		}
		if deadline, ok := ctx.Deadline(); ok && posted > 0 && (time.Until(deadline) < p.opt.Timing.HTTP/2 || !sleep(ctx, p.opt.Timing.PostGap)) {
			return again(p.opt.Timing.PostGap, true, "more pages to come")
		}
		_, _, err := p.send.post(ctx, d.Post.Channel, threadOf(d), key, m, d.Version)
		if wait, limited := rateLimited(err); limited && posted > 0 {
			return again(wait, true, "Slack asks to wait between pages")
		}
		if err != nil {
			r := p.failure(d, methodPost, err)
			r.unknown = r.unknown || posted > 0 || d.Unknown // earlier pages stand
			return r
		}
		posted++
	}
	return sent("", p.opt.Timing.PostGap)
}

func pageKey(d *Delivery, i int) string {
	return d.Post.Key + "/" + d.File.Name + "/page/" + stamp(int64(i + 1))[1:]
}
