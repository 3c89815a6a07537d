package commands

import (
	"context"
	"slices"
	"strings"

	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/check"
)

// needsOf asks for a right in the domain of the check that is meant.
func needsOf(env Env, kind, command, right string) func(context.Context, Call) ([]authz.Permission, error) {
	return func(_ context.Context, c Call) ([]authz.Permission, error) {
		one, err := oneCheck(env, c, kind, command)
		if err != nil {
			return nil, err
		}
		return []authz.Permission{authz.Permission(right + ":" + one.Domain)}, nil
	}
}

// oneCheck reads which check is meant. It may be left out where the config has
// only one of its kind.
func oneCheck(env Env, c Call, kind, command string) (check.Check, error) {
	of := ofKind(env.Catalog, kind)
	switch {
	case len(c.Args) > 1 && len(of) > 0:
		return check.Check{}, badInput("One check at a time, not \"%s\".", clip(strings.Join(c.Args, " "))).try(command + " " + of[0].Name)
	case len(c.Args) > 0:
		return checkOfKind(env.Catalog, kind, command, c.Args[0])
	}
	return theOnly(of, kind, command+" ")
}

// theOnly is the check that is meant where none is named: there has to be one only.
// before is what has to be typed before its name otherwise.
func theOnly(of []check.Check, kind, before string) (check.Check, error) {
	switch len(of) {
	case 0:
		return check.Check{}, noneOfKind(kind)
	case 1:
		return of[0], nil
	}
	return check.Check{}, badInput("Which one? There are %s.", strings.Join(names(of), ", ")).try(before + of[0].Name)
}

func noneOfKind(kind string) *InputError {
	return badInput("The config declares no check of kind %s; config.example.yaml shows one.", kind).try("help")
}

func checkOfKind(catalog check.Catalog, kind, command, word string) (check.Check, error) {
	of, name := ofKind(catalog, kind), strings.ToLower(word)
	if i := slices.IndexFunc(of, func(one check.Check) bool { return one.Name == name }); i >= 0 {
		return of[i], nil
	}
	if len(of) == 0 {
		return check.Check{}, noneOfKind(kind)
	}
	if other, known := catalog.ByName()[name]; known {
		return check.Check{}, badInput("%s is a check of kind %s; for this there are %s.", other.Name, other.Kind, strings.Join(names(of), ", ")).try(command + " " + of[0].Name)
	}
	if near := nearest(name, names(of)); near != "" {
		return check.Check{}, badInput("There is no check called \"%s\". Did you mean \"%s\"?", clip(word), near).try(command + " " + near)
	}
	return check.Check{}, badInput("There is no check called \"%s\"; for this there are %s.", clip(word), strings.Join(names(of), ", ")).try(command + " " + of[0].Name)
}

func ofKind(catalog check.Catalog, kind string) []check.Check {
	var out []check.Check
	for _, one := range catalog {
		if one.Kind == kind {
			out = append(out, one)
		}
	}
	return out
}

// naming is a command about a check as it has to be typed: examples have to work
// where the config has several of its kind, too.
func naming(env Env, one check.Check, command string) string {
	if len(ofKind(env.Catalog, one.Kind)) > 1 {
		return command + " " + one.Name
	}
	return command
}

// examplesOf are examples that work, the last of them with flags if there are
// any.
func examplesOf(env Env, command, kind string, flags ...string) []string {
	of := ofKind(env.Catalog, kind)
	if len(of) == 0 {
		return []string{command}
	}
	examples := []string{naming(env, of[0], command)}
	if named := command + " " + of[0].Name; named != examples[0] {
		examples = append(examples, named)
	}
	for _, f := range flags {
		examples = append(examples, examples[0]+" "+f)
	}
	return examples
}

// checkFlag reads which check is meant where what is behind the command is
// something else. example is the command as it has to be typed, without the flag.
func checkFlag(env Env, c Call, kind, example string) (check.Check, error) {
	if word, _ := c.Flags.GetString("check"); word != "" {
		return checkOfKind(env.Catalog, kind, example+" --check", word)
	}
	return theOnly(ofKind(env.Catalog, kind), kind, example+" --check ")
}

// flagged is a command as it has to be typed: with --check where the config has
// several checks of the kind, of which preferred is one.
func flagged(env Env, kind, command string, preferred ...check.Check) string {
	if of := ofKind(env.Catalog, kind); len(of) > 1 {
		return command + " --check " + append(preferred, of...)[0].Name
	}
	return command
}

// runOne starts a run of one check.
func runOne(env Env, c Call, one check.Check, o check.Order) (Prepared, error) {
	if c.Request.Channel == "" {
		return Prepared{}, badInput("I do not know in which channel to answer; ask in a channel.").try("help")
	}
	o.Title, o.Checks, o.Words = one.Title, []string{one.Name}, said(c)
	return startRun(env, c, o), nil
}
