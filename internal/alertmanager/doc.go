// Package alertmanager takes the alerts that Prometheus' Alertmanager posts to a
// webhook (its payload version 4), and whatever else sends the same.
//
// It believes nothing that it is sent but the token: it bounds what it reads and how
// long, takes numbers and texts of bounded length out of it, and decides nothing about
// incidents. It says yes only when what was sent is recorded; what cannot be recorded
// is asked for again. No request is refused silently.
package alertmanager
