package archtest

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestEveryPackageBeginsWithAPromise: what it is for, and what it must never do.
func TestEveryPackageBeginsWithAPromise(t *testing.T) {
	for _, p := range packages(t) {
		var doc string
		for _, f := range p.files {
			doc += text(f.Doc)
		}
		if len(strings.Fields(doc)) < 15 {
			t.Errorf("%s has no package comment, or one of a few words: say what it is for and what it must never do", p.dir)
		}
	}
}

func text(g *ast.CommentGroup) string {
	if g == nil {
		return ""
	}
	return g.Text()
}

// forbidden names hide what is in a package.
var forbidden = regexp.MustCompile(`(^|/)(util|utils|common|helper|helpers|model|models|manager|managers|misc|base)$`)

func TestPackagesAreNamedForWhatTheyHold(t *testing.T) {
	for _, p := range packages(t) {
		if forbidden.MatchString(p.dir) {
			t.Errorf("%s: a name that could hold anything", p.dir)
		}
	}
}

// TestTheHouseHasTheseRooms: nothing else stands at the top.
func TestTheHouseHasTheseRooms(t *testing.T) {
	allowed := map[string]bool{}
	for _, name := range strings.Fields(`bot commands incidents cmd internal deploy docs go.mod go.sum Dockerfile
		config.example.yaml README.md LICENSE CHANGELOG.md CONTRIBUTING.md Makefile .ci .git .gitignore .gitattributes .dockerignore
		.golangci.yml .editorconfig bin`) {
		allowed[name] = true
	}
	entries, err := os.ReadDir(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !allowed[e.Name()] {
			t.Errorf("%s stands at the top level: it belongs in one of the rooms", e.Name())
		}
	}
}

// path finds repository paths in the prose: `internal/check/report`.
var path = regexp.MustCompile("`((?:bot|commands|incidents|cmd|internal|deploy|docs)/[A-Za-z0-9_./-]*[A-Za-z0-9_])`")

// TestPathsInTheDocsExist: a recipe that names a file that is gone is worse
// than none.
func TestPathsInTheDocsExist(t *testing.T) {
	root := filepath.Join("..", "..")
	pages := []string{"README.md", "CONTRIBUTING.md"}
	more, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range more {
		pages = append(pages, filepath.Join("docs", filepath.Base(m)))
	}
	for _, page := range pages {
		content, err := os.ReadFile(filepath.Join(root, page))
		if err != nil {
			t.Errorf("%s: %v", page, err)
			continue
		}
		for _, m := range path.FindAllStringSubmatch(string(content), -1) {
			if _, err := os.Stat(filepath.Join(root, m[1])); err != nil {
				t.Errorf("%s names %s, which does not exist", page, m[1])
			}
		}
	}
}
