package keeper

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
)

// leading names having the lead in what was done.
const leading = "lead"

// guests tells whether the bot decides who is in the incident's channel, and has decided
// who is in it at first. In a channel of others that is theirs.
func guests(i incidents.Incident) bool {
	return i.Room.Channel != "" && !i.Room.Bound && !open(i, incidents.FurnishInvite)
}

// fetch invites those who are called into the channel, each level once.
func (k *Keeper) fetch(ctx context.Context, i incidents.Incident) error {
	if i.Escalation == nil || !guests(i) {
		return nil
	}
	for n, l := range i.Escalation.Levels {
		if l.Called.IsZero() || len(l.People) == 0 {
			continue
		}
		what := fmt.Sprintf("%s/%d/%d", calling, i.Escalation.N, n)
		if err := k.bring(ctx, i, what, l.People, map[string]string{"level": l.Level}); err != nil {
			return err
		}
	}
	return nil
}

// welcome invites whoever has the lead by now.
func (k *Keeper) welcome(ctx context.Context, i incidents.Incident) error {
	if i.Lead == "" || !guests(i) {
		return nil
	}
	return k.bring(ctx, i, leading+"/"+i.Lead, []string{i.Lead}, map[string]string{"lead": i.Lead})
}

// brought tells whether people were invited, or could not be.
func brought(i incidents.Incident, what string) bool {
	return !i.Room.Done[what].IsZero() || i.Room.Trouble[what] != ""
}

// bring invites people once, and says whom it could not.
func (k *Keeper) bring(ctx context.Context, i incidents.Incident, what string, people []string, args map[string]string) error {
	if brought(i, what) {
		return nil
	}
	now, err := k.store.Clock(ctx)
	if err != nil || k.waits.on(waiting(i.ID, what), now) {
		return err
	}
	return k.visit(ctx, i.ID, calling, func(ctx context.Context) error {
		if i, err := k.store.Incident(ctx, i.ID); err != nil || brought(i, what) {
			return err
		}
		var left []string
		for batch := range slices.Chunk(people, inviteAtOnce) {
			not, err := k.rooms.Invite(ctx, i.Room.Channel, batch)
			switch room := problem(err); {
			case err == nil:
				left = append(left, not...)
			case room.Problem == incidents.NotAllowed, room.Problem == incidents.NotThere:
				return k.troubled(ctx, i.ID, what, whoIs(what)+" could not be invited: invite them by hand. "+room.Sentence, people...)
			default:
				k.waits.put(waiting(i.ID, what), now, room.Wait)
				return nil
			}
		}
		return k.broughtIn(ctx, i.ID, what, people, left, args)
	})
}

// broughtIn writes that people were invited, but for those who are left.
func (k *Keeper) broughtIn(ctx context.Context, id int64, what string, people, left []string, args map[string]string) error {
	now, err := k.store.Clock(ctx)
	if err != nil {
		return err
	}
	args["what"], args["people"] = incidents.FurnishInvite, fmt.Sprint(len(people)-len(left))
	_, err = k.move(ctx, id, what, func(i incidents.Incident) (incidents.Incident, incidents.Effects, bool) {
		if brought(i, what) {
			return i, incidents.Effects{}, false
		}
		done(&i, what, now)
		effects := incidents.Effects{Events: []audit.Event{i.Log("incident.furnish", args)}}
		if len(left) > 0 {
			told := trouble(&i, what, whoIs(what)+" could not all be invited: invite them by hand.", left...)
			effects.Events, effects.Posts = append(effects.Events, told.Events...), told.Posts
		}
		return i, effects, true
	})
	return err
}

// whoIs words who is brought.
func whoIs(what string) string {
	if strings.HasPrefix(what, leading) {
		return "Who leads it"
	}
	return "Those who are called"
}
