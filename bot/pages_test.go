package bot

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/integritybot/integritybot/internal/message"
)

func pagesOf(t *testing.T, name, text string) []message.Message {
	t.Helper()
	pages, err := Pages(name, strings.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	if len(pages) == 0 || len(pages) > maxPages {
		t.Fatalf("%d pages", len(pages))
	}
	for _, p := range pages {
		for form := Rich; form <= Bare; form++ {
			judge(t, p, Look{Form: form, Stamp: "v1"})
		}
	}
	return pages
}

func TestPages(t *testing.T) {
	rows := func(n int) string {
		var b strings.Builder
		b.WriteString("order,total\n")
		for i := range n {
			fmt.Fprintf(&b, "o%06d,%d\n", i, i)
		}
		return b.String()
	}
	cases := []struct {
		name, file, text string
		pages            int
		first, last      string
	}{
		{"a few rows", "a.csv", rows(3), 1, "a.csv, rows 1 to 3 of 3", "shown here in full"},
		{"a million rows", "a.csv", rows(1_000_000), 10, "a.csv, rows 1 to 150 of 1,000,000", "998,500 of 1,000,000 rows are not shown"},
		{"only a heading", "a.csv", "order,total\n", 1, "no rows", "no rows"},
		{"nothing", "a.csv", "", 1, "empty", "empty"},
		{"broken quotes", "a.csv", "a,b\n\"x,y\nz\"\",1\n", 1, "rows 1 to", "full"},
		{"text", "a.sql", strings.Repeat("ALTER TABLE orders ADD CHECK (total >= 0);\n", 20), 1, "lines 1 to 20 of 20", "full"},
		{"long text", "a.txt", strings.Repeat("x\n", 200_000), 10, "lines 1 to", "are not shown"},
		{"overlong lines", "a.txt", strings.Repeat(strings.Repeat("y", 50_000)+"\n", 3), 1, "lines 1 to 3 of 3", "full"},
		{"a picture", "a.png", "\x89PNG...", 1, "a.png (7 bytes) is not shown", "upload"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			pages := pagesOf(t, c.file, c.text)
			if len(pages) != c.pages {
				t.Errorf("%d pages, want %d", len(pages), c.pages)
			}
			first, last := whole(pages[0]), whole(pages[len(pages)-1])
			if !strings.Contains(first, c.first) || !strings.Contains(last, c.last) {
				t.Errorf("first page says %.200q, last ends in %q", first, last[max(0, len(last)-200):])
			}
		})
	}
}

// Every row is on a page or counted as not shown, whatever the widths.
func TestPagesLoseNoRow(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 10 {
		var b strings.Builder
		b.WriteString("key,text\n")
		n := r.IntN(2000)
		for i := range n {
			fmt.Fprintf(&b, "k%05d,%s\n", i, strings.Repeat("w", r.IntN(150)))
		}
		pages := pagesOf(t, "x.csv", b.String())
		var shown int
		for _, p := range pages {
			shown += strings.Count(whole(p), "\nk0")
		}
		left := 0
		if _, rest, ok := strings.Cut(whole(pages[len(pages)-1]), "\n\x00"); ok {
			if _, err := fmt.Sscanf(strings.ReplaceAll(rest, ",", ""), "%d of", &left); err != nil {
				left = 0
			}
		}
		if n > 0 && shown+left != n {
			t.Errorf("%d rows: %d shown, %d said to be missing", n, shown, left)
		}
	}
}

// whole is a message as text; its sentences begin with a mark.
func whole(m message.Message) string {
	out := m.Headline.String()
	for _, p := range m.Parts {
		out += "\n" + p.Code
		for _, l := range p.Lines {
			out += "\x00" + l.String()
		}
	}
	return out
}
