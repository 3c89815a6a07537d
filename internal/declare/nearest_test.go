package declare

import "testing"

func TestNearestNames(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		word string
		have []string
		want string
	}{
		"typo":     {"custmers", []string{"customers", "orders"}, ": did you mean customers?"},
		"schema":   {"invoices", []string{"sales.invoices"}, ": did you mean sales.invoices?"},
		"nothing":  {"xyz", []string{"customers"}, "."},
		"no names": {"xyz", nil, "."},
		"capitals": {"Orders", []string{"orders"}, ": did you mean orders?"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := DidYouMean(c.word, c.have); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
