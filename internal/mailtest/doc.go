// Package mailtest is a mail server for tests and the demo: it speaks real SMTP with
// STARTTLS and a password, keeps every mail that it takes, and fails in the ways in
// which mail servers fail when it is told to.
//
// It listens on this machine alone, passes nothing on to anybody, and its certificate is
// made anew each time it starts and believed by nobody who was not given it.
package mailtest
