// Package workspace is the workspace simulator: a peer that speaks Slack's
// protocols, for the demo and for tests.
//
// It promises to behave like Slack where a bot can tell the difference: a Web
// API with state, Socket Mode with its clocks, scopes, rate tiers, limits of
// Block Kit, triggers and response URLs that expire, guests and shared
// channels, and the same error names. On top of it come a control API under
// /sim (see sim.go) and a web page, through which a person, or a test, plays
// the part of the people in the workspace; faults can be injected there.
//
// It must never know anything about the bot under test: what reaches the bot
// reaches it through the protocol, and it must never be softer than Slack
// where Slack's limit is known. It keeps everything in memory, listens where it
// is told to and never talks to another host.
//
// The parts, in reading order: options.go and seed.go (what a workspace
// consists of), methods.go and the api_*.go files (Web API), link.go and
// deliver.go (Socket Mode), act.go and the act_*.go files (what people do),
// respond.go (response URLs), sim.go and stream.go (control API).
package workspace
