package bot

import (
	"errors"
	"slices"

	"github.com/slack-go/slack"

	"github.com/integritybot/integritybot/incidents"
)

// roomError says what is wrong with something that was to be done for a channel. what is
// what was to be done: "create the public channel #inc-1".
func roomError(what string, err error) *incidents.RoomError {
	problem, why := roomProblem(err)
	e := &incidents.RoomError{Problem: problem, Sentence: "Slack did not let me " + what + ": " + why, Err: err}
	if problem == incidents.NotKnown {
		e.Sentence = "Slack did not say whether it let me " + what + ": " + why
	}
	if wait, limited := rateLimited(err); limited {
		e.Wait = wait
	}
	return e
}

// readError is roomError for calls that change nothing, or may be repeated as they are: an
// answer that did not arrive is none.
func readError(what string, err error) *incidents.RoomError {
	e := roomError(what, err)
	if e.Problem == incidents.NotKnown {
		e.Problem, e.Sentence = incidents.NotNow, "Slack did not let me "+what+": it does not answer ("+describe(err)+")."
	}
	return e
}

// roomProblem sorts an error, and words what follows the colon.
func roomProblem(err error) (problem incidents.RoomProblem, why string) {
	var refused slack.SlackErrorResponse
	code := errorCode(err)
	if errors.As(err, &refused) && code == "missing_scope" {
		needed := refused.Needed
		setZero(&needed, "that the manifest lists")
		return incidents.NotAllowed, "the app lacks the scope " + needed + ". Add it under OAuth & Permissions, and install the app again."
	}
	if why, ok := roomRefusals[code]; ok {
		return incidents.NotAllowed, why
	}
	switch _, limited := rateLimited(err); {
	case limited:
		return incidents.NotNow, "it asks to wait."
	case code == "name_taken":
		return incidents.NameTaken, "there is a channel of this name already."
	case slices.Contains([]string{"message_not_found", "thread_not_found"}, code):
		return incidents.NotThere, "the message was deleted."
	case slices.Contains([]string{"channel_not_found", "is_archived"}, code):
		return incidents.NotThere, "the channel is gone, archived, or hidden from me."
	case mayHaveHappened(err):
		return incidents.NotKnown, "its answer did not arrive (" + describe(err) + ")."
	case transient(err):
		return incidents.NotNow, "it does not answer (" + describe(err) + ")."
	}
	if unfit := fatal(err, "bot"); unfit != nil {
		return incidents.NotAllowed, unfit.Sentence
	}
	return incidents.NotAllowed, "it says " + describe(err) + "."
}

// roomRefusals are refusals that trying again does not help, and what does.
var roomRefusals = map[string]string{
	"restricted_action":      "the workspace's settings forbid it. Ask an administrator to allow it for apps (Settings → Permissions).",
	"no_permission":          "the workspace's settings forbid it. Ask an administrator to allow it for apps (Settings → Permissions).",
	"user_is_restricted":     "the bot's account is restricted. Ask an administrator.",
	"not_in_channel":         "I am not a member of the channel. Invite me there.",
	"too_many_pins":          "too many messages are pinned in the channel. Unpin some.",
	"not_pinnable":           "Slack pins no messages of this kind.",
	"too_many_bookmarks":     "the channel has as many bookmarks as Slack allows. Remove one.",
	"invalid_link":           "the link is not one that Slack takes. Correct it in the configuration.",
	"invalid_name_specials":  "the name may hold only small letters, digits, - and _. Correct the pattern in the configuration.",
	"invalid_name":           "the name is not one that Slack takes. Correct the pattern in the configuration.",
	"invalid_name_maxlength": "the name is longer than 80 characters. Correct the pattern in the configuration.",
	"invalid_name_required":  "the name is empty. Correct the pattern in the configuration.",
	"user_not_found":         "there is nobody with this id.",
	"user_disabled":          "the account is deactivated.",
	"cannot_dm_bot":          "this is a bot, and bots have no direct messages with each other.",
	"user_not_visible":       "this person is in no channel with me.",
	"too_long":               "the text is longer than Slack takes.",
}
