package workspace

import (
	"slices"
	"strings"
)

// App is the one Slack app installed in the workspace: the bot under test.
type App struct {
	// ID, BotID and BotUserID are made up when empty.
	ID, BotID, BotUserID string
	// Name is the bot's handle, without "@".
	Name string
	// BotToken and AppToken are what the bot must present (xoxb-…, xapp-…).
	BotToken, AppToken string
	// Scopes are the granted bot scopes. Empty means DefaultScopes.
	Scopes []string
	// AppScopes are the scopes of the app-level token. Empty means
	// connections:write.
	AppScopes []string
	// Events are the subscribed bot events. Empty means DefaultEvents.
	Events []string
	// Commands are the slash commands the app registered.
	Commands []Command
	// Shortcuts are the global and message shortcuts the app registered.
	Shortcuts []Shortcut
}

// Command is a registered slash command.
type Command struct {
	Command     string `json:"command"` // with its slash
	UsageHint   string `json:"usage_hint"`
	Description string `json:"description"`
	// ShouldEscape turns @name and #channel in the text into ids.
	ShouldEscape bool `json:"-"`
}

// Shortcut is a registered shortcut. Type is "global" or "message".
type Shortcut struct {
	CallbackID  string `json:"callback_id"`
	Name        string `json:"name"`
	Description string `json:"description"`
	Type        string `json:"type"`
}

// DefaultScopes are the bot scopes granted when App.Scopes is empty: those the
// bot's manifest asks for.
func DefaultScopes() []string {
	return []string{
		"app_mentions:read", "bookmarks:read", "bookmarks:write", "channels:history",
		"channels:join", "channels:manage", "channels:read", "chat:write", "commands",
		"files:read", "files:write", "groups:history", "groups:read", "groups:write",
		"im:history", "im:read", "im:write", "mpim:read", "mpim:write", "pins:read",
		"pins:write", "reactions:read", "reactions:write", "team:read",
		"usergroups:read", "users:read",
	}
}

// DefaultEvents are the subscriptions when App.Events is empty: those the bot's manifest
// asks for, and one more.
func DefaultEvents() []string {
	return []string{
		"app_home_opened", "app_mention", "member_joined_channel", "message.channels", "message.groups",
		"pin_added", "pin_removed", "reaction_added", "reaction_removed",
	}
}

func (a *App) has(scope string) bool { return slices.Contains(a.Scopes, scope) }

func (a *App) hasAny(scopes ...string) bool {
	return len(scopes) == 0 || slices.ContainsFunc(scopes, a.has)
}

func (a *App) subscribed(event string) bool { return slices.Contains(a.Events, event) }

func (a *App) command(word string) (Command, bool) {
	i := slices.IndexFunc(a.Commands, func(c Command) bool { return strings.EqualFold(c.Command, word) })
	if i < 0 {
		return Command{}, false
	}
	return a.Commands[i], true
}

func (a *App) shortcut(callbackID string) (Shortcut, bool) {
	i := slices.IndexFunc(a.Shortcuts, func(s Shortcut) bool { return s.CallbackID == callbackID })
	if i < 0 {
		return Shortcut{}, false
	}
	return a.Shortcuts[i], true
}
