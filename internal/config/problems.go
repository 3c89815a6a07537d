package config

import (
	"fmt"
	"sort"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/integritybot/integritybot/internal/declare"
)

// Problem is one thing that is wrong with the file.
type Problem struct {
	Line int // 0 when it belongs to no line
	Text string
}

// Problems is everything that is wrong with the file, by line.
type Problems struct {
	File string
	List []Problem
}

func (p *Problems) Error() string {
	lines := make([]string, len(p.List))
	for i, one := range p.List {
		if one.Line > 0 {
			lines[i] = fmt.Sprintf("%s:%d: %s", p.File, one.Line, one.Text)
		} else {
			lines[i] = fmt.Sprintf("%s: %s", p.File, one.Text)
		}
	}
	return strings.Join(lines, "\n")
}

func (p *Problems) add(line int, format string, args ...any) {
	p.List = append(p.List, Problem{Line: line, Text: fmt.Sprintf(format, args...)})
}

// addError takes apart what the YAML library and the check kinds report.
func (p *Problems) addError(line int, err error) {
	switch e := err.(type) { //nolint:errorlint // taken apart level by level, on purpose
	case *yaml.LoadErrors:
		for _, one := range e.Errors {
			p.addError(line, one)
		}
	case *yaml.LoadError:
		p.add(e.Mark.Line, "%s", readable(e.Message))
	case *declare.Fault:
		p.add(e.Line, "%s", readable(e.Message))
	case interface{ Unwrap() []error }:
		for _, one := range e.Unwrap() {
			p.addError(line, one)
		}
	case interface{ Unwrap() error }:
		p.addError(line, e.Unwrap())
	default:
		p.add(line, "%s", err)
	}
}

// readable takes Go's type names out of the library's messages.
func readable(message string) string {
	if field, _, ok := strings.Cut(message, " not found in type "); ok {
		where := "unknown key: "
		if rest, ok := strings.CutPrefix(field, "fix: "); ok {
			where, field = "unknown key under fix: ", rest
		}
		return where + strings.TrimPrefix(field, "field ")
	}
	return message
}

func (p *Problems) orNil() error {
	if len(p.List) == 0 {
		return nil
	}
	sort.SliceStable(p.List, func(i, j int) bool { return p.List[i].Line < p.List[j].Line })
	return p
}
