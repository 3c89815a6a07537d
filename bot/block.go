package bot

import (
	"strings"

	"github.com/slack-go/slack"
)

// plainText is a text object without markup or emoji codes; never empty.
func plainText(s string, limit int) *slack.TextBlockObject {
	s = cut(strings.TrimSpace(s), limit)
	setZero(&s, "…")
	return slack.NewTextBlockObject(slack.PlainTextType, s, false, false)
}

// textBlock is a section of unformatted text.
func textBlock(id, text string) slack.Block {
	return slack.NewSectionBlock(plainText(text, maxText), nil, nil, slack.SectionBlockOptionBlockID(id))
}

func paragraph(id string, elements []slack.RichTextSectionElement) slack.Block {
	return slack.NewRichTextBlock(id, slack.NewRichTextSection(elements...))
}

// preformatted shows text as it is, in a fixed-width face.
func preformatted(id, text string) slack.Block {
	return slack.NewRichTextBlock(id, &slack.RichTextPreformatted{
		Type:     slack.RTEPreformatted,
		Elements: []slack.RichTextSectionElement{slack.NewRichTextSectionTextElement(text, nil)},
	})
}

// smallPrint is a context block with one text.
func smallPrint(id, markup string) slack.Block {
	text := slack.NewTextBlockObject(slack.MarkdownType, markup, false, true) // verbatim: no links made of words
	return slack.NewContextBlock(id, text)
}
