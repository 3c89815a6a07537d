package fix

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Order is a plan as it was asked for. It is stored before it is acknowledged
// and never changes.
type Order struct {
	// ID is the number of the run that works the plan out.
	ID     int64
	Check  string // the check whose failing rows are to be repaired
	Domain string // of the check when it was asked for: fix:<domain> is needed
	// Mode is which of the fix's ways is meant, such as quarantine; empty: the
	// one that the config declares.
	Mode string
	// Argument is what the mode needs: the parent to attach to. May be empty.
	Argument string
	// Limit is how many failing rows to repair at most; 0: all within the caps.
	Limit int
	// Select narrows down which failing rows are meant, in the target's words, such
	// as key=o-17; all of them must hold. Empty: all rows.
	Select []string `json:",omitempty"`
	// From and To bound what is meant by its time, To excluded; zero: no bound.
	From, To time.Time `json:",omitzero"`
	// Rate is how many changes a second at most; 0: as the config says.
	Rate int `json:",omitempty"`
	// Undoes is the plan that this one takes back; 0 for none.
	Undoes int64

	Channel     string
	Thread      string // Slack timestamp of a thread to answer in
	ResponseURL string
	// Under is the key of the post in whose thread the preview goes, such as the
	// head of the run that found the rows; empty: a message of its own.
	Under   string
	AskedBy string // Slack user id
	AskedAt time.Time
	Request string // request id
	// Incident is the one that it belongs to; 0: the one that holds the channel.
	Incident int64 `json:",omitempty"`
}

// Ref is how people name the plan: P-1042.
func (o Order) Ref() string { return Ref(o.ID) }

// Ref makes the name of a plan from its number.
func Ref(id int64) string { return "P-" + strconv.FormatInt(id, 10) }

// ParseRef reads P-1042, p-1042 or 1042.
func ParseRef(s string) (int64, error) {
	digits := strings.TrimPrefix(strings.ToUpper(strings.TrimSpace(s)), "P-")
	id, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || id < 1 {
		return 0, fmt.Errorf("%q is not a plan; plans look like P-1042", s)
	}
	return id, nil
}

// IsRef tells whether a word names a plan and not a run.
func IsRef(s string) bool {
	return strings.HasPrefix(strings.ToUpper(strings.TrimSpace(s)), "P-")
}
