package declare

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// Names is a list of names, written as one word or as a list.
type Names []string

// UnmarshalYAML takes a word or a list of words.
func (n *Names) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		*n = Names{node.Value}
		return nil
	}
	var list []string
	if err := node.Load(&list); err != nil {
		return err
	}
	*n = list
	return nil
}

// Duration is a length of time in the config: 90s, 10m, 2h, 7d.
type Duration time.Duration

// UnmarshalYAML takes a duration as time.ParseDuration does, and days.
func (d *Duration) UnmarshalYAML(node *yaml.Node) error {
	if days, ok := strings.CutSuffix(node.Value, "d"); ok {
		if n, err := strconv.ParseInt(days, 10, 16); err == nil {
			*d = Duration(time.Duration(n) * 24 * time.Hour)
			return nil
		}
	}
	v, err := time.ParseDuration(node.Value)
	if err != nil {
		return fmt.Errorf("line %d: %q is not a duration such as 90s, 10m, 2h, 7d", node.Line, node.Value)
	}
	*d = Duration(v)
	return nil
}

// Std is the standard library's form.
func (d Duration) Std() time.Duration { return time.Duration(d) }
