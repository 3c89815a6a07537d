package kafka

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// say puts into words what the plan does.
func (d *drafting) say(chosen []candidate) {
	topics, aside := map[string]bool{}, int64(0)
	for _, one := range chosen {
		if one.aside {
			aside++
			continue
		}
		topics[one.topic] = true
	}
	replayed := int64(len(chosen)) - aside
	if replayed == 0 {
		d.draft.Does, d.draft.Done = fmt.Sprintf("put %s of %s into %s", phrase.Plural(aside, "dead letter"), d.ends.topic, d.words.Quarantine), "quarantined"
		d.draft.Button = "quarantine " + phrase.Plural(aside, "letter")
	} else {
		d.draft.Does, d.draft.Done = fmt.Sprintf("replay %s of %s to %s", phrase.Plural(replayed, "dead letter"), d.ends.topic, topicsText(topics, destinationsNamed)), "replayed"
		d.draft.Button = "replay " + phrase.Plural(replayed, "letter")
	}
	if replayed > 0 && aside > 0 {
		d.draft.Done = "sent on"
		d.draft.Button = "send " + phrase.Plural(replayed+aside, "letter")
		d.draft.Dependants = []fix.Dependant{{Table: d.words.Quarantine, Rows: aside, Fate: "put aside: replayed " + times(d.words.attempts()) + " in vain"}}
	}
	d.draft.Irreversible = strings.TrimSuffix(irreversible, ".")
	d.warn(chosen, replayed)
}

// warn says what somebody should know before the click.
func (d *drafting) warn(chosen []candidate, replayed int64) {
	if replayed > 0 && d.words.Processed == nil {
		d.risk("Nothing here tells which events were processed already (processed in the config does): their consumer must be able to see an event twice.")
	}
	if d.behind > 0 {
		d.risk("%s behind an open transaction: not looked at.", stand(d.behind))
	}
	if e := d.words.check.Envelope; replayed > 0 && e != nil && e.Headers == "" {
		d.risk("The envelope names no headers in the config: copies that come back cannot be told from other letters, so neither the canary nor attempts counts them.")
	}
	d.risk("Consumers that do not read committed records only (isolation.level=read_committed) may see copies of a batch that is aborted, and then once more.")
	d.warnOfTimes(chosen)
	if canary := d.draft.Content.First; replayed > int64(canary) && canary > 0 {
		d.risk("The first %d are sent alone; if more than %s come back within %s, the others are not sent.", canary, percent(d.words.stopShare()), phrase.Duration(d.words.window()))
	}
}

// warnOfTimes says what becomes of the times of records.
func (d *drafting) warnOfTimes(chosen []candidate) {
	appended, short, old := map[string]bool{}, map[string]bool{}, int64(0)
	now := d.target.opts.Now()
	for _, one := range chosen {
		to := d.topics[one.topic]
		if to == nil {
			continue
		}
		if to.appended {
			appended[one.topic] = true
		}
		if to.outlived(one.millis, now) {
			old++
			short[one.topic] = true
		}
	}
	if old > 0 {
		d.risk("%s older than %s keeps records (retention.ms): unless younger records stand beside them, they may be deleted before a consumer has read them.", are(old), topicsText(short, topicsNamed))
	}
	if len(appended) > 0 {
		d.risk("%s stamps records with its own clock (LogAppendTime): their times are lost.", topicsText(appended, topicsNamed))
	}
}

func are(n int64) string {
	if n == 1 {
		return "1 letter is"
	}
	return phrase.Count(n) + " letters are"
}

// How many topics are named: where letters go to matters most, because letters may
// say it themselves.
const (
	topicsNamed       = 3
	destinationsNamed = 10
)

// topicsText names a few topics.
func topicsText(topics map[string]bool, most int) string {
	names := slices.Sorted(maps.Keys(topics))
	if len(names) > most {
		return fmt.Sprintf("%d topics (%s, …)", len(names), strings.Join(names[:most], ", "))
	}
	return strings.Join(names, ", ")
}

// sample shows one letter and what becomes of it.
func (o candidate) sample() fix.Sample {
	before := "key " + clipped(o.shown)
	if o.class != "" {
		before = o.class + ", " + before
	}
	return fix.Sample{Key: placeText(o.partition, o.offset), Before: before, After: o.fate()}
}

// fate says where the copy goes.
func (o candidate) fate() string {
	switch {
	case o.aside:
		return o.topic + ", put aside"
	case o.to < 0:
		return fmt.Sprintf("%s, partition by its key, replay %d", o.topic, o.attempt)
	}
	return fmt.Sprintf("%s, partition %d, replay %d", o.topic, o.to, o.attempt)
}

// clipped shortens a text for a preview.
func clipped(s string) string {
	const most = 80
	runes := []rune(s)
	if len(runes) <= most {
		return s
	}
	return string(runes[:most-1]) + "…"
}
