// Package blockkit judges Block Kit content: it promises to find every limit of
// Slack's that a message or view breaks, with a JSON pointer to the place.
//
// It works on plain JSON and must never import a Slack library, so that it is
// an independent judge of whatever rendered the content. The numbers come from
// Slack's block, element and composition-object reference pages; where Slack
// publishes none, from what users measured (said at the constant). Lengths are
// in characters (Unicode code points). Unknown block types are refused, and so
// are blocks on a surface that does not show them.
package blockkit

import (
	"encoding/json"
	"fmt"
)

// Problem is one broken rule.
type Problem struct {
	Pointer string // JSON pointer (RFC 6901) into the judged value
	Code    string // Slack's error name: invalid_blocks, msg_blocks_too_long …
	Message string // what must hold, in Slack's style: "must be less than 76 characters"
}

// String is the problem in one line.
func (p Problem) String() string { return fmt.Sprintf("%s: %s [%s]", p.Code, p.Message, p.Pointer) }

// The error names problems carry.
const (
	CodeInvalidBlocks      = "invalid_blocks"
	CodeBlocksTooLong      = "msg_blocks_too_long"
	CodeInvalidAttachments = "invalid_attachments"
	CodeManyAttachments    = "too_many_attachments"
	CodeInvalidMetadata    = "invalid_metadata_format"
	CodeMetadataTooLarge   = "metadata_too_large"
	CodeViewTooLarge       = "view_too_large"
)

// Limits of whole payloads.
const (
	MaxMessageBlocks = 50
	MaxViewBlocks    = 100
	// MaxContent is the sum of the text in a message's blocks. Slack publishes
	// no number; users measured about this.
	MaxContent = 13_200
	// MaxMarkdown is the sum over all markdown blocks.
	MaxMarkdown    = 12_000
	MaxAttachments = 100
	// MaxMetadata is in bytes of JSON. Slack publishes no number; metadata is
	// for ids, and this is generous.
	MaxMetadata = 16_384
	// MaxView is in bytes of JSON.
	MaxView = 250 * 1024
	// MaxID is for block_id and action_id.
	MaxID = 255
)

// surface is where blocks are shown.
type surface int

const (
	message surface = 1 << iota
	modal
	home
)

func (s surface) String() string {
	return map[surface]string{message: "messages", modal: "modals", home: "the Home tab"}[s]
}

// ValidateMessage judges a message: an object with any of blocks, attachments
// and metadata, or the bare list of blocks. Pointers are into the message:
// "/blocks/0/text". No problems means that Slack would take it.
func ValidateMessage(raw []byte) []Problem {
	root, problem := parse(raw)
	if problem != nil {
		return problem
	}
	d := &document{surface: message}
	if list, ok := root.([]any); ok {
		root = map[string]any{"blocks": list}
	}
	n := node{d: d, v: root}
	if !n.isObject() {
		return d.problems
	}
	d.blocks(n.get("blocks"), MaxMessageBlocks)
	d.attachments(n.get("attachments"))
	d.metadata(n.get("metadata"))
	d.totals()
	return d.problems
}

// ValidateView judges a view, of type modal or home. Pointers are into the
// view: "/blocks/0/text".
func ValidateView(raw []byte) []Problem {
	root, problem := parse(raw)
	if problem != nil {
		return problem
	}
	d := &document{surface: modal}
	n := node{d: d, v: root}
	if !n.isObject() {
		return d.problems
	}
	if len(raw) > MaxView {
		n.failAs(CodeViewTooLarge, "must be less than %d bytes", MaxView+1)
	}
	if n.get("type").v == "home" {
		d.surface = home
	} else {
		n.get("type").oneOf("modal", "home")
		d.modal(n)
	}
	n.get("private_metadata").optional(func(m node) { m.str(0, 3000) })
	n.get("callback_id").optional(func(m node) { m.str(0, 255) })
	n.get("external_id").optional(func(m node) { m.str(0, 255) })
	if n.get("blocks").required() {
		d.blocks(n.get("blocks"), MaxViewBlocks)
	}
	d.totals()
	return d.problems
}

func parse(raw []byte) (any, []Problem) {
	var root any
	if err := json.Unmarshal(raw, &root); err != nil {
		return nil, []Problem{{Code: "invalid_blocks_format", Message: "is not JSON: " + err.Error()}}
	}
	return root, nil
}

// document is the judgement under way.
type document struct {
	surface  surface
	problems []Problem
	blockIDs map[string]string // block_id → where it was first seen
	markdown int               // characters in markdown blocks
	tables   []node            // blocks of the table family
	inputs   bool              // there is an input block
	submit   bool              // the modal has a submit button
	content  int               // characters of text in blocks
}

func (d *document) modal(n node) {
	for _, part := range []string{"title", "submit", "close"} {
		if text := n.get(part); text.given() {
			text.plain(1, 24)
		}
	}
	n.get("title").required()
	d.submit = n.get("submit").given()
	for _, flag := range []string{"clear_on_close", "notify_on_close", "submit_disabled"} {
		n.get(flag).optional(node.boolean)
	}
}

func (d *document) attachments(n node) {
	if !n.given() {
		return
	}
	for i, a := range n.list(0, MaxAttachments, CodeManyAttachments) {
		if !a.isObject() || i >= MaxAttachments {
			continue
		}
		d.blocks(a.get("blocks"), MaxMessageBlocks)
	}
}

func (d *document) metadata(n node) {
	if !n.given() {
		return
	}
	m, ok := n.v.(map[string]any)
	if !ok {
		n.failAs(CodeInvalidMetadata, "must be an object")
		return
	}
	if len(m) == 0 {
		return // an empty object removes the metadata
	}
	if s, ok := m["event_type"].(string); !ok || s == "" {
		n.get("event_type").failAs(CodeInvalidMetadata, "must be a string of at least 1 character")
	}
	if _, ok := m["event_payload"].(map[string]any); !ok {
		n.get("event_payload").failAs(CodeInvalidMetadata, "must be an object")
	}
	size, err := json.Marshal(m)
	if err != nil || len(size) > MaxMetadata {
		n.failAs(CodeMetadataTooLarge, "must be less than %d bytes", MaxMetadata+1)
	}
}

// totals judges what no single block can break.
func (d *document) totals() {
	if d.markdown > MaxMarkdown {
		d.problem("/blocks", CodeBlocksTooLong, "markdown blocks must have less than %d characters together", MaxMarkdown+1)
	}
	if d.surface == message && d.content > MaxContent {
		d.problem("/blocks", CodeBlocksTooLong, "must have less than %d characters of text together, has %d", MaxContent+1, d.content)
	}
	for i, t := range d.tables {
		if i > 0 {
			t.failAs(CodeInvalidAttachments, "only_one_table_allowed")
		}
	}
	if d.surface == modal && d.inputs && !d.submit {
		d.problem("/submit", CodeInvalidBlocks, "missing required field: submit, because there are input blocks")
	}
}

func (d *document) problem(pointer, code, format string, args ...any) {
	d.problems = append(d.problems, Problem{Pointer: pointer, Code: code, Message: fmt.Sprintf(format, args...)})
}
