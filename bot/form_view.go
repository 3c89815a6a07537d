package bot

import (
	"encoding/json"
	"strconv"

	"github.com/slack-go/slack"

	"github.com/integritybot/integritybot/internal/message"
)

const (
	maxViewBlocks = 100
	maxChecked    = 10 // options of checkboxes
	flagOn        = "on"
)

// formView is a form as a dialog, unless what it carries or holds has no room. stamp
// makes the ids of the preview's blocks new at each renewal; those of the fields stay, so
// that Slack keeps what was typed.
func formView(f message.Form, carried composed, stamp string) (slack.ModalViewRequest, bool) {
	setZero(&f.Title, "Fill in")
	setZero(&f.Submit, "Submit")
	metadata, err := json.Marshal(carried)
	m := slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: formCallback, PrivateMetadata: string(metadata),
		Title: plainText(foreign(f.Title), maxViewTitle), Submit: plainText(foreign(f.Submit), maxViewTitle), Close: plainText("Not now", maxViewTitle),
	}
	blocks := viewParts([]message.Part{{Lines: f.Intro}}, "intro", maxViewBlocks/4)
	inputs := formFields(f.Fields)
	blocks = append(blocks, inputs...)
	if f.Renew {
		button := slack.NewButtonBlockElement(actionRenew, actionRenew, plainText("Renew the preview", maxButtonText))
		blocks = append(blocks, slack.NewActionBlock(actionRenew, button))
	}
	fits := err == nil && size(m.PrivateMetadata) <= maxMetadata && len(blocks) < maxViewBlocks-reserveRooms && commandName.MatchString(f.Verb)
	if fits && len(f.Preview) > 0 {
		blocks = append(blocks, slack.NewDividerBlock())
		blocks = append(blocks, viewParts(f.Preview, stamp, maxViewBlocks-len(blocks))...)
	}
	if len(blocks) == 0 {
		blocks = []slack.Block{textBlock("intro", f.Title)}
	}
	m.Blocks.BlockSet = blocks
	return m, fits
}

// viewParts are parts as blocks of a dialog: at most so many, without tables, which
// dialogs do not show. What has no room is counted, and where it can be read.
func viewParts(parts []message.Part, stamp string, rooms int) []slack.Block {
	c := &canvas{look: Look{Form: NoTable, Stamp: stamp, NoButtons: true}, chars: budget, rooms: rooms, verbs: map[string]int{}}
	c.body(parts)
	if c.cut {
		c.note("Only the beginning is shown here. The preview message that the command posts shows the rest.")
	}
	return c.blocks
}

// formFields are the fields as inputs. An argument's id is its place among the arguments.
func formFields(fields []message.Field) []slack.Block {
	var blocks []slack.Block
	arguments := 0
	for _, f := range fields {
		id := flagPrefix + f.Name
		if f.Name == "" {
			arguments++
			id = argumentPrefix + strconv.Itoa(arguments)
		}
		element := formElement(f)
		if element == nil {
			continue
		}
		var hint *slack.TextBlockObject
		if f.Hint != "" {
			hint = plainText(foreign(f.Hint), maxLabel)
		}
		label := f.Label
		setZero(&label, f.Name)
		input := slack.NewInputBlock(id, plainText(foreign(label), maxLabel), hint, element)
		input.Optional = f.Optional || f.Kind == message.FieldFlag
		blocks = append(blocks, input)
	}
	return blocks
}

// formElement is what a field is filled in with; nil if there is nothing to choose. Its
// action id begins with the kind, which says how to read it.
func formElement(f message.Field) slack.BlockElement {
	id := string(f.Kind) + "-" + f.Name
	switch f.Kind {
	case message.FieldChoice, message.FieldChoices:
		return choiceElement(id, f)
	case message.FieldPerson:
		e := slack.NewOptionsSelectBlockElement(slack.OptTypeUser, plainText("A person", maxPlaceholder), id)
		if userID.MatchString(f.Value) {
			e.InitialUser = f.Value
		}
		return e
	case message.FieldFlag:
		yes := slack.NewOptionBlockObject(flagOn, plainText("Yes", maxOption), nil)
		e := slack.NewCheckboxGroupsBlockElement(id, yes)
		if f.Value != "" && f.Value != "false" && f.Value != "no" {
			e.InitialOptions = []*slack.OptionBlockObject{yes}
		}
		return e
	case message.FieldText, message.FieldLines:
	}
	e := slack.NewPlainTextInputBlockElement(nil, id)
	e.Multiline = f.Kind == message.FieldLines
	e.MaxLength = maxText
	if f.Max > 0 {
		e.MaxLength = min(f.Max, maxText)
	}
	e.InitialValue = cut(clean(f.Value), e.MaxLength)
	return e
}

// choiceElement is a menu, or boxes to tick where several may be chosen and there are few.
func choiceElement(id string, f message.Field) slack.BlockElement {
	options, chosen := formOptions(f)
	choose := plainText("Choose", maxPlaceholder)
	switch {
	case len(options) == 0:
		return nil
	case f.Kind == message.FieldChoice:
		e := slack.NewOptionsSelectBlockElement(slack.OptTypeStatic, choose, id, options...)
		if len(chosen) > 0 {
			e.InitialOption = chosen[0]
		}
		return e
	case len(options) > maxChecked:
		e := slack.NewOptionsMultiSelectBlockElement(slack.MultiOptTypeStatic, choose, id, options...)
		e.InitialOptions = chosen
		return e
	}
	e := slack.NewCheckboxGroupsBlockElement(id, options...)
	e.InitialOptions = chosen
	return e
}

// formOptions are the options that Slack can carry back unchanged, and those of them that
// are chosen to begin with.
func formOptions(f message.Field) (options, chosen []*slack.OptionBlockObject) {
	begin := map[string]bool{f.Value: f.Kind == message.FieldChoice}
	if f.Kind == message.FieldChoices {
		for _, v := range splitChoices(f.Value) {
			begin[v] = true
		}
	}
	for _, o := range f.Options {
		if o.Value == "" || size(o.Value) > maxOption || len(options) == maxOptions {
			continue
		}
		label := o.Label
		setZero(&label, o.Value)
		option := slack.NewOptionBlockObject(o.Value, plainText(foreign(cut(label, maxOption)), maxOption), nil)
		options = append(options, option)
		if begin[o.Value] {
			chosen = append(chosen, option)
		}
	}
	return options, chosen
}
