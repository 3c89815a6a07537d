package bot

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/integritybot/integritybot/internal/message"
)

const (
	maxPages    = 10
	pageChars   = 8000 // of aligned text; the rest of the budget is for headings
	pageRows    = 150
	maxFileCell = 200
)

// Pages shows the beginning of a file as messages, for workspaces that forbid
// files: at most 10, the last of which says what is not shown. n is the file's
// size in bytes.
func Pages(name string, file io.Reader, n int64) ([]message.Message, error) {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".csv":
		return csvPages(name, file)
	case ".txt", ".md", ".json", ".ndjson", ".log", ".sql", ".yaml", ".yml":
		return linePages(name, file)
	}
	return []message.Message{{Headline: message.Text(
		"%s (%s bytes) is not shown: this workspace does not let me upload it.", name, thousands(n))}}, nil
}

// csvPages lays rows out in columns, and counts those that do not fit.
func csvPages(name string, file io.Reader) ([]message.Message, error) {
	rows := csv.NewReader(file)
	rows.FieldsPerRecord, rows.LazyQuotes, rows.ReuseRecord = -1, true, true
	next := func() ([]string, error) {
		r, err := rows.Read()
		if err != nil {
			return nil, err
		}
		return append([]string(nil), r...), nil
	}
	names, err := next()
	if errors.Is(err, io.EOF) {
		return []message.Message{{Headline: message.Text("%s is empty.", name)}}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	var columns []message.Column
	for _, c := range names {
		columns = append(columns, message.Column{Name: c})
	}
	var texts []string
	var lasts []int64 // row number at which each page ends
	var shown, total int64
	var waiting [][]string
	flush := func() {
		g := newGrid(message.Table{Columns: columns, Rows: waiting})
		kept := g.most(pageChars)
		if kept == 0 {
			waiting = nil
			return
		}
		shown += int64(kept)
		texts, lasts = append(texts, g.align(kept)), append(lasts, shown)
		waiting = waiting[kept:]
	}
	for {
		r, err := next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		total++
		if len(texts) == maxPages {
			continue // only counted
		}
		if waiting = append(waiting, r); len(waiting) == pageRows {
			flush()
		}
	}
	for len(waiting) > 0 && len(texts) < maxPages {
		flush()
	}
	return numbered(name, "rows", texts, lasts, shown, total), nil
}

// linePages shows text line by line.
func linePages(name string, file io.Reader) ([]message.Message, error) {
	lines := bufio.NewReader(file)
	var texts []string
	var lasts []int64
	var shown, total int64
	var page strings.Builder
	pageLines := int64(0)
	flush := func() {
		if pageLines == 0 {
			return
		}
		shown += pageLines
		texts, lasts = append(texts, strings.TrimRight(page.String(), "\n")), append(lasts, shown)
		page.Reset()
		pageLines = 0
	}
	for {
		line, more, err := lines.ReadLine()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		text := cut(clean(string(line)), 1000) + "\n"
		for more && err == nil { // the rest of an overlong line
			_, more, err = lines.ReadLine()
		}
		total++
		if len(texts) == maxPages {
			continue
		}
		if size(page.String())+size(text) > pageChars {
			flush()
			if len(texts) == maxPages {
				continue
			}
		}
		page.WriteString(text)
		pageLines++
	}
	if len(texts) < maxPages {
		flush()
	}
	return numbered(name, "lines", texts, lasts, shown, total), nil
}

// numbered gives each page its heading, and the last one the count of what is
// not shown.
func numbered(name, what string, texts []string, lasts []int64, shown, total int64) []message.Message {
	if len(texts) == 0 {
		return []message.Message{{Headline: message.Text("%s has no %s to show here (%s in all): this workspace does not let me upload it.", name, what, thousands(total))}}
	}
	var out []message.Message
	first := int64(1)
	for i, text := range texts {
		out = append(out, message.Message{
			Headline: message.Text("%s, %s %s to %s of %s", name, what, thousands(first), thousands(lasts[i]), thousands(total)),
			Parts:    []message.Part{{Code: text}},
		})
		first = lasts[i] + 1
	}
	end := "This workspace does not let me upload files, so the file is shown here in full."
	if left := total - shown; left > 0 {
		end = fmt.Sprintf("%s of %s %s are not shown: this workspace does not let me upload the file.", thousands(left), thousands(total), what)
	}
	last := &out[len(out)-1]
	last.Parts = append(last.Parts, message.Part{Lines: []message.Line{message.Text("%s", end)}})
	return out
}

// most is how many rows fit into room characters when aligned.
func (g grid) most(room int) int {
	n := len(g.rows)
	for n > 0 {
		got := size(g.align(n))
		if got <= room {
			return n
		}
		n = min(n-1, n*room/got)
	}
	return 0
}
