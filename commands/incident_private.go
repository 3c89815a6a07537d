package commands

import (
	"context"
	"errors"

	"github.com/integritybot/integritybot/incidents"
)

// hidden tells whether an incident is not to be spoken of where a call was asked: it is
// private, and this is not its channel. While it has none, who opened it, who leads it
// and who is called to it may speak of it anywhere: they alone read the answers.
func hidden(c Call, i incidents.Incident) bool {
	switch who := c.Request.Actor.User; {
	case !i.Private:
		return false
	case i.Room.Channel != "":
		return i.Room.Channel != c.Request.Channel
	default:
		return who == "" || who != i.OpenedBy && who != i.Lead && !i.Calls(who)
	}
}

func errPrivate(i incidents.Incident) error {
	return badInput("%s is private: it is shown in its own channel alone, to those who are in it; ask there.", i.Ref()).try("incident list")
}

// errPrivateChannel refuses what would show something that belongs to a private incident's
// channel outside of it; nil: the channel is this one, or no private incident's.
func errPrivateChannel(ctx context.Context, env Env, c Call, channel string) error {
	if channel == "" || channel == c.Request.Channel {
		return nil
	}
	i, err := env.Archive.IncidentIn(ctx, channel)
	switch {
	case errors.Is(err, incidents.ErrNotFound):
		return nil
	case err != nil:
		return err
	case i.Private:
		return errPrivate(i)
	}
	return nil
}

// mayRead refuses an incident, by its name, that is not to be spoken of here. One that is
// not there, or none, is not refused.
func mayRead(ctx context.Context, env Env, c Call, ref string) error {
	id, err := incidents.ParseRef(ref)
	if err != nil {
		return nil //nolint:nilerr // it names none
	}
	i, err := env.Archive.Incident(ctx, id)
	switch {
	case errors.Is(err, incidents.ErrNotFound):
		return nil
	case err == nil && hidden(c, i):
		return errPrivate(i)
	}
	return err
}
