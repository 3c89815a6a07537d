package store

// DSN tells tests which database a store is on.
func DSN(s *Store) string { return s.opts.DSN }
