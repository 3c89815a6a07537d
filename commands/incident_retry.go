package commands

import (
	"context"
	"strings"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/message"
)

// retryCommand does once more what Slack did not allow: the other end of the button
// under a message that says so.
func retryCommand(env Env) Command {
	return moveCommand(env, Command{
		Name: "incident retry", Args: "[incident]", Summary: "do once more for the channel what Slack did not allow",
		Examples: []string{"incident retry"},
	}, "incident retry %s", func(_ context.Context, c Call, i incidents.Incident) (moving, error) {
		if len(c.Args) > 0 {
			return moving{}, badInput("incident retry takes nothing but the incident, and I do not understand \"%s\".", clip(c.Args[0])).try("incident retry " + i.Ref())
		}
		moved, what, err := i.TryAgain(by(env, c))
		return moving{
			to: []incidents.Incident{moved}, args: map[string]string{"what": strings.Join(what, ",")},
			says: message.Join(byWhom(c), " has me try again: ", incidents.Tries(what), "."),
		}, err
	})
}
