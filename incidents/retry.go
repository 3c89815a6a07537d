package incidents

import (
	"maps"
	"slices"
	"strings"
)

// TryAgain has the bot do once more for the channel what Slack did not allow: somebody
// gave it the right, or added people to a group. A channel that could not be created
// stays away: the incident goes on where it is. One that goes on nowhere, because it is
// private, or because all there was is shared with others, has its channel tried again,
// and all that was to be done for it.
func (i Incident) TryAgain(Move) (Incident, []string, error) {
	if err := i.open(); err != nil {
		return i, nil, err
	}
	out := i.Clone()
	nowhere := i.Where() == ""
	var what []string
	for _, one := range slices.Sorted(maps.Keys(i.Room.Trouble)) {
		if one == FurnishChannel && !nowhere {
			continue
		}
		delete(out.Room.Trouble, one)
		delete(out.Room.Done, one)
		what = append(what, one)
	}
	if nowhere && len(what) > 0 {
		out.Room.Done, out.Room.Trouble = nil, nil
	}
	if len(what) == 0 {
		sentence := "Nothing is missing from the channel of " + i.Ref() + " that could be tried again."
		if i.Room.Trouble[FurnishChannel] != "" {
			sentence = i.Ref() + " goes on where it is, although a channel could be created by now; everything that was said stands there."
		}
		return i, nil, &Refusal{Sentence: sentence, Try: "incident status " + i.Ref()}
	}
	out.Room.Settled = false
	return out, what, nil
}

// Tries says in words what is tried again: "inviting people and pinning the summary".
func Tries(what []string) string {
	var words []string
	for _, one := range what {
		word := map[string]string{
			FurnishChannel: "creating the channel",
			FurnishInvite:  "inviting people", FurnishTopic: "the topic", FurnishBookmarks: "the bookmarks", FurnishLink: "the link", FurnishChecks: "beginning the checks",
			"pin": "pinning the summary", "timeline": "reading the channel",
		}[one]
		switch {
		case strings.HasPrefix(one, "call"):
			word = "calling people"
		case strings.HasPrefix(one, "lead"):
			word = "inviting who leads it"
		}
		if word != "" && !slices.Contains(words, word) {
			words = append(words, word)
		}
	}
	return listed(words)
}
