package reconcile

import (
	"errors"
	"strings"

	"github.com/integritybot/integritybot/internal/target/redis"
)

// shape is what the keys of one check look like: a text, the key of the row, a text.
type shape struct{ before, after string }

// placeholder stands for the key of the row, as * does.
const placeholder = "{key}"

func parseShape(pattern string) (shape, error) {
	mark := placeholder
	if !strings.Contains(pattern, placeholder) {
		mark = "*"
	}
	before, after, ok := strings.Cut(pattern, mark)
	switch {
	case !ok:
		return shape{}, errors.New("it has neither * nor {key} for the key of the row")
	case mark == placeholder && strings.Contains(before+after, placeholder), strings.Contains(before+after, "*"):
		return shape{}, errors.New("it may have * or {key} once, for the key of the row; everything else is taken as it stands")
	case before+after == "":
		return shape{}, errors.New("it matches every key there is")
	}
	return shape{before, after}, nil
}

// match is a pattern for MATCH that all keys of the shape pass.
func (s shape) match() string { return redis.Literal(s.before) + "*" + redis.Literal(s.after) }

// id is the key of the row in a key, if the key is of the shape.
func (s shape) id(key string) (string, bool) {
	if len(key) <= len(s.before)+len(s.after) || !strings.HasPrefix(key, s.before) || !strings.HasSuffix(key, s.after) {
		return "", false
	}
	return key[len(s.before) : len(key)-len(s.after)], true
}

// key is the key that belongs to a row.
func (s shape) key(id string) string { return s.before + id + s.after }

// legible is a key in a form that everybody can store and read.
func legible(key string) string { return redis.Legible(key) }

// illegible is the key of such a form.
func illegible(text string) string { return redis.Illegible(text) }
