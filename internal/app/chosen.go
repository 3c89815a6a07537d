package app

import (
	"errors"
	"fmt"
	"strings"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/config"
)

// chosen are the names of the checks that a word stands for, and what to call them
// together.
func chosen(c *config.Config, word string) ([]string, string, error) {
	var catalog check.Catalog
	for _, d := range c.Declared() {
		catalog = append(catalog, d.Check)
	}
	checks, title, err := catalog.Select(word)
	if err != nil {
		return nil, "", fmt.Errorf("%w; there are %s", err, strings.Join(catalog.Words(), ", "))
	}
	if len(checks) == 0 {
		return nil, "", errors.New("the config declares no checks; config.example.yaml shows some")
	}
	var names []string
	for _, one := range checks {
		names = append(names, one.Name)
	}
	return names, title, nil
}

func named(catalog check.Catalog, names []string) []check.Check {
	known := catalog.ByName()
	var out []check.Check
	for _, name := range names {
		out = append(out, known[name])
	}
	return out
}
