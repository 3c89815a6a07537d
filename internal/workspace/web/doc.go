// Package web holds the workspace simulator's page: it must show what a person
// in Slack would see, and let that person do what they could do there. It must
// never turn foreign text into markup, run anything that is not its own, or
// need a build step, a network or a package registry: the files under page/ are
// served as they are.
//
// The page speaks only the simulator's control API (/sim, Server-Sent Events at
// /sim/events). Its modules are plain ES modules, one idea per file; page/js/main.js
// starts, page/js/app.js is the whole page. Preact, its hooks and htm are vendored
// unchanged under page/vendor, the Lato fonts under page/fonts, each beside its
// licence.
//
// # Addresses
//
//	/#/C123                 a channel
//	/#/C123/thread/<ts>     a channel with a thread open
//	/#/home                 the app's Home tab
//	?as=U123                the person one is typing as   (before or inside the hash)
//	?theme=dark|light       the theme                      (before or inside the hash)
//
// # Keys
//
// Ctrl/Cmd+K jumps; F6 walks the panes; arrow keys walk messages, menus and
// suggestions; t opens the thread of the focused message, p pins it; Escape closes
// what opened last; Enter sends, Shift+Enter breaks the line, ArrowUp in an empty
// box brings back what was sent.
//
// # Stable names
//
// Tests and screenshots find things by data-testid:
//
//	person-switch, bot-status, theme-toggle, faults, fault-menu, fault-<kind>,
//	faults-clear, try-1 … try-3                      the simulator's own bar
//	channel-<name>, app-home, open-switcher, switcher, switcher-input
//	channel-title, pins, bookmarks                   the header
//	message-<ts>                                     a row; inside it one of
//	message, ephemeral                               the message itself
//	replies-<ts>, message-more, editor, editor-save, new-messages
//	thread, thread-close, thread-composer
//	join, composer, send, completion, usage, composer-error, slash-in-thread,
//	shortcuts, shortcut-<callback_id>
//	button-<action_id>, select-<action_id>, option-<value>, overflow-<action_id>,
//	element-<action_id>, table, unknown-block
//	modal, modal-title, modal-submit, modal-close, modal-x, input-<block_id>,
//	error-<block_id>
//	confirm-dialog, confirm-yes, confirm-no
//	file-<id>, file-viewer, csv-table, file-download, file-close
//	home, reconnecting, toast, live
//
// The package's tests drive a headless Chromium against a fake of the control API
// and against the simulator itself; with -screenshots=FOLDER they keep
// pictures there.
package web
