package bot

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strconv"

	"github.com/slack-go/slack"

	"github.com/integritybot/integritybot/internal/message"
)

// The methods of the Web API that send something.
const (
	methodPost      = "chat.postMessage"
	methodUpdate    = "chat.update"
	methodEphemeral = "chat.postEphemeral"
	methodComplete  = "files.completeUploadExternal"
)

// postEvent names our metadata on every message: {"key": "run/1042"}. It is how
// a message is found again after an unknown outcome.
const postEvent = "integritybot_post"

// sender makes single calls to Slack. It decides nothing: what an error means
// for a delivery is for its callers.
type sender struct {
	opt    Options
	api    *slack.Client
	client *http.Client
	log    *slog.Logger
}

func metadata(key string) slack.SlackMetadata {
	return slack.SlackMetadata{EventType: postEvent, EventPayload: map[string]any{"key": key}}
}

// content are the options of a message with nothing in it that Slack would
// interpret.
func content(r Rendered) []slack.MsgOption {
	return []slack.MsgOption{
		slack.MsgOptionText(r.Text, false), // is escaped
		slack.MsgOptionBlocks(r.Blocks...),
		slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl(),
		slack.MsgOptionDisableMarkdown(), slack.MsgOptionParse(false), slack.MsgOptionLinkNames(false),
	}
}

// post posts a message and returns where it stands: its own timestamp and that
// of the thread it really is in.
func (s *sender) post(ctx context.Context, channel, thread, key string, m message.Message, version int64) (ts, in string, err error) {
	err = s.inForms(m, Look{Stamp: stamp(version)}, func(r Rendered) error {
		options := append(content(r), slack.MsgOptionMetadata(metadata(key)))
		if thread != "" {
			options = append(options, slack.MsgOptionTS(thread))
		}
		_, at, posted, err := s.api.PostMessageWithResponseContext(ctx, channel, options...)
		ts, in = at, posted.ThreadTimestamp
		return err
	})
	return ts, in, err
}

func (s *sender) update(ctx context.Context, channel, ts, key string, m message.Message, version int64) error {
	return s.inForms(m, Look{Stamp: stamp(version)}, func(r Rendered) error {
		_, _, _, err := s.api.UpdateMessageContext(ctx, channel, ts,
			append(content(r), slack.MsgOptionMetadata(metadata(key)))...)
		return err
	})
}

// ephemeral shows a message to one person.
func (s *sender) ephemeral(ctx context.Context, channel, thread, user string, m message.Message) error {
	return s.inForms(m, Look{Stamp: "e"}, func(r Rendered) error {
		options := content(r)
		if thread != "" {
			options = append(options, slack.MsgOptionTS(thread))
		}
		_, err := s.api.PostEphemeralContext(ctx, channel, user, options...)
		return err
	})
}

// inForms calls with the richest form first, and with a poorer one each time
// Slack refuses the blocks. A refusal is an answer, so nothing is sent twice.
func (s *sender) inForms(m message.Message, look Look, call func(Rendered) error) error {
	for look.Form = Rich; ; look.Form++ {
		r := Render(m, look)
		err := call(r)
		if look.Form == Bare || !blocksRefused(err) {
			return err
		}
		s.log.Warn("slack refuses the blocks, trying simpler ones", "error", err, "table", r.HasTable)
		if !r.HasTable {
			look.Form = NoTable // which would be the same
		}
	}
}

func blocksRefused(err error) bool {
	return slices.Contains([]string{
		"invalid_blocks", "invalid_blocks_format", "invalid_attachments", "msg_blocks_too_long",
		"msg_too_long", "only_one_table_allowed", "block_mismatch",
	}, errorCode(err))
}

func stamp(version int64) string { return "v" + strconv.FormatInt(version, 10) }
