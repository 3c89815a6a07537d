package bot

import (
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/slack-go/slack/socketmode"
)

func readerForTests() *dispatcher {
	return &dispatcher{me: self{User: "UBOT"}, log: slog.New(slog.DiscardHandler), home: nil}
}

func envelopeOf(kind, payload string) envelope {
	return envelope{Request: socketmode.Request{Type: kind, EnvelopeID: "env-1", Payload: json.RawMessage(payload)}, received: time.Unix(1, 0)}
}

func TestMentionsThatAreNotAPersonsWordsAreDropped(t *testing.T) {
	cases := []struct {
		name, event string
		asks        bool
	}{
		{"a person", `{"type":"app_mention","user":"U1","text":"<@UBOT> check orders","channel":"C1","ts":"1.1"}`, true},
		{"a person's upload", `{"type":"app_mention","subtype":"file_share","user":"U1","text":"<@UBOT> check","channel":"C1"}`, true},
		{"unknown blocks", `{"type":"app_mention","user":"U1","text":"<@UBOT> check","channel":"C1","blocks":[{"type":"newest","elements":7}]}`, true},
		{"the bot itself", `{"type":"app_mention","user":"UBOT","text":"<@UBOT> check orders","channel":"C1"}`, false},
		{"another bot", `{"type":"app_mention","user":"U2","bot_id":"B2","text":"<@UBOT> check orders","channel":"C1"}`, false},
		{"a bot message", `{"type":"app_mention","subtype":"bot_message","text":"<@UBOT> check orders","channel":"C1"}`, false},
		{"a changed message", `{"type":"app_mention","subtype":"message_changed","user":"U1","text":"<@UBOT> check orders","channel":"C1"}`, false},
		{"an edited message", `{"type":"app_mention","user":"U1","edited":{"user":"U1","ts":"2"},"text":"<@UBOT> check orders","channel":"C1"}`, false},
		{"another event", `{"type":"reaction_added","user":"U1"}`, false},
		{"home without a home", `{"type":"app_home_opened","user":"U1","tab":"home"}`, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a, err := readerForTests().read(envelopeOf("events_api", `{"event_id":"Ev1","team_id":"T1","event":`+c.event+`}`))
			if err != nil {
				t.Fatal(err)
			}
			if (len(a.requests) == 1) != c.asks {
				t.Fatalf("requests %+v (%s)", a.requests, a.why)
			}
			if c.asks && (a.id != "Ev1" || a.requests[0].Key != "Ev1" || a.requests[0].Actor.User != "U1" || a.requests[0].Actor.Team != "T1") {
				t.Errorf("request %+v", a.requests[0])
			}
		})
	}
}

func TestAuthorOfASharedChannelKeepsTheirTeam(t *testing.T) {
	a, err := readerForTests().read(envelopeOf("events_api",
		`{"event_id":"Ev1","team_id":"T1","enterprise_id":"E1","event":{"type":"app_mention","user":"U9","user_team":"T9","text":"<@UBOT> help","channel":"C1"}}`))
	if err != nil || a.requests[0].Actor.Team != "T9" {
		t.Errorf("actor %+v, %v", a.requests, err)
	}
	a, err = readerForTests().read(envelopeOf("interactive",
		`{"type":"block_actions","team":{"id":"T1"},"user":{"id":"U9","team_id":"T9"},"container":{"channel_id":"C1","message_ts":"1.1"},
		  "actions":[{"type":"button","action_id":"stop","value":"R-1","action_ts":"2.2"}],"message":{"blocks":[{"type":"newest","elements":7}]}}`))
	if err != nil || a.requests[0].Actor.Team != "T9" || a.requests[0].Key != "C1:1.1:stop:2.2:U9" {
		t.Errorf("actor %+v, %v", a.requests, err)
	}
}

func TestUnreadableEnvelopesAreNotForgiven(t *testing.T) {
	for kind, ack := range map[string]bool{"events_api": true, "slash_commands": false, "interactive": false} {
		d := readerForTests()
		d.recent = newRecent(4)
		if got := d.handle(t.Context(), envelopeOf(kind, `[]`)); got != ack {
			t.Errorf("%s: ack %v, want %v", kind, got, ack)
		}
	}
}

func TestPlainTokens(t *testing.T) {
	cases := map[string]string{
		"check orders":                                       "check orders",
		"audit --actor <@U1|bob>":                            "audit --actor <@U1>",
		"note in <#C1|incidents> and <#C2|>":                 "note in <#C1> and <#C2>",
		"<!subteam^S1|@responders> <!here> <!here|@here>":    "<!subteam^S1> @here @here",
		"logs --grep <http://db.example.com|db.example.com>": "logs --grep db.example.com",
		"see <https://example.com/a?b=1>":                    "see https://example.com/a?b=1",
		"see <https://example.com|here>":                     "see https://example.com",
		"<mailto:a@example.com|a@example.com>":               "a@example.com",
		"a &lt; b":                                           "a &lt; b",
	}
	for in, want := range cases {
		if got := plainTokens(in); got != want {
			t.Errorf("plainTokens(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestAfterMention(t *testing.T) {
	cases := map[string]string{
		"<@UBOT> check orders":      "check orders",
		"<@UBOT|integrity>: check":  "check",
		"hey <@UBOT>, check orders": "check orders",
		"check orders <@UBOT>":      "check orders",
		"<@UBOT>":                   "",
		"<@UBOT> whoami <@UBOT>":    "whoami <@UBOT>",
		"<@UBOTS> is somebody else": "<@UBOTS> is somebody else",
	}
	for in, want := range cases {
		if got := afterMention(in, "UBOT"); got != want {
			t.Errorf("afterMention(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestRecentForgetsTheOldestAndTheFailed(t *testing.T) {
	r := newRecent(2)
	a, first := r.begin("a")
	if !first {
		t.Fatal("a was seen before")
	}
	r.end("a", a, false)
	if _, first := r.begin("a"); !first {
		t.Error("a failed and is not tried again")
	}
	b, _ := r.begin("b")
	r.end("b", b, true)
	if again, first := r.begin("b"); first || !again.ok {
		t.Error("b is done and asked again")
	}
	r.begin("c")
	r.begin("d")
	if _, first := r.begin("b"); !first {
		t.Error("b should have been forgotten")
	}
}
