package message

// Post is a message as it should stand in Slack, together with its place. It
// is keyed: sending the same key again edits what stands there, so that
// nothing is posted twice whatever crashes or is delivered again.
type Post struct {
	// Key names the message for ever, e.g. "run/1042" or
	// "run/1042/orphaned-orders".
	Key     string `json:"key"`
	Channel string `json:"channel"`
	// Parent is the key of the post in whose thread this one belongs.
	Parent string `json:"parent,omitempty"`
	// Thread is the Slack timestamp of the thread, where the thread is not ours.
	Thread string `json:"thread,omitempty"`
	// OnlyTo makes the message ephemeral for one person (a Slack user id).
	// Such a message is tried at most once after an unknown outcome, cannot be
	// edited and carries no decision: refusals and help only.
	OnlyTo string `json:"only_to,omitempty"`
	// ResponseURL answers a slash command or click for 30 minutes, also where
	// the bot is not a member. Used for OnlyTo, and as the way to say that the
	// bot cannot post in Channel.
	ResponseURL string `json:"response_url,omitempty"`
	// Final says that no later edit is expected. Where a message can only be
	// sent a few times (through ResponseURL), only the final one is.
	Final   bool    `json:"final,omitempty"`
	Message Message `json:"message"`
}
