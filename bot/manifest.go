package bot

import (
	"bytes"
	"encoding/json"
	"strings"
)

// Scopes are what the bot token needs, each for what it does today.
func Scopes() []string {
	return []string{
		"app_mentions:read", // @bot in channels and threads
		"bookmarks:read",    // an incident's channel has its links, once each
		"bookmarks:write",
		"channels:history", // to look whether a message stands, after an unknown outcome
		"channels:manage",  // channels of incidents: create, invite, topic
		"channels:read",    // is the channel shared, is the bot in it
		"chat:write",
		"commands",   // the slash command and the shortcut
		"files:read", // to look whether a file is shown, after an unknown outcome
		"files:write",
		"groups:history",
		"groups:read",
		"groups:write", // the same for private channels
		"im:history",
		"im:read",
		"im:write", // notices to one person, answers to what is pressed on Home
		"mpim:history",
		"mpim:read",
		"pins:read",       // what is pinned is on the timeline
		"pins:write",      // the summary
		"reactions:read",  // what carries the reaction is on the timeline
		"usergroups:read", // rights by user group
		"users:read",      // guests, outsiders, bots
	}
}

// Events are the bot events the app subscribes to. Those of messages tell of edits and
// deletions; what is said is not read.
func Events() []string {
	return []string{
		"app_home_opened", "app_mention", "message.channels", "message.groups",
		"pin_added", "pin_removed", "reaction_added", "reaction_removed",
	}
}

// The manifest as Slack reads it: docs.slack.dev/reference/app-manifest. There
// are no request URLs, because everything comes over Socket Mode, and token
// rotation stays off, because a rotated bot token would not be renewed.
type manifest struct {
	Metadata struct {
		Major int `json:"major_version"`
	} `json:"_metadata"`
	Display struct {
		Name        string `json:"name"`
		Description string `json:"description"`
		Long        string `json:"long_description"`
		Background  string `json:"background_color"`
	} `json:"display_information"`
	Features struct {
		AppHome struct {
			Home     bool `json:"home_tab_enabled"`
			Messages bool `json:"messages_tab_enabled"`
			ReadOnly bool `json:"messages_tab_read_only_enabled"`
		} `json:"app_home"`
		BotUser struct {
			Name   string `json:"display_name"`
			Online bool   `json:"always_online"`
		} `json:"bot_user"`
		Shortcuts []manifestShortcut `json:"shortcuts"`
		Commands  []manifestCommand  `json:"slash_commands"`
	} `json:"features"`
	OAuth struct {
		Scopes struct {
			Bot []string `json:"bot"`
		} `json:"scopes"`
	} `json:"oauth_config"`
	Settings struct {
		Events struct {
			Bot []string `json:"bot_events"`
		} `json:"event_subscriptions"`
		Interactivity struct {
			Enabled bool `json:"is_enabled"`
		} `json:"interactivity"`
		OrgDeploy     bool `json:"org_deploy_enabled"`
		SocketMode    bool `json:"socket_mode_enabled"`
		TokenRotation bool `json:"token_rotation_enabled"`
	} `json:"settings"`
}

type manifestShortcut struct {
	Name        string `json:"name"`
	Type        string `json:"type"`
	Callback    string `json:"callback_id"`
	Description string `json:"description"`
}

type manifestCommand struct {
	Command      string `json:"command"`
	Description  string `json:"description"`
	Hint         string `json:"usage_hint"`
	ShouldEscape bool   `json:"should_escape"`
}

// Manifest is the Slack app manifest, in JSON, for these options: paste it
// under "Create New App → From a manifest". The app-level token is made by hand
// afterwards; a manifest cannot hold it.
func Manifest(o Options) []byte {
	o = o.withDefaults()
	var m manifest
	m.Metadata.Major = 1
	m.Display.Name = o.Name
	m.Display.Description = "Finds wrong data, shows exactly what is wrong, and keeps a record of every step."
	m.Display.Long = "For the people who are paged when data is wrong. Ask for a check in the incident channel and read in its thread " +
		"which rows are wrong, since when, and what is at stake, with the complete list as a file. Reading never harms the database: " +
		"sessions are read-only, short and polite. Everything that is asked, refused or done is recorded in a log that cannot be edited."
	m.Display.Background = "#1f3a34"
	m.Features.AppHome.Home = true
	m.Features.AppHome.Messages = true
	m.Features.BotUser.Name = strings.TrimPrefix(o.Command, "/")
	m.Features.BotUser.Online = true
	m.Features.Shortcuts = []manifestShortcut{{
		Name: "Check data", Type: "global", Callback: shortcutPickCheck,
		Description: "Pick a check and the channel for its result",
	}, {
		Name: "Declare incident", Type: "global", Callback: shortcutDeclare,
		Description: "Open a channel for data that is wrong, and keep everybody informed",
	}}
	m.Features.Commands = []manifestCommand{{
		Command: o.Command, Description: "Check data for integrity, and see what was found and done",
		Hint: "check orders | help | whoami", ShouldEscape: true,
	}}
	m.OAuth.Scopes.Bot = Scopes()
	m.Settings.Events.Bot = Events()
	m.Settings.Interactivity.Enabled = true
	m.Settings.SocketMode = true
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(m); err != nil {
		panic(err) // a struct of strings and flags always encodes
	}
	return out.Bytes()
}
