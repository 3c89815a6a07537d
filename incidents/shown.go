package incidents

// Board is a message that shows the checklist, and follows it.
type Board struct {
	Key    string `json:"key,omitempty"` // of the post; empty: none
	Thread string `json:"thread,omitempty"`
}

// Preview is a message that shows a notice which can be sent from there.
type Preview struct {
	Key      string `json:"key"` // of the post
	Channel  string `json:"channel"`
	Template string `json:"template"`
	Seal     string `json:"seal"`
}
