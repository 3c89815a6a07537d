package check

import (
	"fmt"
	"slices"
	"strings"
)

// Catalog is all declared checks, in the order of the config.
type Catalog []Check

// ByName makes a look-up table.
func (c Catalog) ByName() map[string]Check {
	m := make(map[string]Check, len(c))
	for _, one := range c {
		m[one.Name] = one
	}
	return m
}

// Domains lists the domains in the order they first appear.
func (c Catalog) Domains() []string {
	var out []string
	for _, one := range c {
		if !slices.Contains(out, one.Domain) {
			out = append(out, one.Domain)
		}
	}
	return out
}

// Words lists everything that can be asked for: all, domains, checks.
func (c Catalog) Words() []string {
	words := append([]string{"all"}, c.Domains()...)
	for _, one := range c {
		if !slices.Contains(words, one.Name) {
			words = append(words, one.Name)
		}
	}
	return words
}

// UnknownError says that there is no such check or domain.
type UnknownError struct{ Word string }

func (e *UnknownError) Error() string { return fmt.Sprintf("there is no check called %q", e.Word) }

// Select gives the checks that a word stands for, and what to call them
// together: "all", a domain, or one check. A domain wins over a check of the
// same name.
func (c Catalog) Select(word string) ([]Check, string, error) {
	word = strings.ToLower(word)
	if word == "" || word == "all" {
		return c.regular(), "All checks", nil
	}
	var found []Check
	for _, one := range c {
		if one.Domain == word {
			found = append(found, one)
		}
	}
	if len(found) > 0 {
		return found, strings.ToUpper(word[:1]) + word[1:], nil
	}
	for _, one := range c {
		if one.Name == word {
			return []Check{one}, one.Title, nil
		}
	}
	return nil, "", &UnknownError{Word: word}
}

// regular are the checks that "all" stands for: those whose targets are on, unless
// none is.
func (c Catalog) regular() []Check {
	var on, all []Check
	for _, one := range c {
		if one.OnRequest {
			continue
		}
		all = append(all, one)
		if !one.Off {
			on = append(on, one)
		}
	}
	if len(on) == 0 {
		return all
	}
	return on
}

// Off names the checks that "all" would stand for, too, if their targets were on.
// Another word leaves none out, and neither does all if every target is off.
func (c Catalog) Off(word string) []string {
	if word != "" && !strings.EqualFold(word, "all") {
		return nil
	}
	var off []string
	on := false
	for _, one := range c {
		switch {
		case one.OnRequest:
		case one.Off:
			off = append(off, one.Name)
		default:
			on = true
		}
	}
	if !on {
		return nil
	}
	return off
}
