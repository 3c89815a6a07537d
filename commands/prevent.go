package commands

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/check"
	runs "github.com/integritybot/integritybot/internal/check/report"
	"github.com/integritybot/integritybot/internal/message"
)

// Preventer knows what would stop the defects that a check finds.
type Preventer interface {
	// Prevent reads the target's catalog and no row, and runs nothing. A
	// check.Problem is a sentence for people.
	Prevent(ctx context.Context, check string) (Prevention, error)
}

// Prevention is a migration for people to review.
type Prevention struct {
	Title string   // what it would make
	Name  string   // of the file; empty without SQL
	SQL   string   // empty if there is nothing to propose: the notes say why
	Notes []string // sentences about this database
}

const (
	// preventWithin keeps the answer within Slack's 3 s.
	preventWithin = 1500 * time.Millisecond
	// shownSQL is how much of the file the message shows.
	shownSQL = 2400
)

// preventCommand shows the migration that would stop a class of defect. The bot
// never runs it.
func preventCommand(env Env) Command {
	return Command{
		Name:     "prevent",
		Args:     "<check>",
		Summary:  "the migration that would stop this class of defect, as SQL to review; never run by me",
		Examples: []string{strings.Replace(fixExamples(env)[0], "fix ", "prevent ", 1)},
		General:  "check:any",
		Needs: func(ctx context.Context, c Call) ([]authz.Permission, error) {
			one, _, err := toPrevent(ctx, env, c)
			return permissions([]check.Check{one}), err
		},
		Prepare: func(ctx context.Context, c Call) (Prepared, error) {
			one, from, err := toPrevent(ctx, env, c)
			if err != nil {
				return Prepared{}, err
			}
			if c.Place.Shared {
				return Prepared{}, badInput("This channel is shared with another organisation, so nothing about the tables is shown here. Ask in a private channel.")
			}
			p, err := prevention(ctx, env, one)
			if err != nil {
				return Prepared{}, err
			}
			post := preventPost(c, one, from.run, p)
			return Prepared{Target: one.Name, Build: func(int64) Intent { return Intent{Posts: []message.Post{post}} }}, nil
		},
	}
}

func toPrevent(ctx context.Context, env Env, c Call) (check.Check, origin, error) {
	one, from, err := toFix(ctx, env, c)
	var bad *InputError
	if errors.As(err, &bad) { // said of fix, meant of prevent
		bad.Sentence = strings.Replace(bad.Sentence, "Which check's findings should be repaired?", "Which check's defects should be prevented?", 1)
		bad.Sentence = strings.Replace(bad.Sentence, "A fix is", "A migration is", 1)
		bad.Try = strings.Replace(bad.Try, "fix ", "prevent ", 1)
	}
	return one, from, err
}

func prevention(ctx context.Context, env Env, one check.Check) (Prevention, error) {
	if env.Preventer == nil {
		return Prevention{}, badInput("I have nothing to propose for %s.", one.Name)
	}
	ctx, cancel := context.WithTimeout(ctx, preventWithin)
	defer cancel()
	p, err := env.Preventer.Prevent(ctx, one.Name)
	var problem *check.Problem
	if errors.As(err, &problem) {
		return p, badInput("%s", problem.Sentence)
	}
	return p, err
}

// preventPost shows the migration, whole as a file. Under a run it stands once,
// however often it is asked for.
func preventPost(c Call, one check.Check, run *check.Run, p Prevention) message.Post {
	m := message.Message{
		Headline: message.Text("How to prevent what %s finds: %s", one.Title, p.Title),
		Context:  []message.Line{message.Text("%s · for a person to review; I never run it", one.Name)},
	}
	for _, note := range p.Notes {
		m.Parts = append(m.Parts, message.Part{Lines: []message.Line{message.Text("• %s", note)}})
	}
	if p.SQL != "" {
		m.Parts = append(m.Parts, message.Part{Code: beginning(p.SQL)})
		m.Files = []message.File{{Name: p.Name, Title: p.Title, Inline: []byte(p.SQL)}}
	}
	post := message.Post{Key: "prevent/" + c.ID, Channel: c.Request.Channel, Thread: c.Request.Thread, ResponseURL: c.Request.ResponseURL, Final: true, Message: m}
	if run != nil && run.Channel == c.Request.Channel {
		post.Key, post.Parent, post.Thread = runs.HeadKey(run.ID)+"/"+one.Name+"/prevent", runs.HeadKey(run.ID), ""
	}
	return post
}

// beginning cuts at a line's end.
func beginning(sql string) string {
	if len(sql) <= shownSQL {
		return sql
	}
	cut := strings.LastIndexByte(sql[:shownSQL], '\n')
	return sql[:max(cut, 0)] + "\n-- … the file has all of it"
}
