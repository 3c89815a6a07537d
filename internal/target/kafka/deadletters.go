package kafka

import (
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/declare"
)

// DeadLetters declares that no more than some records stand in a topic of dead
// letters that no plan has dealt with.
type DeadLetters struct {
	Topic string `yaml:"topic"`
	Max   int64  `yaml:"max"` // letters that are innocent
	// ID is where an event says which one it is.
	ID IDRule `yaml:"id"`
	// Origin is where letters are from that do not say it themselves.
	Origin Origin `yaml:"origin"`
	// Headers are those of an application of its own, beside Spring's and
	// Connect's.
	Headers HeaderNames `yaml:"headers"`
	// Envelope is how letters are wrapped in JSON, if they are.
	Envelope *Envelope `yaml:"envelope"`
	// GroupBy sorts letters into classes: error, topic, key or age.
	GroupBy string `yaml:"group_by"`
	// Show are further columns, from the value.
	Show Shown `yaml:"show"`
	// Mask says what columns hold: key, message and those of show.
	Mask map[string]string `yaml:"mask"`
}

// IDRule is where an event says which one it is: the first that is there.
type IDRule struct {
	Header string `yaml:"header"`
	JSON   string `yaml:"json"`
}

// Origin is a topic and perhaps a partition of it.
type Origin struct {
	Topic     string `yaml:"topic"`
	Partition *int32 `yaml:"partition"`
}

// HeaderNames are the headers that say where a letter is from and why.
type HeaderNames struct {
	Topic     string `yaml:"topic"`
	Partition string `yaml:"partition"`
	Offset    string `yaml:"offset"`
	Time      string `yaml:"time"`
	Error     string `yaml:"error"`
	Message   string `yaml:"message"`
}

// Envelope is how a record is wrapped in JSON. All but Encoding are paths.
type Envelope struct {
	Value     string `yaml:"value"`
	Encoding  string `yaml:"encoding"` // base64, text or json; default text
	Key       string `yaml:"key"`
	Headers   string `yaml:"headers"`
	Topic     string `yaml:"topic"`
	Partition string `yaml:"partition"`
	Offset    string `yaml:"offset"`
	Time      string `yaml:"time"`
	Error     string `yaml:"error"`
	Message   string `yaml:"message"`
}

// The encodings of what is wrapped.
const (
	encodingBase64 = "base64"
	encodingText   = "text"
	encodingJSON   = "json"
)

// Shown are columns from the values of letters, in the order of the config.
type Shown []ShownColumn

// ShownColumn is one of them.
type ShownColumn struct{ Name, Path string }

// UnmarshalYAML takes a mapping of names to paths.
func (s *Shown) UnmarshalYAML(node *yaml.Node) error {
	var paths map[string]string
	if err := node.Load(&paths); err != nil {
		return err
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		*s = append(*s, ShownColumn{node.Content[i].Value, paths[node.Content[i].Value]})
	}
	return nil
}

// Faults implements declare.Words.
func (d *DeadLetters) Faults(bad declare.Bad) {
	if d.Topic == "" {
		bad("topic", "topic is missing: the topic of dead letters")
	}
	if d.Max < 0 {
		bad("max", "max is %d: it must not be negative", d.Max)
	}
	if d.Origin.Topic == d.Topic && d.Topic != "" {
		bad("origin", "origin is the topic of dead letters itself")
	}
	if d.Origin.Partition != nil && (d.Origin.Topic == "" || *d.Origin.Partition < 0) {
		bad("origin", "origin.partition must be a number from 0 on, of the topic in origin.topic")
	}
	if d.GroupBy != "" && !slices.Contains(groupings(), d.GroupBy) {
		bad("group_by", "group_by is %q: it must be one of %s", d.GroupBy, strings.Join(groupings(), ", "))
	}
	if d.ID.JSON != "" {
		d.pathFault(bad, "id", "json", d.ID.JSON)
	}
	for _, s := range d.Show {
		d.pathFault(bad, "show", s.Name, s.Path)
	}
	d.envelopeFaults(bad)
	d.maskFaults(bad)
}

func (d *DeadLetters) pathFault(bad declare.Bad, key, word, text string) {
	if _, err := parsePath(text); err != nil {
		bad(key, "%s.%s: %v", key, word, err)
	}
}

func (d *DeadLetters) envelopeFaults(bad declare.Bad) {
	if d.Envelope == nil {
		return
	}
	if d.Envelope.Value == "" {
		bad("envelope", "envelope.value is missing: the path to what is wrapped, such as $.payload")
	}
	for word, text := range d.Envelope.paths() {
		d.pathFault(bad, "envelope", word, text)
	}
	if e := d.Envelope.Encoding; e != "" && e != encodingBase64 && e != encodingText && e != encodingJSON {
		bad("envelope", "envelope.encoding is %q: it must be %s, %s or %s", e, encodingBase64, encodingText, encodingJSON)
	}
}

// paths are the words that are set.
func (e *Envelope) paths() map[string]string {
	all := map[string]string{
		"value": e.Value, "key": e.Key, "headers": e.Headers, "topic": e.Topic, "partition": e.Partition,
		"offset": e.Offset, "time": e.Time, "error": e.Error, "message": e.Message,
	}
	for word, text := range all {
		if text == "" {
			delete(all, word)
		}
	}
	return all
}

func (d *DeadLetters) maskFaults(bad declare.Bad) {
	own := []string{"key", "message", "id"}
	named := slices.Clone(own)
	for _, s := range d.Show {
		if slices.Contains(reserved(), s.Name) {
			bad("show", "show.%s: a column of this name is there already", s.Name)
		}
		named = append(named, s.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(d.Mask)) {
		class := d.Mask[name]
		if !slices.Contains(named, name) {
			bad("mask", "mask names %s, which is no column of text here%s", name, declare.DidYouMean(name, named))
		}
		if !slices.Contains(classes(), check.Class(class)) {
			bad("mask", "mask.%s is %q: it must be one of %s", name, class, strings.Join(classNames(), ", "))
		}
	}
}
