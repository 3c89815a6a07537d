package shop

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// sheet writes rows in COPY's binary format, which costs the server half of what text does. It keeps the first
// error, so that a fill function only has to look at it at its end. Format: PostgreSQL manual, COPY, "Binary Format".
type sheet struct {
	out     io.Writer
	buf     []byte
	columns uint16
	inside  bool // inside a row
	rows    int64
	tell    func(rows int64)
	err     error
}

const (
	sheetFlush  = 128 << 10
	sheetTell   = 1 << 16
	sheetHeader = "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"
)

// copyRows streams what fill writes into one table, given as "table (column, …)", and gives the number of rows
// the server took.
func copyRows(ctx context.Context, conn *pgconn.PgConn, into string, tell func(int64), fill func(*sheet)) (int64, error) {
	reader, writer := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		s := &sheet{out: writer, tell: tell, columns: uint16(strings.Count(into, ",") + 1), buf: []byte(sheetHeader)}
		fill(s)
		s.buf = binary.BigEndian.AppendUint16(s.buf, 0xffff) // the end: -1 columns
		s.flush()
		writer.CloseWithError(s.err)
	}()
	tag, err := conn.CopyFrom(ctx, reader, "COPY "+into+" FROM STDIN (FORMAT binary)")
	reader.CloseWithError(io.ErrClosedPipe)
	<-done
	if err != nil {
		return 0, fmt.Errorf("copy into %s: %w", into, err)
	}
	return tag.RowsAffected(), nil
}

func (s *sheet) flush() {
	if s.err == nil && len(s.buf) > 0 {
		_, s.err = s.out.Write(s.buf)
	}
	s.buf = s.buf[:0]
}

// field starts a value of so many bytes; -1 is NULL.
func (s *sheet) field(size int) {
	if !s.inside {
		s.inside = true
		s.buf = binary.BigEndian.AppendUint16(s.buf, s.columns)
	}
	s.buf = binary.BigEndian.AppendUint32(s.buf, uint32(int32(size)))
}

func (s *sheet) end() {
	s.inside = false
	s.rows++
	if len(s.buf) >= sheetFlush {
		s.flush()
	}
	if s.tell != nil && s.rows%sheetTell == 0 {
		s.tell(s.rows)
	}
}

func (s *sheet) text(v string) {
	s.field(len(v))
	s.buf = append(s.buf, v...)
}

func (s *sheet) null() { s.field(-1) }

func (s *sheet) optional(v *string) {
	if v == nil {
		s.null()
		return
	}
	s.text(*v)
}

func (s *sheet) integer(v int) {
	s.field(4)
	s.buf = binary.BigEndian.AppendUint32(s.buf, uint32(int32(v)))
}

func (s *sheet) bigint(v int) {
	s.field(8)
	s.buf = binary.BigEndian.AppendUint64(s.buf, uint64(v))
}

func (s *sheet) boolean(v bool) {
	s.field(1)
	if v {
		s.buf = append(s.buf, 1)
		return
	}
	s.buf = append(s.buf, 0)
}

func (s *sheet) jsonb(v string) {
	s.field(1 + len(v))
	s.buf = append(append(s.buf, 1), v...) // 1 is the format's version
}

// numbered is a text made of a letter or two and a number, without the garbage of building a string.
func (s *sheet) numbered(prefix string, n int) {
	s.field(0)
	start := len(s.buf)
	s.buf = strconv.AppendInt(append(s.buf, prefix...), int64(n), 10)
	binary.BigEndian.PutUint32(s.buf[start-4:], uint32(len(s.buf)-start))
}

// amount is a numeric: digits to the base of 10,000, which is just what an Amount counts in.
func (s *sheet) amount(v Amount) {
	var digits [6]uint16
	left, i := uint64(v.abs()), len(digits)
	for left > 0 || i > len(digits)-2 {
		i--
		digits[i] = uint16(left % uint64(unitsPerOne))
		left /= uint64(unitsPerOne)
	}
	used := digits[i:]
	weight := len(used) - 2 // of the first digit; the last one is the fraction
	for len(used) > 0 && used[0] == 0 {
		used, weight = used[1:], weight-1
	}
	for len(used) > 0 && used[len(used)-1] == 0 {
		used = used[:len(used)-1]
	}
	sign, places := uint16(0), uint16(2)
	if v < 0 {
		sign = 0x4000
	}
	if v%cent != 0 {
		places = 4
	}
	if len(used) == 0 {
		weight = 0
	}
	s.field(8 + 2*len(used))
	for _, part := range [...]uint16{uint16(len(used)), uint16(int16(weight)), sign, places} {
		s.buf = binary.BigEndian.AppendUint16(s.buf, part)
	}
	for _, digit := range used {
		s.buf = binary.BigEndian.AppendUint16(s.buf, digit)
	}
}

// postgresEpoch is 2000-01-01 00:00:00 UTC in microseconds of Unix time.
const postgresEpoch = 946684800_000000

// time is a timestamp, with or without time zone: microseconds, in UTC.
func (s *sheet) time(v time.Time) { s.bigint(int(v.UnixMicro() - postgresEpoch)) }
