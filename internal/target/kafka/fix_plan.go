package kafka

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// tellEach is after how many letters a plan that is worked out tells how far it
// is.
const tellEach = 5_000

// planner works out what to do with dead letters. It only reads.
type planner struct {
	words   *replayFix
	target  *Target
	sources Sources
	check   check.Check
}

// Modes implements fix.Planner.
func (p *planner) Modes() []string { return p.words.Allowed(p.words.Ways()) }

// Draft implements fix.Planner. The end of the topic is fixed first, so that a
// plan never follows what its own copies become.
func (p *planner) Draft(ctx context.Context, o fix.Order, caps fix.Caps, tell func(check.Progress)) (fix.Draft, error) {
	modes := p.Modes()
	mode := cmp.Or(o.Mode, modes[0])
	if !slices.Contains(modes, mode) {
		return fix.Draft{}, problemf("%s cannot be repaired by %s: its config allows %s.", p.check.Name, mode, strings.Join(modes, ", "))
	}
	if o.Limit != 0 {
		if err := caps.Limit(o.Limit); err != nil {
			return fix.Draft{}, err
		}
	}
	if o.Rate < 0 {
		return fix.Draft{}, problemf("A rate of %d records a second sends nothing: give a number from 1 on, or leave --rate out.", o.Rate)
	}
	if most := p.words.rate(); most > 0 && o.Rate > most {
		return fix.Draft{}, problemf("%s records a second are more than this fix may send: rate is %s in its config. Give --rate a number up to that, or leave it out.",
			phrase.Count(int64(o.Rate)), phrase.Count(int64(most)))
	}
	if tell == nil {
		tell = func(check.Progress) {}
	}
	d := &drafting{planner: p, order: o, mode: mode, caps: caps, tell: tell}
	d.draft = fix.Draft{Noun: cmp.Or(p.check.Noun, "dead letters"), Target: p.check.Target, Place: p.target.Place(), Plain: true}
	if mode == wayAggregate {
		return d.aggregate(ctx)
	}
	return d.letters(ctx)
}

// drafting is one plan being worked out.
type drafting struct {
	*planner
	order fix.Order
	mode  string
	caps  fix.Caps
	tell  func(check.Progress)
	draft fix.Draft

	selection Selection
	rules     letterRules
	ends      bounds
	held      *held
	topics    map[string]*destination // nil: there is none
	names     map[string]string       // texts of which many letters have the same one
	found     []candidate             // that are selected
	sendable  int64                   // of them, as far as it is known
	asked     int                     // of them, whether they were processed
	passed    map[fingerprint]passed  // of those that are not selected, by lane
	crowded   bool                    // there are more lanes of such than are kept
	behind    int64                   // records behind an open transaction
	before    map[int64]int64         // letters that plans have sent on, by plan
	matched   int64                   // letters that the selection means, sent ones too
}

// letters makes a plan of dead letters.
func (d *drafting) letters(ctx context.Context) (fix.Draft, error) {
	if err := d.begin(ctx); err != nil {
		return fix.Draft{}, err
	}
	if err := d.read(ctx); err != nil {
		return fix.Draft{}, err
	}
	if d.matched == 0 && d.draft.Of > 0 && !d.selection.All() {
		return fix.Draft{}, d.nothingMatches()
	}
	if d.mode == wayReplay {
		if err := d.leaveProcessed(ctx); err != nil {
			return fix.Draft{}, err
		}
		d.keepOrder()
	}
	chosen, err := d.choose()
	if err != nil {
		return fix.Draft{}, err
	}
	return d.finish(chosen)
}

// begin fixes what the plan is made of.
func (d *drafting) begin(ctx context.Context) error {
	selection, err := ParseSelect(d.order.Select)
	if err != nil {
		return err
	}
	d.selection = selection.Between(d.order.From, d.order.To)
	d.rules, d.topics, d.names, d.before = d.words.check.rules(), map[string]*destination{}, map[string]string{}, map[int64]int64{}
	d.passed = map[fingerprint]passed{}
	if d.ends, d.behind, err = d.target.stableBounds(ctx, d.words.check.Topic); err != nil {
		return err
	}
	if nameless(d.ends.id) {
		return d.target.tooOld()
	}
	return d.hold(ctx)
}

// hold asks which letters plans have sent already.
func (d *drafting) hold(ctx context.Context) error {
	d.held = newHeld(nil)
	if d.sources.Ledger == nil {
		return nil
	}
	all, err := d.sources.Ledger.Held(ctx, d.ends.topic, d.ends.id)
	if err != nil {
		return fmt.Errorf("which records of %s plans have sent: %w", d.ends.topic, err)
	}
	d.held = newHeld(all)
	return nil
}

// read goes through all letters.
func (d *drafting) read(ctx context.Context) error {
	progress := check.Progress{Total: d.ends.records(), Reading: d.ends.topic}
	err := d.target.scan(ctx, d.ends, func(r *kgo.Record) error {
		if progress.Done++; progress.Done%tellEach == 0 {
			d.tell(progress)
		}
		return d.see(ctx, r)
	})
	d.draft.Of = progress.Done
	return err
}

// see takes in one letter.
func (d *drafting) see(ctx context.Context, r *kgo.Record) error {
	plan, sent, taken := d.held.at(r.Partition, r.Offset)
	letter := understand(d.rules, r)
	selected := d.selection.Matches(letter)
	if selected {
		d.matched++
	}
	if sent {
		if selected {
			d.before[plan]++
		}
		return nil
	}
	d.draft.Found++
	if !selected {
		d.pass(letter)
		return nil
	}
	one, err := d.judge(ctx, letter)
	if err != nil {
		return err
	}
	if taken {
		one.leave(d.name("taken by "+fix.Ref(plan)+", which is sending them or may have sent them"), true)
	}
	d.found = append(d.found, one)
	if one.left == "" {
		d.sendable++
		return d.bound(ctx)
	}
	return nil
}

// nothingMatches is the Problem of a selection that no letter fits.
func (d *drafting) nothingMatches() error {
	var words []string
	if s := d.selection.String(); s != "" {
		words = append(words, s)
	}
	if !d.order.From.IsZero() {
		words = append(words, "from "+instant(d.order.From))
	}
	if !d.order.To.IsZero() {
		words = append(words, "before "+instant(d.order.To))
	}
	return problemf("Of the %s in %s none matches %s. To see what is there, run events dlq %s.",
		phrase.Plural(d.draft.Of, "dead letter"), d.ends.topic, strings.Join(words, " and "), d.check.Name)
}

// leave notes letters that the plan does not touch.
func (d *drafting) leave(why string, rows int64, examples ...string) {
	if left := d.leftOf(why); left != nil {
		left.Rows += rows
		left.Examples = append(left.Examples, examples...)
		left.Examples = left.Examples[:min(len(left.Examples), leftExamples)]
		return
	}
	d.draft.Left = append(d.draft.Left, fix.Left{Rows: rows, Why: why, Examples: examples})
}

func (d *drafting) leftOf(why string) *fix.Left {
	for i := range d.draft.Left {
		if d.draft.Left[i].Why == why {
			return &d.draft.Left[i]
		}
	}
	return nil
}

// leaveSent notes what earlier plans have sent on.
func (d *drafting) leaveSent() {
	const named = 3
	rows, refs := int64(0), []string(nil)
	for _, plan := range slices.Backward(slices.Sorted(maps.Keys(d.before))) {
		rows += d.before[plan]
		if len(refs) < named {
			refs = append(refs, fix.Ref(plan))
		}
	}
	if rows == 0 {
		return
	}
	why := "already sent on by " + strings.Join(refs, ", ")
	if more := len(d.before) - len(refs); more > 0 {
		why += fmt.Sprintf(" and %s before", phrase.Plural(int64(more), "plan"))
	}
	d.leave(why, rows)
}

// leftExamples is how many letters stand for those that are left alone.
const leftExamples = 3

// risk adds a sentence that somebody should know before the click.
func (d *drafting) risk(format string, args ...any) {
	d.draft.Risk = strings.TrimSpace(d.draft.Risk + " " + fmt.Sprintf(format, args...))
}

// name gives back the one copy of a text that many letters have.
func (d *drafting) name(text string) string {
	if known, ok := d.names[text]; ok {
		return known
	}
	text = strings.Clone(text)
	d.names[text] = text
	return text
}

func placeText(partition int32, offset int64) string { return fmt.Sprintf("%d/%d", partition, offset) }

// instant is a time as plans say it.
func instant(t time.Time) string { return t.UTC().Format(time.RFC3339) }
