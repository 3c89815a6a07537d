package app

import (
	"context"
	"slices"

	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/check/report"
	"github.com/integritybot/integritybot/internal/message"
)

// runs are the last ones of checks that this person may run.
func (h home) runs(ctx context.Context, s authz.Subject) ([]message.Part, error) {
	latest, err := h.shelf.LatestRuns(ctx, homeLooks)
	if err != nil {
		return nil, err
	}
	lines := []message.Line{message.Join(message.Strong("Last runs"))}
	private := map[int64]bool{0: false}
	for _, r := range latest {
		if len(lines) > homeRuns || !h.mayRead(s, r) {
			continue
		}
		hidden, known := private[r.Incident]
		if !known {
			i, err := h.shelf.Incident(ctx, r.Incident)
			if err != nil {
				return nil, err
			}
			hidden = i.Private
			private[r.Incident] = hidden
		}
		if !hidden { // what was found in a private incident is for those who are in it
			lines = append(lines, h.runLine(r))
		}
	}
	if len(lines) == 1 {
		return nil, nil
	}
	return []message.Part{{Lines: lines}}, nil
}

// mayRead is whether a run is one of checks, all of which this person may run.
func (h home) mayRead(s authz.Subject, r check.Run) bool {
	return (r.Step == "" || r.Step == check.StepVerify) && !slices.ContainsFunc(r.Checks, func(name string) bool {
		return !h.may(s, authz.Permission("check:"+h.words.Checks[name].Domain))
	})
}

// runLine is the headline of a run that has ended, as its own message has it.
func (h home) runLine(r check.Run) message.Line {
	line := message.Join(message.Strong(r.Ref()), " ")
	switch r.State {
	case check.Queued, check.Running:
		line = message.Join(line, r.Title+": under way since ", message.At(r.AskedAt))
	case check.Done, check.Failed, check.Stopped:
		line = append(line, report.Finished(r, h.words.Checks)[0].Message.Headline...)
		line = message.Join(line, " · ", message.At(r.Finished))
	}
	if r.AskedBy == "" {
		return line
	}
	return message.Join(line, ", asked for by ", message.Mention(r.AskedBy))
}
