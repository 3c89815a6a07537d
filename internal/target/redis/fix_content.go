package redis

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
)

// specVersion is of the JSON in fix.Form.Spec. A plan of another one is not carried
// out.
const specVersion = 1

// spec is how changes of one form are carried out.
type spec struct {
	V    int `json:"v"`
	Rate int `json:"rate,omitempty"` // values a second; 0: as fast as it goes
	// Forever and Over say what must still be wrong with the expiry of an unlinked value.
	Forever bool          `json:"forever,omitempty"`
	Over    time.Duration `json:"over,omitempty"`
	// Probe is a key like those that are removed, which nobody has.
	Probe string `json:"probe,omitempty"`
	// Undoes is the plan of whose copies values are put back.
	Undoes int64 `json:"undoes,omitempty"`
	// Layout is the slots of each server when a flush was planned, Runs who they were, DB
	// the database that is flushed.
	Layout []string `json:"layout,omitempty"`
	Runs   []string `json:"runs,omitempty"`
	DB     int      `json:"db,omitempty"`
	// Class is what the keys hold (check.Class), so that they are masked on the way back,
	// too.
	Class string `json:"class,omitempty"`
}

func (s spec) json() (json.RawMessage, error) {
	s.V = specVersion
	out, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("spec of a plan: %w", err)
	}
	return out, nil
}

// specOf reads how a form is carried out.
func specOf(f fix.Form) (spec, error) {
	var s spec
	if err := json.Unmarshal(f.Spec, &s); err != nil {
		return s, fmt.Errorf("spec of a plan: %w", err)
	}
	if s.V != specVersion || f.Op != fix.Unlink && f.Op != fix.Insert && f.Op != fix.Flush {
		return s, problemf("This plan was made by another version of the bot, which removed values in another way: make a new preview.")
	}
	return s, nil
}

// Removal is one value that a plan removes, if it is still what was seen.
type Removal struct {
	Value
	// Forever and Over: it is removed for its expiry, and must still have none, or one
	// that is further away.
	Forever bool
	Over    time.Duration
}

const (
	// batchKeys is how many values one script removes at most, and batchBytes how large
	// they are together, so that nobody waits for it. Beyond one value a batch is never
	// larger.
	batchKeys  = 100
	batchBytes = MaxValue
)

// Removals is the content of a plan that removes values. pattern says for people which
// keys these are; keys of that form, with what nobody has in the place of * or {key},
// must not be anybody's. class is what they hold. rate is values a second, 0: as fast as
// it goes.
func (t *Target) Removals(pattern string, class check.Class, rate int, all []Removal) (fix.Content, error) {
	c := fix.Content{}
	type kind struct {
		forever bool
		over    time.Duration
	}
	forms := map[kind]int{}
	sizes := make([]int64, len(all))
	nobody := nobodys(pattern)
	for i, r := range all {
		n, known := forms[kind{r.Forever, r.Over}]
		if !known {
			raw, err := spec{Rate: rate, Forever: r.Forever, Over: r.Over, Probe: nobody, Class: string(class)}.json()
			if err != nil {
				return c, err
			}
			n = len(c.Forms)
			forms[kind{r.Forever, r.Over}] = n
			c.Forms = append(c.Forms, fix.Form{Op: fix.Unlink, Table: pattern, Key: []string{"key"}, Spec: raw})
		}
		c.Changes = append(c.Changes, fix.Change{Form: n, Key: []string{Legible(r.Key)}, Repairs: true, Before: r.Digest()})
		sizes[i] = r.weight()
	}
	c.PerBatch = t.perBatch(sizes, rate)
	return c, nil
}

// perBatch is how many changes a batch makes, so that none is too large. In a cluster
// each is alone: keys of different slots cannot be changed together.
func (t *Target) perBatch(sizes []int64, rate int) int {
	if t.opts.Mode == Cluster {
		return 1
	}
	const turns = 5 // a second
	n := batchKeys
	if rate > 0 {
		n = min(n, max(1, rate/turns))
	}
	for ; n > 1; n-- {
		if largest(sizes, n) <= batchBytes {
			break
		}
	}
	return n
}

// largest is how large the largest batch of n values each is.
func largest(sizes []int64, n int) int64 {
	var most int64
	for from := 0; from < len(sizes); from += n {
		var sum int64
		for _, s := range sizes[from:min(from+n, len(sizes))] {
			sum += s
		}
		most = max(most, sum)
	}
	return most
}

// nobodys is a key of a pattern that nobody has.
func nobodys(pattern string) string {
	const letters = 12
	random := make([]byte, letters)
	_, _ = rand.Read(random) // never fails (package crypto/rand)
	name := "integritybot-nobody-" + hex.EncodeToString(random)
	if before, after, ok := strings.Cut(pattern, "{key}"); ok {
		return before + name + after
	}
	before, after, _ := strings.Cut(pattern, "*")
	return before + name + after
}

// FlushAll is the content of a plan that removes everything, and in how many servers.
func (t *Target) FlushAll(ctx context.Context) (fix.Content, int, error) {
	found, err := t.servers(ctx, t.cl)
	if err != nil {
		return fix.Content{}, 0, err
	}
	s := spec{DB: t.opts.DB}
	s.Layout, s.Runs = whichServers(found)
	raw, err := s.json()
	if err != nil {
		return fix.Content{}, 0, err
	}
	c := fix.Content{
		Forms:    []fix.Form{{Op: fix.Flush, Table: fmt.Sprintf("db %d", t.opts.DB), Key: []string{"server"}, Spec: raw}},
		PerBatch: 1,
	}
	for i := range found {
		c.Changes = append(c.Changes, fix.Change{Key: []string{strconv.Itoa(i)}, Repairs: true})
	}
	return c, len(found), nil
}

// whichServers tells servers apart: by their parts of the slots, and by their runs.
func whichServers(found []server) (layout, runs []string) {
	for _, one := range found {
		layout, runs = append(layout, one.layout()), append(runs, one.run)
	}
	return layout, runs
}
