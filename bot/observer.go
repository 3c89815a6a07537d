package bot

import "time"

// Observer receives what is worth counting. Every field may be nil.
type Observer struct {
	// Envelope: one envelope was handled. outcome is "acknowledged",
	// "refused", "ack not written" or "overloaded".
	Envelope func(kind, outcome string, took time.Duration)
	// Delivery: one delivery was tried. outcome is "sent", "retry" or "failed".
	Delivery func(kind, outcome string, took time.Duration)
	// Links: this many sockets are open now.
	Links func(n int)
}

func (o Observer) envelope(kind, outcome string, took time.Duration) {
	if o.Envelope != nil {
		o.Envelope(kind, outcome, took)
	}
}

func (o Observer) delivery(kind DeliveryKind, outcome string, took time.Duration) {
	if o.Delivery != nil {
		o.Delivery(string(kind), outcome, took)
	}
}

func (o Observer) links(n int) {
	if o.Links != nil {
		o.Links(n)
	}
}
