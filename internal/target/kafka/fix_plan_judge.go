package kafka

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// candidate is what a plan keeps of one letter while it is worked out.
type candidate struct {
	partition int32
	offset    int64
	print     fingerprint
	lane      fingerprint // of its topic and key, within which order is kept; zero: no key

	topic   string // where it goes
	to      int32  // -1: where its key belongs
	attempt int32  // which replay this would be
	size    int32  // of the copy, in bytes
	aside   bool   // it goes to the quarantine
	origin  int32  // partition in which it was first; -1: not known
	first   int64  // offset there
	millis  int64  // its time
	left    string // why it is left alone; empty: it is not
	blocks  bool   // later letters of its key wait for it
	beyond  bool   // it is left alone for the order's limit
	id      string
	class   string
	shown   string // its key, masked
}

// leave notes why the letter is left alone, unless something else did before.
func (o *candidate) leave(why string, blocks bool) {
	if o.left == "" {
		o.left, o.blocks = why, blocks
	}
}

// judge decides what to do with one selected letter, as far as it alone tells.
func (d *drafting) judge(ctx context.Context, l Letter) (candidate, error) {
	r := l.Record
	one := candidate{
		partition: r.Partition, offset: r.Offset, to: -1, attempt: int32(min(l.Attempts+1, 1<<30)), //nolint:gosec // bounded
		origin: -1, first: -1, millis: l.Time.UnixMilli(), class: d.name(l.Class),
	}
	one.print, one.shown = printOf(r), d.keyShown(l)
	if d.mode == wayAside {
		one.aside, one.attempt = true, int32(min(l.Attempts, 1<<30)) //nolint:gosec // bounded
		err := d.address(ctx, &one, l, d.words.Quarantine)
		return one, err
	}
	one.id, one.origin, one.first = l.ID, l.Partition, l.Offset
	d.refuse(&one, l)
	if one.left != "" {
		one.lane = laneOf(d.destinationOf(l), l.Key)
		return one, nil
	}
	if l.Attempts >= d.words.attempts() {
		one.aside, one.attempt = true, int32(min(l.Attempts, 1<<30)) //nolint:gosec // bounded
		err := d.address(ctx, &one, l, d.words.Quarantine)
		return one, err
	}
	topic := d.destinationOf(l)
	one.lane = laneOf(topic, l.Key)
	err := d.address(ctx, &one, l, topic)
	return one, err
}

// refuse says what speaks against a replay of the letter.
func (d *drafting) refuse(one *candidate, l Letter) {
	topic := d.destinationOf(l)
	switch {
	case d.permanent(l.Class):
		one.leave(d.name("fail for good ("+l.Class+" is named under permanent): no replay cures that"), true)
	case l.Attempts >= d.words.attempts() && d.words.Quarantine == "":
		one.leave(fmt.Sprintf("were replayed %s in vain, and the config names no quarantine topic", times(d.words.attempts())), true)
	case l.Attempts >= d.words.attempts():
	case l.Broken != "":
		one.leave(d.name("cannot be read as it was: it "+l.Broken), true)
	case topic == "":
		one.leave("do not say which topic they are from: name it under origin in the config, or with to", true)
	case !d.words.allows(topic):
		one.leave(d.name("say that they are from "+topic+", which is not among the topics of this fix"), true)
	case topic == d.ends.topic:
		one.leave("are from the topic of dead letters itself: they would never leave it", true)
	case d.words.Processed != nil && l.ID == "" && d.words.withoutID() == idLeave:
		one.leave("hold no event id, so nobody can tell whether they were processed (without_id: replay in the config sends them)", true)
	}
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return phrase.Plural(int64(n), "time")
}

// destinationOf is the topic that a letter goes to; empty: not known.
func (d *drafting) destinationOf(l Letter) string {
	if to := d.words.to(); to != toOriginal {
		return to
	}
	return d.name(l.Topic)
}

// permanent tells whether a class of errors is one that no replay cures. The
// config may name it with its package or without.
func (d *drafting) permanent(class string) bool {
	bare := func(s string) string { return s[strings.LastIndexAny(s, ".$")+1:] }
	for _, one := range d.words.Permanent {
		if class != "" && (one == class || bare(one) == bare(class) && (bare(one) == one || bare(class) == class)) {
			return true
		}
	}
	return false
}

// address decides where in a topic the copy goes, and whether the topic takes it.
func (d *drafting) address(ctx context.Context, one *candidate, l Letter, topic string) error {
	to, err := d.known(ctx, topic)
	if err != nil {
		return err
	}
	one.topic = topic
	if to == nil {
		one.leave(d.name(fmt.Sprintf("belong to topic %s, which does not exist, or which the bot may not see", topic)), true)
		return nil
	}
	kind := sendLetter
	if one.aside {
		kind = sendAside
	}
	if kind == sendLetter && d.words.to() == toOriginal && d.words.partition() == partitionOriginal && l.Partition >= 0 {
		one.to = l.Partition
	}
	copied := copyOf(d.order.ID, fix.Form{Name: topic}, sendSpec{Kind: kind, Rules: d.rules}, goes{one.to, int(one.attempt)}, l.Record)
	one.size = int32(sizeOf(copied)) //nolint:gosec // a record is smaller than 2 GiB
	switch why := to.refuses(copied, d.target.opts.Now()); {
	case one.to >= to.partitions:
		one.leave(d.name(fmt.Sprintf("were in a partition that %s does not have any more", topic)), true)
	case why == whyLarge:
		one.leave(d.name(fmt.Sprintf("are too large for %s (max.message.bytes is %s)", topic, phrase.Count(int64(to.limit)))), true)
	case why == whyKeyless:
		one.leave(d.name(fmt.Sprintf("have no key, which %s as a compacted topic does not take", topic)), true)
	case why != "":
		one.leave(d.name(fmt.Sprintf("are older or newer than %s takes (message.timestamp.before.max.ms and after)", topic)), true)
	}
	return nil
}

// known is what a topic takes; nil if there is no such topic.
func (d *drafting) known(ctx context.Context, topic string) (*destination, error) {
	if to, asked := d.topics[topic]; asked {
		return to, nil
	}
	to, err := d.target.destination(ctx, d.target.cl, topic)
	switch {
	case err != nil && absent(err):
		d.topics[topic] = nil
		return nil, nil //nolint:nilnil // none is an answer
	case err != nil:
		return nil, err
	}
	d.topics[topic] = &to
	return &to, nil
}

// absent tells whether an error means that there is no such topic for us. Names
// come from headers: they may be anything.
func absent(err error) bool {
	return errors.Is(err, kerr.UnknownTopicOrPartition) || errors.Is(err, kerr.InvalidTopicException) ||
		errors.Is(err, kerr.TopicAuthorizationFailed)
}

// laneOf names the records among which order is kept: those of one key in one
// topic. Records without a key have none.
func laneOf(topic string, key []byte) fingerprint {
	if key == nil {
		return fingerprint{}
	}
	h := sha256.New()
	fmt.Fprintf(h, "%d:%s", len(topic), topic)
	h.Write(key)
	return fingerprint(h.Sum(nil)[:len(fingerprint{})])
}

// keyShown is the key of a letter as it may be shown.
func (d *drafting) keyShown(l Letter) string {
	if l.Key == nil {
		return check.Null
	}
	return check.Mask(d.words.check.class("key", check.Free), *bytesText(l.Key))
}
