package incidents

import "github.com/integritybot/integritybot/internal/check"

// Wording words incidents: with the rules, and with the checks as they are declared.
type Wording struct {
	Rules  Rules
	Checks map[string]check.Check // by name
	// Word is the command word: /integrity.
	Word string
}
