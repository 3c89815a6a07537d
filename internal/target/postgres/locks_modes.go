package postgres

import (
	"slices"
	"strings"
)

// ownName tells whether an application's name is one that the bot gives to its
// sessions: those of this package, and those of its store.
func ownName(application string) bool {
	return application == ApplicationName || strings.HasPrefix(application, ApplicationName+" ")
}

// conflicts are the lock modes that each mode has to wait for.
// Source: PostgreSQL manual, table 13.2 "Conflicting Lock Modes".
func conflicts(mode string) []string {
	const (
		rowShare        = "RowShareLock"
		rowExclusive    = "RowExclusiveLock"
		updateExclusive = "ShareUpdateExclusiveLock"
		share           = "ShareLock"
		shareExclusive  = "ShareRowExclusiveLock"
		exclusive       = "ExclusiveLock"
		accessExclusive = "AccessExclusiveLock"
	)
	switch mode {
	case "AccessShareLock":
		return []string{accessExclusive}
	case rowShare:
		return []string{exclusive, accessExclusive}
	case rowExclusive:
		return []string{share, shareExclusive, exclusive, accessExclusive}
	case updateExclusive:
		return []string{updateExclusive, share, shareExclusive, exclusive, accessExclusive}
	case share:
		return []string{rowExclusive, updateExclusive, shareExclusive, exclusive, accessExclusive}
	case shareExclusive:
		return []string{rowExclusive, updateExclusive, share, shareExclusive, exclusive, accessExclusive}
	case exclusive:
		return []string{rowShare, rowExclusive, updateExclusive, share, shareExclusive, exclusive, accessExclusive}
	}
	return []string{"AccessShareLock", rowShare, rowExclusive, updateExclusive, share, shareExclusive, exclusive, accessExclusive}
}

// conflicting names the prepared transactions among holders of a lock ("gid
// mode") that somebody who wants it in a mode has to wait for. The server says
// only that there is one.
func conflicting(mode string, holders []string) []string {
	var out []string
	against := conflicts(mode)
	for _, h := range holders {
		i := strings.LastIndexByte(h, ' ')
		if gid := h[:i]; slices.Contains(against, h[i+1:]) && !slices.Contains(out, gid) {
			out = append(out, gid)
		}
	}
	return out
}
