package keeper

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
)

const (
	// nameLength is how long Slack lets a channel's name be.
	nameLength = 80
	// namesAtMost is how many names are tried: base, base-2, base-3, …
	namesAtMost = 20
	// clockSkew is how much Slack's clock may be behind ours.
	clockSkew = time.Minute
	// listedWithin is how long Slack may take to list a channel that was created, and
	// notedWithin how old the note of the last try to create it may be.
	listedWithin = time.Minute
	notedWithin  = 30 * time.Second
)

// channel gives an incident a channel of its own. The name is written down before Slack
// is asked: a channel whose creation was not answered is known by it again.
func (k *Keeper) channel(ctx context.Context, i incidents.Incident, now time.Time) (outcome, error) {
	if i.Room.Channel != "" { // adopted
		_, err := k.rooms.Pinned(ctx, i.Room.Channel)
		if is(err, incidents.NotThere) {
			err = &incidents.RoomError{Problem: incidents.NotAllowed, Err: err, Sentence: "I am not a member of this channel, so I can keep nothing in it: invite me."}
		}
		return outcome{args: map[string]string{"name": i.Room.Name, "channel": i.Room.Channel, "bound": "true"}}, err
	}
	names := channelNames(k.opts.Words.Rules.Channel, i)
	for range names {
		var err error
		if i.Room.Trying == "" {
			if i, err = k.tryNext(ctx, i, names, now); err != nil {
				return outcome{}, err
			}
		}
		if i, err = k.doubt(ctx, i, now); err != nil {
			return outcome{}, err
		}
		id, taken, err := k.create(ctx, i, now)
		if err != nil {
			return outcome{}, err
		}
		if !taken {
			name := i.Room.Trying
			return outcome{args: map[string]string{"name": name, "channel": id}, set: func(to *incidents.Incident) {
				to.Room.Channel, to.Room.Name, to.Room.Trying = id, name, ""
			}}, nil
		}
		if i, err = k.tryNext(ctx, i, names, now); err != nil {
			return outcome{}, err
		}
	}
	return outcome{}, exhausted(names)
}

func exhausted(names []string) error {
	return &incidents.RoomError{Problem: incidents.NotAllowed, Sentence: fmt.Sprintf("Every channel name from #%s to #%s is taken by others.", names[0], names[len(names)-1])}
}

// create creates the channel whose name is being tried, or finds it if it was created
// and the answer was lost. taken: it is somebody else's.
func (k *Keeper) create(ctx context.Context, i incidents.Incident, now time.Time) (id string, taken bool, err error) {
	id, err = k.rooms.Create(ctx, i.Room.Trying, i.Private || k.opts.Words.Rules.Private)
	if err == nil || !is(err, incidents.NameTaken) && !is(err, incidents.NotKnown) {
		return id, false, err
	}
	id, listed, ferr := k.lost(ctx, i)
	switch {
	case ferr != nil || id != "":
		return id, false, ferr
	case !listed && (is(err, incidents.NotKnown) || doubtful(i.Room, now)):
		return "", false, &incidents.RoomError{Problem: incidents.NotKnown, Sentence: problem(err).Sentence, Err: err} // ask again
	}
	return "", true, nil
}

// lost looks for the channel of an incident whose creation was not answered. listed:
// there is a channel of that name, whosever it is.
func (k *Keeper) lost(ctx context.Context, i incidents.Incident) (id string, listed bool, err error) {
	found, err := k.rooms.Find(ctx, i.Room.Trying)
	if err != nil || found == nil {
		return "", false, err
	}
	if !found.Ours || found.Archived || found.Created.Before(i.Room.TryingSince.Add(-clockSkew)) {
		return "", true, nil
	}
	of, err := k.store.RoomOf(ctx, found.ID)
	if err != nil || of != 0 && of != i.ID {
		return "", true, err
	}
	return found.ID, true, nil
}

// doubtful tells whether a name that nobody is seen to have may be taken by a creation
// that was not answered: Slack lists what was just created a little later.
func doubtful(r incidents.Room, now time.Time) bool {
	first := r.TryingSince.Equal(now)
	return !first && now.Sub(later(r.TryingSince, r.Doubt)) < listedWithin+notedWithin
}

// doubt writes that the creation is asked for again, unless that was written a moment
// ago: whoever goes on with it later knows until when the answer may have been lost.
func (k *Keeper) doubt(ctx context.Context, i incidents.Incident, now time.Time) (incidents.Incident, error) {
	if now.Sub(later(i.Room.TryingSince, i.Room.Doubt)) < notedWithin {
		return i, nil
	}
	return k.move(ctx, i.ID, "again/"+i.Room.Trying, func(to incidents.Incident) (incidents.Incident, incidents.Effects, bool) {
		if to.Room.Trying != i.Room.Trying || to.Room.Channel != "" {
			return to, incidents.Effects{}, false
		}
		to.Room.Doubt = now
		return to, incidents.Effects{}, true
	})
}

// adopt gives an incident that ended while its channel was created that channel, so that
// there is none of which nobody knows whose it is.
func (k *Keeper) adopt(ctx context.Context, i incidents.Incident) error {
	if i.Room.Trying == "" || i.Room.Channel != "" || !open(i, incidents.FurnishChannel) {
		return nil
	}
	now, err := k.store.Clock(ctx)
	if err != nil || k.waits.on(waiting(i.ID, incidents.FurnishChannel), now) {
		return err
	}
	k.waits.put(waiting(i.ID, incidents.FurnishChannel), now, notedWithin)
	return k.visit(ctx, i.ID, "furnish", func(ctx context.Context) error {
		id, _, err := k.lost(ctx, i)
		if err != nil || id == "" {
			return err
		}
		name := i.Room.Trying
		return k.note(ctx, i, incidents.FurnishChannel, outcome{
			args: map[string]string{"name": name, "channel": id},
			set:  func(to *incidents.Incident) { to.Room.Channel, to.Room.Name, to.Room.Trying = id, name, "" },
		}, now)
	})
}

// tryNext takes the next name that no other incident had, and writes that it is tried
// from now on.
func (k *Keeper) tryNext(ctx context.Context, i incidents.Incident, names []string, now time.Time) (incidents.Incident, error) {
	was := i.Room.Trying
	for _, name := range after(names, was) {
		ours, err := k.store.TakeName(ctx, name, i.ID)
		if err != nil {
			return i, err
		}
		if !ours {
			continue
		}
		return k.move(ctx, i.ID, "try/"+name, func(to incidents.Incident) (incidents.Incident, incidents.Effects, bool) {
			if to.Room.Channel != "" || to.Room.Trying == name {
				return to, incidents.Effects{}, false
			}
			var e incidents.Effects
			if was != "" {
				event := to.Log("incident.create-channel", map[string]string{"name": was})
				event.Outcome, event.Error = audit.Failed, "The name is taken by somebody else's channel."
				e.Events = append(e.Events, event)
			}
			event := to.Log("incident.create-channel", map[string]string{"name": name})
			event.Outcome = audit.Intended
			e.Events = append(e.Events, event)
			to.Room.Trying, to.Room.TryingSince = name, now
			return to, e, true
		})
	}
	return i, exhausted(names)
}

// after are the names behind one.
func after(names []string, one string) []string {
	for n, name := range names {
		if name == one {
			return names[n+1:]
		}
	}
	return names
}

// channelNames are the names that a channel may get, the best first. {date} is the day
// it was opened on in UTC, {domain} its domain, {id} its number.
func channelNames(pattern string, i incidents.Incident) []string {
	if pattern == "" {
		pattern = "inc-{date}-{domain}"
	}
	base := plainName(strings.NewReplacer(
		"{date}", i.Opened.UTC().Format("20060102"), "{domain}", i.Domain, "{id}", strconv.FormatInt(i.ID, 10),
	).Replace(pattern))
	if base == "" {
		base = "inc-" + strconv.FormatInt(i.ID, 10)
	}
	names := make([]string, namesAtMost)
	for n := range names {
		suffix := ""
		if n > 0 {
			suffix = "-" + strconv.Itoa(n+1)
		}
		names[n] = base[:min(len(base), nameLength-len(suffix))] + suffix
	}
	return names
}

// plainName leaves what Slack allows in names: small letters, digits, hyphens and
// underscores.
func plainName(s string) string {
	var b strings.Builder
	hyphen := true // none at the beginning, nor two
	for _, r := range strings.ToLower(s) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_':
			b.WriteRune(r)
			hyphen = false
		case !hyphen:
			b.WriteByte('-')
			hyphen = true
		}
	}
	return strings.Trim(b.String(), "-")
}
