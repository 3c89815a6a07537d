package reconcile

import (
	"time"

	"github.com/integritybot/integritybot/internal/target/redis"
)

// ahead is how far in the future a row's time may lie to be a clock that is wrong by a
// little. One that lies further ahead says nothing: such a row is not young for ever.
const ahead = time.Minute

// looking is one piece of values being judged, with what they have in common.
type looking struct {
	*judge
	known *knownRows
	now   time.Time // by the database's clock, before the rows were read
	since time.Duration
	cells []cell
	row   Row // of one that is known, and texts its columns
	texts []string
	// old is a time as Postgres writes it: a row with an earlier one is neither young nor
	// within since.
	old    string
	buffer []byte
}

func newLooking(j *judge, known *knownRows, since time.Duration) *looking {
	l := &looking{judge: j, known: known, since: since, cells: make([]cell, len(j.words.Fields))}
	if known != nil {
		l.row, l.texts = make(Row, len(j.columns)), make([]string, len(j.columns))
	}
	return l
}

// when says what time it is, and prepares to tell of most rows without reading their time
// that it is long ago.
func (l *looking) when(now time.Time) {
	const day = 24 * time.Hour // more than what any zone is away
	l.now, l.old = now, now.Add(-max(l.since, l.words.minAge())-2*day).UTC().Format(rowMoment)
}

// knows tells whether the value agrees with a row that is known; then it is judged.
func (l *looking) knows(v *verdict) bool {
	if l.known == nil || l.since > 0 || v.value.Large || !l.known.row(v.id, l.texts, l.row) {
		return false
	}
	row := l.existing(l.row)
	if row == nil || l.take(v.value) != "" {
		return false
	}
	for i, c := range l.cells {
		if !l.words.agrees(c, row[l.judge.at[i]], l.families[i]) {
			return false
		}
	}
	v.expiry = l.expiry(v.value)
	return true
}

// longAgo tells whether a text is a time before the bound. Times of four-digit years are
// in the order of their texts.
func (l *looking) longAgo(text string) bool {
	const year = 4
	return len(text) >= len(rowMoment) && text[year] == '-' && text[0] >= '0' && text[0] <= '9' &&
		text[:len(rowMoment)] < l.old && text[len(text)-1] != 'C' // BC
}

// judges judges one value with its row.
func (l *looking) judges(v *verdict) {
	j := l.judge
	v.expiry = j.expiry(v.value)
	var dated, old bool
	if v.row != nil && j.time >= 0 && v.row[j.time] != nil {
		if old = l.longAgo(*v.row[j.time]); !old {
			v.changed, dated = j.changedAt(v.row)
		}
	}
	age := l.now.Sub(v.changed)
	switch {
	case l.since > 0 && !old && !dated, l.since > 0 && (old || age > l.since):
		v.unjudged, v.expiry = unjudgedSince, ""
	case v.value.Large:
		v.unjudged = unjudgedLarge
	case dated && age < j.words.minAge() && age > -ahead:
		v.unjudged = unjudgedYoung
	default:
		l.compare(v)
	}
}

// compare says what is wrong with the value itself.
func (l *looking) compare(v *verdict) {
	why := l.take(v.value)
	switch {
	case why != "":
		v.class, v.why = classUnreadable, why
	case v.row == nil:
		v.class = classGone
	default:
		for i, c := range l.cells {
			if column := v.row[l.at[i]]; !l.words.agrees(c, column, l.families[i]) {
				v.differs = append(v.differs, difference{field: i, cached: c, row: column})
			}
		}
		if len(v.differs) > 0 {
			v.class = classStale
		}
	}
}

// take takes a value apart into cells. why says why that cannot be done; empty: it can.
func (l *looking) take(v redis.Value) (why string) {
	want := l.words.kind()
	if v.Kind != want {
		return "a " + v.Kind + " and no " + want
	}
	switch l.words.Value {
	case valueJSON:
		l.buffer = append(l.buffer[:0], v.Text...)
		return cut(v.Text, l.buffer, l.paths, l.cells)
	case valueString:
		l.cells[0] = cell{text, v.Text}
		return ""
	}
	for i, f := range l.words.Fields {
		l.cells[i] = cell{}
		if said, ok := v.Fields[f.Field]; ok {
			l.cells[i] = cell{text, said}
		}
	}
	return ""
}

// cellsOf takes one value apart.
func (j *judge) cellsOf(v redis.Value) (cells []cell, why string) {
	l := looking{judge: j, cells: make([]cell, len(j.words.Fields))}
	why = l.take(v)
	return l.cells, why
}
