package config

import (
	"errors"
	"fmt"
	"sort"
	"strings"

	"go.yaml.in/yaml/v4"
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
	var many *yaml.LoadErrors
	if errors.As(err, &many) {
		for _, one := range many.Errors {
			p.add(one.Mark.Line, "%s", readable(one.Message))
		}
		return
	}
	var one *yaml.LoadError
	if errors.As(err, &one) {
		p.add(one.Mark.Line, "%s", readable(one.Message))
		return
	}
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		for _, e := range joined.Unwrap() {
			p.addError(line, e)
		}
		return
	}
	p.add(line, "%s", err)
}

// readable takes Go's type names out of the library's messages.
func readable(message string) string {
	if field, _, ok := strings.Cut(message, " not found in type "); ok {
		return "unknown key: " + strings.TrimPrefix(field, "field ")
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
