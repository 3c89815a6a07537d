package keeper

import (
	"context"
	"fmt"

	"github.com/integritybot/integritybot/incidents"
)

// Tick makes one pass over what time asks for. Of all replicas that see the same, one
// writes it.
func (k *Keeper) Tick(ctx context.Context) error {
	held, err := k.store.HeldIncidents(ctx)
	if err != nil {
		return err
	}
	return k.each(ctx, held, func(ctx context.Context, i incidents.Incident) error {
		v, err := k.store.IncidentFacts(ctx, i.ID)
		if err != nil {
			return err
		}
		to, effects, moved := incidents.Tick(v, k.opts.Words, k.members(ctx))
		if !moved {
			return nil
		}
		return k.write(ctx, fmt.Sprintf("tick/%s/v%d", i.Ref(), v.Incident.Version), to, effects)
	})
}
