package fix

// Transition moves a plan from one state to another, if it still is as it was
// when somebody decided: a compare-and-set, made together with the events, the
// run and the messages that follow from it.
type Transition struct {
	Plan     int64
	From, To State
	// Hash and Digest are those that were decided upon. A plan with others is
	// another plan.
	Hash, Digest string
	// InTime: the plan must not have expired, by the clock of the database that
	// keeps it.
	InTime bool
	By     string // who decided; a Slack user id
	Reason string // why it was refused; a sentence for people
	Run    int64  // the run that applies it; 0: none
}
