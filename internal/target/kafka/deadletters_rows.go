package kafka

import (
	"cmp"
	"encoding/hex"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/integritybot/integritybot/internal/check"
)

// columns of the rows of dead letters. What a service wrote may hold anybody's
// data: keys, messages and values are free text unless the config says what
// they are.
func (d *DeadLetters) columns() []check.Column {
	cols := []check.Column{
		{Name: "partition", Class: check.Number},
		{Name: "offset", Class: check.Number},
		{Name: "died", Class: check.Time},
		{Name: "topic", Class: check.Code},
		{Name: "error", Class: check.Code},
		{Name: "attempts", Class: check.Number},
		{Name: "key", Class: d.class("key", check.Free)},
		{Name: "id", Class: d.class("id", check.Key)},
		{Name: "message", Class: d.class("message", check.Free)},
	}
	for _, s := range d.Show {
		cols = append(cols, check.Column{Name: s.Name, Class: d.class(s.Name, check.Free)})
	}
	return cols
}

func (d *DeadLetters) class(column string, otherwise check.Class) check.Class {
	return cmp.Or(check.Class(d.Mask[column]), otherwise)
}

// shown are the columns of a letter and its values, not masked yet.
func (d *DeadLetters) shown(l Letter) ([]check.Column, []*string) {
	r := l.Record
	values := []*string{
		text(strconv.Itoa(int(r.Partition))),
		text(strconv.FormatInt(r.Offset, 10)),
		text(r.Timestamp.UTC().Format(time.RFC3339)),
		known(l.Topic),
		known(l.Class),
		text(strconv.Itoa(l.Attempts)),
		bytesText(l.Key),
		known(l.ID),
		known(l.Message),
	}
	for _, s := range d.Show {
		p, err := parsePath(s.Path)
		if err != nil { // Faults would have said it
			values = append(values, nil)
			continue
		}
		found, ok := p.text(l.Value)
		if !ok {
			values = append(values, nil)
			continue
		}
		values = append(values, &found)
	}
	return d.columns(), values
}

func text(s string) *string { return &s }

// known is nil for what is not known.
func known(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// bytesText is bytes as people may read them: text as it is, anything else in
// hexadecimal.
func bytesText(b []byte) *string {
	if b == nil {
		return nil
	}
	if utf8.Valid(b) {
		return text(string(b))
	}
	return text("0x" + hex.EncodeToString(b))
}
