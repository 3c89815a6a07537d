package bot

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/message"
)

// The ids of a form's blocks say what a field is: a flag of this name, or an argument.
const (
	flagPrefix     = "flag-"
	argumentPrefix = "argument-"
)

// words are the command as it would be typed: the flags by name, so that the same form
// always gives the same words, and then the arguments in their order, behind "--", so that
// what somebody wrote is never taken for a flag.
func (c composed) words(state map[string]map[string]field) string {
	words := []string{c.Verb}
	if ref := strings.TrimSpace(c.Ref); ref != "" {
		words = append(words, ref)
	}
	var arguments []string
	flags := map[string]string{}
	maps.Copy(flags, c.Carried)
	for _, id := range slices.SortedFunc(maps.Keys(state), byPlace) {
		value, filled := fieldValue(state[id])
		if !filled {
			continue
		}
		if name, is := strings.CutPrefix(id, flagPrefix); is {
			flags[name] = value
		} else if strings.HasPrefix(id, argumentPrefix) {
			arguments = append(arguments, commands.Quote(value))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(flags)) {
		if !verbForm.MatchString(name) { // a flag is named as a command is
			continue
		}
		words = append(words, "--"+name)
		if flags[name] != "" {
			words = append(words, commands.Quote(flags[name]))
		}
	}
	if len(arguments) > 0 {
		words = append(append(words, "--"), arguments...)
	}
	return strings.Join(words, " ")
}

// byPlace puts argument-10 behind argument-9.
func byPlace(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b)) }

// fieldValue is what one field holds; filled is false if it holds nothing.
func fieldValue(actions map[string]field) (value string, filled bool) {
	for id, f := range actions {
		kind, _, _ := strings.Cut(id, "-")
		switch message.FieldKind(kind) {
		case message.FieldChoice:
			if f.SelectedOption != nil {
				value = f.SelectedOption.Value
			}
		case message.FieldChoices:
			var chosen []string
			for _, o := range f.SelectedOptions {
				chosen = append(chosen, o.Value)
			}
			value = strings.Join(chosen, ",")
		case message.FieldPerson:
			if userID.MatchString(f.SelectedUser) {
				value = "<@" + f.SelectedUser + ">"
			}
		case message.FieldFlag:
			return "", len(f.SelectedOptions) > 0
		case message.FieldText, message.FieldLines:
			value = strings.TrimSpace(f.Value)
		}
	}
	return value, value != ""
}

func splitChoices(value string) []string {
	var out []string
	for v := range strings.SplitSeq(value, ",") {
		if v = strings.TrimSpace(v); v != "" {
			out = append(out, v)
		}
	}
	return out
}
