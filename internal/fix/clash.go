package fix

import (
	"fmt"
	"strings"

	"github.com/integritybot/integritybot/internal/message/phrase"
)

// Clash says that other plans have claimed places that a plan wants. It has none
// of them then, and nothing was done.
type Clash struct {
	Places int64   // how many
	Plans  []int64 // that have them, in order
}

func (c *Clash) Error() string {
	return fmt.Sprintf("%d of its places are claimed by %s", c.Places, c.plans(len(c.Plans)))
}

// clashPlans is how many plans a sentence names.
const clashPlans = 3

// Sentence is for people: what happened and what to do.
func (c *Clash) Sentence() string {
	were := "were"
	if c.Places == 1 {
		were = "was"
	}
	return fmt.Sprintf("%s of its records %s taken by %s meanwhile: make a new preview.", phrase.Count(c.Places), were, c.plans(clashPlans))
}

func (c *Clash) plans(most int) string {
	var refs []string
	for _, id := range c.Plans[:min(most, len(c.Plans))] {
		refs = append(refs, Ref(id))
	}
	if more := len(c.Plans) - len(refs); more > 0 {
		refs = append(refs, phrase.Plural(int64(more), "other"))
	}
	if n := len(refs); n > 1 {
		refs = []string{strings.Join(refs[:n-1], ", "), refs[n-1]}
	}
	return strings.Join(refs, " and ")
}
