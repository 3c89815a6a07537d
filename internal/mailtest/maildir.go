package mailtest

import (
	"fmt"
	"os"
	"path/filepath"
)

// Maildir reads the new mails of a mailbox that another server keeps, in the format of
// that name: one file for each mail.
func Maildir(path string) ([]Mail, error) {
	files, err := filepath.Glob(filepath.Join(path, "new", "*"))
	if err != nil {
		return nil, fmt.Errorf("read mailbox: %w", err)
	}
	var out []Mail
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read mailbox: %w", err)
		}
		m, err := Parse("", nil, raw)
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}
