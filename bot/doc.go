// Package bot is the Slack edge and the only importer of slack-go besides the
// workspace simulator: it receives envelopes over Socket Mode, turns slash
// commands, mentions, clicks, shortcuts and modals into commands.Request, and
// renders and sends what the bot has to say.
//
// It never acknowledges what is not recorded, never exceeds a limit of Block
// Kit, never posts one message twice, and never lets foreign text mention,
// link or format anything.
//
// In reading order: options.go and bot.go (what it needs, how it is put
// together); socket.go, slot.go, link.go and receive.go (Socket Mode);
// dispatch.go with slash.go, mention.go, interaction.go, picker.go, ask.go and
// home.go (envelopes to requests); directory.go, memo.go and shelf.go (who asks, and
// where); render.go, part.go, table.go, element.go, escape.go and pages.go
// (messages to blocks); outbox.go, post.go, deliver.go, file.go, upload.go and
// find.go (the queue's deliveries); manifest.go (the Slack app).
package bot
