package check

import "context"

// Exporter is a Detector that can also give what it looks at as it is, unmasked:
// for a person with the right to it, and never to a channel shared with others.
type Exporter interface {
	// Export hands over one line of the file after another, without their ends. It
	// reads only. The order's Select, Limit and Options.Since say what is wanted.
	// An error of to ends it and is given back as it is; others are as Detect's.
	Export(ctx context.Context, o Order, to func(line []byte) error) (Exported, error)
}

// Exported is what became of an export.
type Exported struct {
	Lines int64 `json:"lines"` // in the file
	// Left is how many more there were than a file takes. It is exact.
	Left int64 `json:"left,omitempty"`
	// Notes are sentences worth knowing.
	Notes []string `json:"notes,omitempty"`
}
