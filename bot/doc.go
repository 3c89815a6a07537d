// Package bot is the Slack edge and the only importer of slack-go besides the
// workspace simulator: it receives envelopes over Socket Mode, turns slash
// commands, mentions, clicks, shortcuts and modals into commands.Request, and
// renders and sends what the bot has to say.
//
// It never acknowledges what is not recorded, never exceeds a limit of Block
// Kit, never posts one message twice, and never lets foreign text mention,
// link or format anything.
package bot
