package bot

import (
	"context"
	"io"
	"time"

	"github.com/integritybot/integritybot/internal/message"
)

// Outbox is the durable queue of outgoing messages, kept in the store and
// shared by all replicas. A post is desired state: setting the same key again
// before it was sent only changes what will be sent (edits coalesce).
type Outbox interface {
	// Next claims the next delivery that is due, in order within its channel
	// and never two of one channel at a time over all replicas, for the length
	// of lease. If nothing is due it returns nil and how long to wait at most.
	Next(ctx context.Context, lease time.Duration) (*Delivery, time.Duration, error)
	// Begin records, before the call to Slack, that its outcome is unknown
	// from now on. It fails if the claim was lost: then do not call.
	Begin(ctx context.Context, d *Delivery) error
	// Uploaded records the file id that Slack gave, before the upload is completed.
	Uploaded(ctx context.Context, d *Delivery, fileID string) error
	// Sent records success. ts is the message's timestamp, empty when nothing
	// stands that could be edited (an ephemeral message, an answer through a
	// response_url, a file): a later version is then a post again. gap is how
	// long the channel must now rest (1 s after a post).
	Sent(ctx context.Context, d *Delivery, ts string, gap time.Duration) error
	// Retry gives the delivery back to be tried again after the wait, for which
	// its whole channel waits. unknown says that Slack may have carried it out.
	Retry(ctx context.Context, d *Delivery, wait time.Duration, unknown bool, reason string) error
	// Failed gives up for good and says why; an audit event records it.
	Failed(ctx context.Context, d *Delivery, reason string) error
	// Open reads a file kept in the store, with its exact size in bytes.
	Open(ctx context.Context, source string) (io.ReadCloser, int64, error)
	// Wake is signalled when something may have become due in this process.
	Wake() <-chan struct{}
}

// DeliveryKind is what has to be done for a delivery.
type DeliveryKind string

// The kinds of delivery.
const (
	DeliverPost      DeliveryKind = "post"
	DeliverUpdate    DeliveryKind = "update"
	DeliverEphemeral DeliveryKind = "ephemeral"
	DeliverFile      DeliveryKind = "file"
)

// Delivery is one claimed call to Slack.
type Delivery struct {
	ID    int64
	Claim int64 // fencing number of the claim
	Kind  DeliveryKind
	Post  message.Post
	File  *message.File // for DeliverFile; goes into the thread of Post
	// Version is what will have been sent; a newer one may be waiting behind it.
	Version int64
	TS      string // where the message stands already
	Thread  string // Slack timestamp of the thread it belongs to; empty for none
	// Unknown: an earlier try may have been carried out. Look for the message
	// by its key (our metadata) since Tried before sending again.
	Unknown  bool
	Tried    time.Time
	FileID   string    // for DeliverFile: given by Slack in an earlier try
	Attempts int       // calls begun since the last success
	Created  time.Time // when the post was first set
}
