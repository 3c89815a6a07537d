// Package store keeps what the bot must not forget in its own Postgres: what
// was asked, what was done (the audit log), runs and how far they are, incidents
// and who was told of them, and what has to be said in Slack. What belongs together
// is committed together, and jobs are enqueued in the same transaction as the reason
// for them.
//
// It never acknowledges what is not committed, never changes or removes an
// audit event, and never lets a process write to a run or send a message that
// another one has taken over.
package store
