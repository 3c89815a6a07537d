package app

import (
	"context"
	"errors"
	"testing"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/authz"
)

// people is a directory that knows what kind of account somebody has.
type people struct {
	commands.Directory
	accounts map[string]authz.Subject
}

func (p people) Subject(_ context.Context, actor audit.Actor, _ bool) (authz.Subject, error) {
	s, known := p.accounts[actor.User]
	if !known || actor.Kind != audit.Person {
		return authz.Subject{}, errors.New("users.info: it does not answer")
	}
	s.User = actor.User
	return s, nil
}

// TestWhoseMarksCount: those of everybody who may act, whatever they may do, and of who
// has left since; nobody is guessed.
func TestWhoseMarksCount(t *testing.T) {
	may := mayMark(authz.Policy{}, people{accounts: map[string]authz.Subject{
		"UMEMBER": {}, "UGUEST": {Guest: true}, "UPARTNER": {Outsider: true}, "UBOT": {Bot: true}, "ULEFT": {Deactivated: true},
		"UGUESTWHOLEFT": {Guest: true, Deactivated: true},
	}})
	for user, want := range map[string]bool{"UMEMBER": true, "ULEFT": true, "UGUEST": false, "UPARTNER": false, "UBOT": false, "UGUESTWHOLEFT": false} {
		if got, err := may(t.Context(), user); err != nil || got != want {
			t.Errorf("what %s marks counts: %v, %v; want %v", user, got, err, want)
		}
	}
	if got, err := may(t.Context(), "UNKNOWN"); err == nil || got {
		t.Errorf("what somebody marks who cannot be looked up counts: %v, %v", got, err)
	}
}
