package bot

import (
	"regexp"
	"strconv"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"github.com/integritybot/integritybot/internal/message"
)

// suffixMark separates a verb from what makes its action id unique.
const suffixMark = "~"

// verbForm is what a command's name looks like; it also keeps an action id far
// below Slack's 255.
var verbForm = regexp.MustCompile(`^[a-z][a-z0-9-]{0,60}$`)

// maxAllButtons is the share of the budget that one row of buttons may take.
const maxAllButtons = 4000

// buttons adds the actions, 25 to a block.
func (c *canvas) buttons(actions []message.Action) {
	if c.look.NoButtons {
		return
	}
	var row []slack.BlockElement
	cost, spent, left := 0, 0, 0
	flush := func() {
		if len(row) > 0 {
			c.add(slack.NewActionBlock(c.id(), row...), cost)
		}
		row, cost = nil, 0
	}
	for _, a := range actions {
		b, need := c.button(a)
		if b == nil || spent+need > maxAllButtons || cost+need+blockCost+reserve > c.chars || c.rooms <= reserveRooms {
			left++
			continue
		}
		row, cost, spent = append(row, b), cost+need, spent+need
		if len(row) == maxButtons {
			flush()
		}
	}
	flush()
	if left > 0 {
		c.note("… and %d more buttons that do not fit into one message", left)
	}
}

// button is nil for an action that Slack could not carry back unchanged: a
// shortened reference would act on something else.
func (c *canvas) button(a message.Action) (*slack.ButtonBlockElement, int) {
	if !verbForm.MatchString(a.Verb) || !utf8.ValidString(a.Ref) || size(a.Ref) > maxValue {
		return nil, 0
	}
	label := foreign(a.Label)
	setZero(&label, a.Verb)
	c.verbs[a.Verb]++
	id := actionID(a, c.verbs[a.Verb])
	text := plainText(label, maxButtonText)
	b := slack.NewButtonBlockElement(id, a.Ref, text)
	cost := size(text.Text) + elementCost
	switch a.Style {
	case message.Primary:
		b.Style = slack.StylePrimary
	case message.Danger:
		b.Style = slack.StyleDanger
	case message.Default:
	}
	if a.Confirm != nil && a.Ask == nil && !a.Form {
		b.Confirm = confirm(*a.Confirm)
		cost += size(b.Confirm.Title.Text) + size(b.Confirm.Text.Text) + size(b.Confirm.Confirm.Text) + size(b.Confirm.Deny.Text)
	}
	return b, cost
}

// actionID is the id of the n-th button of a verb: a suffix says that it wants something
// typed, or opens a form, and keeps the ids apart.
func actionID(a message.Action, n int) string {
	suffix := ""
	if n > 1 {
		suffix = strconv.Itoa(n)
	}
	switch {
	case a.Ask != nil:
		suffix = askMark + suffix
	case a.Form:
		suffix = formMark + suffix
	}
	if suffix == "" {
		return a.Verb
	}
	return a.Verb + suffixMark + suffix
}

func confirm(c message.Confirm) *slack.ConfirmationBlockObject {
	setZero(&c.Title, "Are you sure?")
	setZero(&c.Text, c.Title)
	setZero(&c.Yes, "Yes")
	setZero(&c.No, "Not now")
	return slack.NewConfirmationBlockObject(
		plainText(foreign(c.Title), maxTitle), plainText(foreign(c.Text), maxConfirm),
		plainText(foreign(c.Yes), maxConfirmYes), plainText(foreign(c.No), maxConfirmYes))
}
