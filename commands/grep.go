package commands

import (
	"errors"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode/utf8"
)

const (
	// longestPattern is far above what anybody types.
	longestPattern = 500
	// largestPattern is of a pattern's program, in instructions: each line of a million
	// is matched against it.
	largestPattern = 2000
)

// grepFlag reads a regular expression that lines must match; empty if none was
// given.
func grepFlag(c Call, command string) (string, error) {
	pattern, _ := c.Flags.GetString("grep")
	example := command + " --grep 'deadlock|timeout'"
	if !c.Flags.Changed("grep") {
		return "", nil
	}
	if n := utf8.RuneCountInString(pattern); n > longestPattern {
		return "", badInput("--grep is %d characters long; a pattern has at most %d.", n, longestPattern).try(example)
	}
	if err := compiles(pattern); err != nil {
		return "", noPattern(pattern, err).try(example)
	}
	if matchesAnything(pattern) {
		return "", badInput("--grep \"%s\" matches every line, so it would find nothing in particular; leave it out to see the lines that look like errors.", pattern).try(example)
	}
	return pattern, nil
}

// compiles is nil for a regular expression of a sane size.
func compiles(pattern string) error {
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return err
	}
	program, err := syntax.Compile(tree.Simplify())
	if err == nil && len(program.Inst) > largestPattern {
		err = &syntax.Error{Code: syntax.ErrLarge, Expr: pattern}
	}
	return err
}

// matchesAnything tells whether a pattern chooses nothing: it matches one letter,
// one digit and signs just the same.
func matchesAnything(pattern string) bool {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return false
	}
	for _, line := range []string{"x", "7", "§", "{", "Ж"} {
		if !re.MatchString(line) {
			return false
		}
	}
	return true
}

// noPattern says what is wrong with a regular expression, and where.
func noPattern(pattern string, err error) *InputError {
	var wrong *syntax.Error
	if !errors.As(err, &wrong) {
		return badInput("--grep \"%s\" is not a regular expression.", pattern)
	}
	switch wrong.Code {
	case syntax.ErrMissingParen, syntax.ErrUnexpectedParen:
		return badInput("--grep \"%s\" is not a regular expression: the parenthesis at character %d has no other half.", pattern, lonelyParen(pattern))
	case syntax.ErrLarge, syntax.ErrNestingDepth:
		return badInput("--grep \"%s\" is too large a regular expression: it repeats or nests too much.", pattern)
	case syntax.ErrInvalidPerlOp:
		return badInput("--grep \"%s\" is not a regular expression (RE2), which knows no look-around: \"%s\" at character %d.", pattern, wrong.Expr, place(pattern, wrong.Expr))
	default:
		return badInput("--grep \"%s\" is not a regular expression (RE2): %s, \"%s\" at character %d.", pattern, wrong.Code, wrong.Expr, place(pattern, wrong.Expr))
	}
}

// place is which character of the pattern a part of it begins with, from 1.
func place(pattern, part string) int {
	return utf8.RuneCountInString(pattern[:max(0, strings.Index(pattern, part))]) + 1
}

// lonelyParen is which character is the parenthesis without its other half, from 1.
func lonelyParen(pattern string) int {
	var open []int
	class, escaped, n := 0, false, 0 // class: where a bracket began
	for _, r := range pattern {
		n++
		switch {
		case escaped:
			escaped = false
		case r == '\\':
			escaped = true
		case class > 0:
			if r == ']' && n > class+1 {
				class = 0
			}
		case r == '[':
			class = n
		case r == '(':
			open = append(open, n)
		case r == ')' && len(open) == 0:
			return n
		case r == ')':
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		return open[len(open)-1]
	}
	return n
}
