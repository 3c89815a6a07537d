package bot_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/integritybot/integritybot/bot"
)

// The limits of docs.slack.dev/reference/app-manifest.
func TestManifestKeepsSlacksLimits(t *testing.T) {
	var m struct {
		Display struct {
			Name, Description string
			Long              string `json:"long_description"`
			Background        string `json:"background_color"`
		} `json:"display_information"`
		Features struct {
			Bot struct {
				Name string `json:"display_name"`
			} `json:"bot_user"`
			Home struct {
				Enabled bool `json:"home_tab_enabled"`
			} `json:"app_home"`
			Commands []struct {
				Command, Description, URL string
				Hint                      string `json:"usage_hint"`
				ShouldEscape              bool   `json:"should_escape"`
			} `json:"slash_commands"`
			Shortcuts []struct {
				Type, Name, Description string
				Callback                string `json:"callback_id"`
			}
		}
		OAuth struct {
			Scopes struct{ Bot, User []string }
		} `json:"oauth_config"`
		Settings struct {
			Socket        bool `json:"socket_mode_enabled"`
			Rotation      bool `json:"token_rotation_enabled"`
			Interactivity struct {
				Enabled bool `json:"is_enabled"`
			}
			Events struct {
				Bot []string `json:"bot_events"`
			} `json:"event_subscriptions"`
		}
	}
	raw := bot.Manifest(bot.Options{Command: "/data-check"})
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	within := func(what, s string, limit int) {
		t.Helper()
		if n := utf8.RuneCountInString(s); n == 0 || n > limit {
			t.Errorf("%s has %d characters, want 1 to %d", what, n, limit)
		}
	}
	within("name", m.Display.Name, 35)
	within("description", m.Display.Description, 140)
	within("long description", m.Display.Long, 4000)
	if utf8.RuneCountInString(m.Display.Long) < 174 {
		t.Error("Slack wants a long description of at least 174 characters")
	}
	within("bot name", m.Features.Bot.Name, 80)
	if len(m.Features.Commands) != 1 || m.Features.Commands[0].Command != "/data-check" || !m.Features.Commands[0].ShouldEscape || m.Features.Commands[0].URL != "" {
		t.Errorf("commands %+v", m.Features.Commands)
	}
	within("command", m.Features.Commands[0].Command, 32)
	within("command's description", m.Features.Commands[0].Description, 2000)
	within("usage hint", m.Features.Commands[0].Hint, 1000)
	for _, s := range m.Features.Shortcuts {
		within("shortcut", s.Name, 24)
		within("shortcut's description", s.Description, 150)
		within("callback", s.Callback, 255)
	}
	if !m.Settings.Socket || m.Settings.Rotation || !m.Settings.Interactivity.Enabled || !m.Features.Home.Enabled {
		t.Errorf("settings %+v", m.Settings)
	}
	if len(m.OAuth.Scopes.User) != 0 || !slices.IsSorted(m.OAuth.Scopes.Bot) || slices.Contains(m.OAuth.Scopes.Bot, "chat:write.public") {
		t.Errorf("scopes %+v", m.OAuth.Scopes)
	}
	for event, scope := range map[string]string{"app_mention": "app_mentions:read", "app_home_opened": "chat:write"} {
		if !slices.Contains(m.Settings.Events.Bot, event) || !slices.Contains(m.OAuth.Scopes.Bot, scope) {
			t.Errorf("event %s without its scope %s", event, scope)
		}
	}
	if strings.Contains(string(raw), "xoxb") || strings.Contains(string(raw), "request_url") {
		t.Errorf("manifest holds what it should not:\n%s", raw)
	}
}

func TestOptionsNameEveryMistake(t *testing.T) {
	good := bot.Options{AppToken: "xapp-1", BotToken: "xoxb-1"}
	if err := good.Validate(); err != nil {
		t.Fatalf("good options: %v", err)
	}
	cases := []struct {
		name   string
		change func(o *bot.Options)
		want   string
	}{
		{"tokens swapped", func(o *bot.Options) { o.AppToken, o.BotToken = o.BotToken, o.AppToken }, "xapp-"},
		{"no tokens", func(o *bot.Options) { o.AppToken, o.BotToken = "", "" }, "xoxb-"},
		{"address", func(o *bot.Options) { o.APIURL = "slack.com/api" }, "http or https"},
		{"command", func(o *bot.Options) { o.Command = "integrity now" }, "slash"},
		{"connections", func(o *bot.Options) { o.Connections = 10 }, "1 to 9"},
		{"name", func(o *bot.Options) { o.Name = strings.Repeat("x", 36) }, "35"},
		{"lease", func(o *bot.Options) { o.Timing.Lease = 1 }, "lease"},
		{"ask", func(o *bot.Options) { o.Timing.Ask = 3e9 }, "3 s"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			o := good
			c.change(&o)
			err := o.Validate()
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one that says %q", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "xoxb-1") {
				t.Errorf("error shows a token: %v", err)
			}
		})
	}
	if _, err := bot.New(good, bot.Deps{}); err == nil {
		t.Error("a bot without anybody to ask")
	}
}
