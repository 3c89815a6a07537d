// Package notify sends notices to where Slack does not reach: by email (SMTP) and to
// webhooks.
//
// It sends exactly the text that it is given, once for each call, and always knows
// which of three things happened: it was taken, it was not, or nobody can tell. It never
// tries again by itself: that is for whoever can write down that it does.
package notify

import "time"

// Letter is what is sent.
type Letter struct {
	// ID is the same for every try: the Message-ID of an email, the Idempotency-Key of a
	// webhook. "notice/12/3".
	ID      string
	To      string // an email address; empty for webhooks
	Subject string
	Body    string // plain text, sent as it is
	At      time.Time
	// About goes to webhooks beside the text.
	About About
}

// About says for programs what a letter is about.
type About struct {
	Incident string `json:"incident"` // INC-12
	Severity string `json:"severity"`
	Status   string `json:"status"`
	Template string `json:"template"`
	Audience string `json:"audience"`
	Drill    bool   `json:"drill"`
}

// Error is why a letter was not taken, or may not have been.
type Error struct {
	// Unclear: it may have been taken. It must not be sent again by itself.
	Unclear bool
	// Final: trying again does not help: the address does not exist, the token is wrong.
	Final bool
	// Sentence says it to people and holds no secret.
	Sentence string
	Err      error
}

func (e *Error) Error() string { return e.Sentence }

func (e *Error) Unwrap() error { return e.Err }
