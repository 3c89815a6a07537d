package mailtest

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"strings"
)

// Mail is one mail as it arrived.
type Mail struct {
	From    string   // of the envelope
	To      []string // of the envelope
	Header  mail.Header
	Subject string // decoded
	Text    string // decoded, with \n as line ends
	Raw     []byte
}

// ID is its Message-ID.
func (m Mail) ID() string { return strings.Trim(m.Header.Get("Message-ID"), "<>") }

// Parse understands a plain text mail, by nothing that our sender is made with. From and
// to are of its envelope.
func Parse(from string, to []string, raw []byte) (Mail, error) {
	parsed, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return Mail{}, fmt.Errorf("read mail: %w", err)
	}
	subject, err := (&mime.WordDecoder{}).DecodeHeader(parsed.Header.Get("Subject"))
	if err != nil {
		return Mail{}, fmt.Errorf("read subject: %w", err)
	}
	body := parsed.Body
	if strings.EqualFold(parsed.Header.Get("Content-Transfer-Encoding"), "quoted-printable") {
		body = quotedprintable.NewReader(body)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return Mail{}, fmt.Errorf("read text: %w", err)
	}
	return Mail{
		From: from, To: append([]string(nil), to...), Header: parsed.Header, Subject: subject,
		Text: strings.TrimSuffix(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n"), Raw: raw,
	}, nil
}
