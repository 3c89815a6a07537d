package keeper

import (
	"slices"

	"github.com/integritybot/integritybot/incidents"
)

// entryKey names a message on the timeline.
func entryKey(channel, ts string) string { return "slack/" + channel + "/" + ts }

// reconcile gives the next revision of a message on the timeline, if what stands there
// does not agree with what stands in Slack. last is its latest revision, seen the
// message; nil: there is none. It does not matter what happened in between, how often,
// or in which order it is told. Who writes it says when.
func reconcile(last *incidents.Entry, seen *incidents.Seen, reaction string) (incidents.Entry, bool) {
	shown := last != nil && !last.Gone && !last.Withdrawn
	switch why := reason(last, seen, reaction); {
	case seen == nil:
		return next(last, func(e *incidents.Entry) { e.Gone = true }), shown
	case why == "":
		return next(last, func(e *incidents.Entry) { e.Withdrawn = true }), shown
	case shown && last.Text == seen.Text && slices.Equal(last.Files, seen.Files):
		return incidents.Entry{}, false
	default:
		e := incidents.Entry{Key: entryKey(seen.Channel, seen.TS), Kind: incidents.Said, At: seen.At, Author: seen.Author, Thread: seen.Thread}
		if last != nil {
			e = *last
		}
		return next(&e, func(e *incidents.Entry) {
			e.Text, e.Files, e.Link, e.Why = seen.Text, seen.Files, seen.Link, why
			e.Gone, e.Withdrawn = false, false
		}), true
	}
}

// next is the revision after one, with a change.
func next(last *incidents.Entry, change func(*incidents.Entry)) incidents.Entry {
	if last == nil {
		return incidents.Entry{}
	}
	e := *last
	e.Revision++
	change(&e)
	return e
}

// reason tells why a message belongs on the timeline; empty: it does not. What it was
// put there for it stays there for, as long as that holds.
func reason(last *incidents.Entry, seen *incidents.Seen, reaction string) string {
	if seen == nil || seen.Ours || seen.Hidden {
		return ""
	}
	marked := reaction != "" && slices.Contains(seen.Reactions, reaction)
	switch {
	case marked && (!seen.Pinned || last != nil && last.Why == "reaction"):
		return "reaction"
	case seen.Pinned:
		return "pinned"
	default:
		return ""
	}
}
