// Package message holds what the bot wants to say, free of Slack.
//
// A Message is a value: it can be compared, stored as JSON, sent later by
// another replica, and rendered for Slack or for a terminal. It never carries
// markup. Text that came from outside (rows, names, errors) is put in as plain
// spans and stays inert, because only the typed spans below can become a
// mention, a date or a link.
package message

// Message is one message as a person should read it. Its Headline alone must
// be enough to act on: it is also the text of the phone notification.
type Message struct {
	Headline Line     `json:"headline"`
	Parts    []Part   `json:"parts,omitempty"`
	Context  []Line   `json:"context,omitempty"` // small print: id, place, duration, who asked
	Actions  []Action `json:"actions,omitempty"`
	Files    []File   `json:"files,omitempty"` // sent into the message's thread
}

// Part is one piece of a message's body. Exactly one field is set.
type Part struct {
	Lines   []Line   `json:"lines,omitempty"`
	Table   *Table   `json:"table,omitempty"`
	Code    string   `json:"code,omitempty"` // preformatted, foreign text allowed
	Actions []Action `json:"actions,omitempty"`
}

// Table is shown as a table where the surface can, and as aligned text
// elsewhere. Cells are foreign text.
type Table struct {
	Columns []Column   `json:"columns"`
	Rows    [][]string `json:"rows"`
	// Total is how many rows there are in all; Rows may be the first few.
	Total int64 `json:"total"`
}

// Column heads one column of a Table.
type Column struct {
	Name    string `json:"name"`
	Numeric bool   `json:"numeric,omitempty"` // right-aligned
}

// Style says how a button looks; it never carries meaning alone.
type Style string

// The styles Slack knows.
const (
	Default Style = ""
	Primary Style = "primary"
	Danger  Style = "danger"
)

// Action is a button. Verb names a command, Ref the thing it acts on (R-1042,
// P-77): a click carries these two and nothing else, and is a request, not
// authority.
type Action struct {
	Verb    string   `json:"verb"`
	Ref     string   `json:"ref"`
	Label   string   `json:"label"`
	Style   Style    `json:"style,omitempty"`
	Confirm *Confirm `json:"confirm,omitempty"`
	// Ask wants something typed before the request is made; what was typed follows
	// the ref, in quotes. It takes the place of Confirm.
	Ask *Ask `json:"ask,omitempty"`
	// Form: pressing it opens the form that its command has, if it still has one then.
	Form bool `json:"form,omitempty"`
}

// Ask is a question that is answered by typing, in a dialog.
type Ask struct {
	Title string `json:"title"` // at most 24 characters
	Text  string `json:"text"`
	Label string `json:"label"` // of the field
	Want  string `json:"want"`  // what has to be typed; shown beside the field
	Yes   string `json:"yes"`
}

// Confirm asks before a click is sent: a guard against slips, not an approval.
type Confirm struct {
	Title string `json:"title"`
	Text  string `json:"text"`
	Yes   string `json:"yes"`
	No    string `json:"no"`
}

// File is sent beside a message. Exactly one of Inline and Source is set.
type File struct {
	Name   string `json:"name"`
	Title  string `json:"title"`
	Alt    string `json:"alt,omitempty"` // what a picture shows
	Inline []byte `json:"inline,omitempty"`
	// Source names a file kept in the store, e.g. "run/1042/orphaned-orders".
	Source string `json:"source,omitempty"`
}
