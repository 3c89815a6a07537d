package bot

import (
	"context"
	"slices"

	"github.com/integritybot/integritybot/incidents"
)

// viewer makes messages of one channel out of one answer of Slack's. What somebody pinned
// or marked who may not act does not count: it is seen as if it were not there. That is
// true for the bot's own messages, too, but for their pins, which are its own.
type viewer struct {
	*Rooms
	me      self
	channel string
	pinners map[string]string // by timestamp; nil: not asked yet
}

func (r *Rooms) viewer(channel string, me self) *viewer {
	return &viewer{Rooms: r, me: me, channel: channel}
}

// all are those messages that were not deleted.
func (v *viewer) all(ctx context.Context, messages []said) (all []incidents.Seen, err error) {
	for _, m := range messages {
		if m.gone() {
			continue
		}
		s, err := v.seen(ctx, m)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

func (v *viewer) seen(ctx context.Context, m said) (s incidents.Seen, err error) {
	s = m.seen(v.channel, v.me)
	if s.Ours {
		return s, nil
	}
	if s.Pinned {
		by := m.PinnedInfo.By
		if by == "" {
			if by, _, err = v.pinner(ctx, m.TS); err != nil {
				return s, err
			}
		}
		if s.PinnedBy, err = v.first(ctx, []string{by}); err != nil {
			return s, err
		}
		s.Pinned = s.PinnedBy != ""
	}
	if v.reaction == "" || !slices.Contains(s.Reactions, v.reaction) {
		return s, nil
	}
	if s.MarkedBy, err = v.marker(ctx, m); err != nil {
		return s, err
	}
	if s.MarkedBy == "" {
		s.Reactions = slices.DeleteFunc(s.Reactions, func(name string) bool { return name == v.reaction })
	}
	return s, nil
}

// pinner is who pinned a message. All pins of the channel are asked for once.
func (v *viewer) pinner(ctx context.Context, ts string) (by string, pinned bool, err error) {
	if v.pinners == nil {
		pins, err := v.pins(ctx, v.channel)
		if err != nil {
			return "", false, err
		}
		v.pinners = map[string]string{}
		for _, p := range pins {
			v.pinners[p.Message.TS] = p.By
		}
	}
	by, pinned = v.pinners[ts]
	return by, pinned, nil
}

// marker is the first one who may act of those who marked a message with the reaction.
// Slack names not always all of them at first.
func (v *viewer) marker(ctx context.Context, m said) (string, error) {
	users, count := m.marked(v.reaction)
	by, err := v.first(ctx, users)
	if by != "" || err != nil || count <= len(users) {
		return by, err
	}
	if m, err = v.reacted(ctx, v.channel, m.TS); err != nil {
		return "", readError(readingMessage, err)
	}
	users, _ = m.marked(v.reaction)
	return v.first(ctx, users)
}

// marked are those who reacted so, whatever the tone of their skin.
func (m said) marked(reaction string) (users []string, count int) {
	for _, r := range m.Reactions {
		if bareReaction(r.Name) == reaction {
			users, count = append(users, r.Users...), count+r.Count
		}
	}
	return users, count
}

// first is the first of these who may act; empty: none.
func (v *viewer) first(ctx context.Context, users []string) (string, error) {
	for _, user := range users {
		if user == "" {
			continue
		}
		if v.counts == nil {
			return user, nil
		}
		may, err := v.counts(ctx, user)
		if err != nil {
			return "", readError("see who pinned or marked a message", err)
		}
		if may {
			return user, nil
		}
	}
	return "", nil
}
