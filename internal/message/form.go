package message

// Form is a dialog that composes a command: when it is submitted, the request is Verb
// and Ref with a flag for every field that was filled in. It is no authority: the
// command judges what it is given as if it had been typed.
type Form struct {
	Title  string // at most 24 characters
	Verb   string // "incident declare"
	Ref    string // INC-12, or an argument; may be empty
	Intro  []Line
	Fields []Field
	// Preview shows what would come of it, with what the fields hold. With Renew there is
	// a button that makes it anew.
	Preview []Part
	Renew   bool
	// Carried are flags that go along as they are.
	Carried map[string]string
	Submit  string // label, at most 24 characters
}

// FieldKind is how a field is filled in.
type FieldKind string

// The kinds of field.
const (
	FieldText    FieldKind = "text"    // one line
	FieldLines   FieldKind = "lines"   // several
	FieldChoice  FieldKind = "choice"  // one of Options
	FieldChoices FieldKind = "choices" // some of Options; their values joined by commas
	FieldPerson  FieldKind = "person"  // a Slack user id
	FieldFlag    FieldKind = "flag"    // yes or no: the flag alone, or nothing
)

// Field is one field of a Form. Its value becomes --Name Value; an empty one is left
// out. A field with the name "" is an argument, which stands before the flags.
type Field struct {
	Name     string
	Label    string
	Hint     string
	Kind     FieldKind
	Options  []Option
	Value    string // to begin with
	Optional bool
	Max      int // characters; 0: what Slack allows
}

// Option is one thing to choose.
type Option struct {
	Value string
	Label string
}
