package store

// DSN tells tests which database a store is on.
func DSN(s *Store) string { return s.opts.DSN }

// VerifyIn lets a test look at a log that it has tampered with and not committed.
var VerifyIn = verifyIn
