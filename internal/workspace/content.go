package workspace

import (
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/integritybot/integritybot/internal/workspace/blockkit"
)

// Slack's limits of a message's text, in characters.
const (
	maxPostText     = 40_000 // longer text is cut
	maxUpdateText   = 4_000
	maxMarkdownText = 12_000
)

// content is what a message says, checked against Block Kit's limits. hasX
// tells an empty argument from a missing one.
type content struct {
	text                                            string
	blocks, attachments                             []any
	metadata                                        obj
	hasText, hasBlocks, hasAttachments, hasMetadata bool
}

// content reads and validates the content arguments of a call.
func (w *Workspace) content(c *call) (content, *apiError) {
	var out content
	out.text, out.hasText = c.text("text"), c.given("text")
	if err := out.readLists(c); err != nil {
		return out, err
	}
	if err := out.readMetadata(c); err != nil {
		return out, err
	}
	if c.given("markdown_text") {
		if out.hasText || len(out.blocks) > 0 {
			return out, fail("markdown_text_conflict")
		}
		out.text, out.hasText = c.text("markdown_text"), true
		if utf8.RuneCountInString(out.text) > maxMarkdownText {
			return out, fail("msg_too_long")
		}
	}
	whole := obj{}
	if out.blocks != nil {
		whole["blocks"] = out.blocks
	}
	if out.attachments != nil {
		whole["attachments"] = out.attachments
	}
	if out.metadata != nil {
		whole["metadata"] = out.metadata
	}
	if problems := blockkit.ValidateMessage(remarshal(whole)); len(problems) > 0 {
		return out, blockError(problems)
	}
	w.nameBlocks(out.blocks)
	return out, nil
}

func (said *content) readLists(c *call) *apiError {
	for _, part := range []struct {
		name, code string
		list       *[]any
		given      *bool
	}{
		{"blocks", "invalid_blocks_format", &said.blocks, &said.hasBlocks},
		{"attachments", "invalid_attachments", &said.attachments, &said.hasAttachments},
	} {
		value, ok := c.parsed(part.name)
		if !ok {
			return fail(part.code)
		}
		if value == nil {
			continue
		}
		list, ok := value.([]any)
		if !ok {
			return fail(part.code)
		}
		*part.list, *part.given = list, true
	}
	return nil
}

func (said *content) readMetadata(c *call) *apiError {
	value, ok := c.parsed("metadata")
	if !ok {
		return fail("invalid_metadata_format")
	}
	if value == nil {
		return nil
	}
	metadata, ok := value.(map[string]any)
	if !ok {
		return fail("invalid_metadata_format")
	}
	said.hasMetadata = true
	if len(metadata) > 0 {
		said.metadata = metadata
	}
	return nil
}

func (said *content) empty() bool {
	return said.text == "" && len(said.blocks) == 0 && len(said.attachments) == 0
}

// blockError is the answer to blocks that break a rule.
func blockError(problems []blockkit.Problem) *apiError {
	var messages []string
	for _, p := range problems {
		messages = append(messages, fmt.Sprintf("[ERROR] %s [json-pointer:%s]", p.Message, p.Pointer))
	}
	err := failMessages(problems[0].Code, messages...)
	err.fields["errors"] = messages
	return err
}

// nameBlocks gives every block and element that lacks one an id, as Slack does.
func (w *Workspace) nameBlocks(blocks []any) {
	for _, b := range blocks {
		block, ok := b.(map[string]any)
		if !ok {
			continue
		}
		if id, _ := block["block_id"].(string); id == "" {
			block["block_id"] = w.secret()[:5]
		}
		for _, e := range elementsOf(block) {
			if id, _ := e["action_id"].(string); id == "" && isInteractive(e) {
				e["action_id"] = w.secret()[:5]
			}
		}
	}
}

// elementsOf are the elements of a block that can carry an action.
func elementsOf(block map[string]any) []map[string]any {
	var out []map[string]any
	collect := func(v any) {
		if e, ok := v.(map[string]any); ok {
			out = append(out, e)
		}
	}
	collect(block["accessory"])
	collect(block["element"])
	for _, list := range []string{"elements", "actions"} {
		items, _ := block[list].([]any)
		for _, e := range items {
			collect(e)
		}
	}
	for _, list := range []string{"child_blocks", "cards"} {
		items, _ := block[list].([]any)
		for _, b := range items {
			if child, ok := b.(map[string]any); ok {
				out = append(out, elementsOf(child)...)
			}
		}
	}
	return out
}

func isInteractive(e map[string]any) bool {
	switch e["type"] {
	case "button", "overflow", "checkboxes", "radio_buttons", "datepicker", "timepicker", "datetimepicker",
		"static_select", "external_select", "users_select", "conversations_select", "channels_select",
		"multi_static_select", "multi_external_select", "multi_users_select", "multi_conversations_select",
		"multi_channels_select", "plain_text_input", "number_input", "email_text_input", "url_text_input",
		"file_input", "rich_text_input", "icon_button", "feedback_buttons", "workflow_button":
		return true
	}
	return false
}

// findElement is the element with these ids in blocks.
func findElement(blocks []any, blockID, actionID string) map[string]any {
	for _, b := range blocks {
		block, ok := b.(map[string]any)
		if !ok {
			continue
		}
		if id, _ := block["block_id"].(string); blockID != "" && id != blockID {
			continue
		}
		for _, e := range elementsOf(block) {
			if id, _ := e["action_id"].(string); id == actionID {
				return e
			}
		}
	}
	return nil
}

// cut is text with at most n characters.
func cut(text string, n int) string {
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	return string([]rune(text)[:n])
}

func quote(s string) string { return strconv.Quote(s) }
