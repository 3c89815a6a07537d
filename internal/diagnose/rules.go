package diagnose

import "time"

// The times in which cause and effect are looked for together.
const (
	soon  = 30 * time.Minute // after a change
	later = 6 * time.Hour
	hour  = time.Hour
	day   = 24 * time.Hour
	week  = 7 * day
)

// rules are all that is known about what speaks for which cause. Weights are small
// numbers that add up; docs/diagnose.md shows the same table, and a test
// compares the two.
func rules() []rule {
	var all []rule
	for _, of := range [][]rule{eventRules(), raceRules(), cacheRules(), corruptionRules(), changeRules()} {
		all = append(all, of...)
	}
	return all
}

func eventRules() []rule {
	return []rule{
		{cause: FailedEvents, signal: DeadLetters, weight: 6, rows: true, follows: &span{-hour, hour}, says: "{n:dead letter}[ since {first}][, first {after}][; {part} are {name}]; {onset}"},
		{cause: FailedEvents, signal: DeadLetters, weight: 4, says: "{n:dead letter}[ since {first}][, first {after}][; {part} are {name}]"},
		{cause: FailedEvents, signal: Named, weight: 3, share: 0.5, says: "the letters name {n} of the {of} rows of {check}"},
		{cause: FailedEvents, signal: Named, weight: 1, says: "the letters name {n} of the {of} rows of {check}"},
		{cause: FailedEvents, signal: Lag, weight: 2, says: "{says}||{n:partition} behind"},
		{cause: FailedEvents, signal: EventErrors, weight: 1, says: "errors about events in the logs: {says}||{n:log line} with errors about events"},
		{cause: FailedEvents, signal: Unmatched, weight: 1, with: DeadLetters, says: "{n:row} without their counterpart, as lost events leave them ({checks})"},
		{cause: FailedEvents, signal: DeadLetters, weight: -4, none: true, says: "no dead letters"},
		{cause: FailedEvents, signal: DeadLetters, weight: -3, rows: true, follows: &span{-forever, -hour - 1}, always: true, says: "the dead letters began only later: {onset}"},
		{cause: FailedEvents, signal: DeadLetters, weight: -3, rows: true, follows: &span{hour + 1, forever}, always: true, says: "the dead letters are older: {onset}"},
		{cause: FailedEvents, signal: Named, weight: -2, none: true, says: "the letters name none of the {of} rows of {check}"},
		{cause: FailedEvents, signal: Lag, weight: -1, none: true, without: DeadLetters, says: "the consumers keep up"},
	}
}

func raceRules() []rule {
	return []rule{
		{cause: Race, signal: Doubled, weight: 4, without: DeadLetters, says: "{n:row} doubled or out of step with their sums ({checks}), and no dead letter that would explain them"},
		{cause: Race, signal: Doubled, weight: 1, says: "{n:row} doubled or out of step with their sums ({checks})"},
		{cause: Race, signal: Blocked, weight: 3, says: "{says}||{n:blocked session} now"},
		{cause: Race, signal: Writers, weight: 1, says: "{says}||{each} sessions write to the same table at once"},
		{cause: Race, signal: Deadlocks, weight: 2, within: week, says: "{says}||{n:deadlock} since {first}"},
		{cause: Race, signal: Deadlocks, weight: 1, says: "{says}||{n:deadlock} since the database's statistics began[ {first}]"},
		{cause: Race, signal: Conflicting, weight: 2, says: "writes that met each other, in the logs: {says}||{n:log line} about writes that met each other"},
		{cause: Race, signal: Blocked, weight: -1, none: true, says: "no blocked sessions"},
		{cause: Race, signal: Deadlocks, weight: -1, none: true, rows: true, follows: &span{0, forever}, always: true, says: "no deadlocks since {first}"},
		{cause: Race, signal: WholeTable, weight: -4, says: "{part} of {whole} rows of {check} are wrong, more than a race leaves behind"},
	}
}

func cacheRules() []rule {
	return []rule{
		{cause: StaleCache, signal: Stale, weight: 7, without: WrongRows, says: "{n} of {of} cached values differ from their rows ({checks}), and the rows are right"},
		{cause: StaleCache, signal: Stale, weight: 5, says: "{n} of {of} cached values differ from their rows ({checks})"},
		{cause: StaleCache, signal: Expiry, weight: 1, says: "{n} of {of} cached values have an expiry outside of the policy"},
		{cause: StaleCache, signal: Stale, weight: -5, none: true, says: "the cache agrees with its rows in {of} of {of} values"},
		{cause: StaleCache, signal: WrongRows, weight: -1, with: Stale, says: "{n:row} wrong in the database itself, which no cache explains"},
	}
}

func corruptionRules() []rule {
	return []rule{
		{cause: Corruption, signal: Checksums, weight: 9, says: "{says}[, the last {first}]||{n:checksum failure}[, the last {first}]"},
		{cause: Corruption, signal: BrokenKeys, weight: 6, says: "{n:row} against a foreign key that the database believes in"},
		{cause: Corruption, signal: NotValid, weight: 1, says: "{n:foreign key} never validated"},
		{cause: Corruption, signal: WholeTable, weight: 5, says: "{part} of {whole} rows of {check} are wrong, so that something went over the whole table"},
		{cause: Corruption, signal: FailedMoves, weight: 7, rows: true, follows: &span{-skew, day}, says: "{what}[ {first}], {lead}"},
		{cause: Corruption, signal: FailedMoves, weight: 3, with: Trouble, says: "{what}[ {first}]"},
		{cause: Corruption, signal: Migrations, weight: 6, rows: true, follows: &span{-skew, 2 * hour}, says: "{what}[ {first}], {lead}"},
		{cause: Corruption, signal: Migrations, weight: 3, with: WholeTable, says: "{what}[ {first}]"},
		{cause: Corruption, signal: Migrations, weight: 2, rows: true, follows: &span{-skew, day}, says: "{what}[ {first}], {lead}"},
		{cause: Corruption, signal: Ended, weight: 6, says: "no wrong row of {check} is younger than {what}[ {first}]"},
		{cause: Corruption, signal: Checksums, weight: -1, none: true, says: "no checksum failures"},
		{cause: Corruption, signal: BrokenKeys, weight: -1, none: true, says: "all foreign keys hold"},
		{cause: Corruption, signal: Migrations, weight: -1, none: true, without: FailedMoves, says: "no migration"},
	}
}

func changeRules() []rule {
	return []rule{
		{cause: RecentChange, signal: Rollouts, weight: 4, follows: &span{-skew, soon}, says: "{what}[ {first}], {lead}"},
		{cause: RecentChange, signal: Rollouts, weight: 2, follows: &span{-skew, later}, says: "{what}[ {first}], {lead}"},
		{cause: RecentChange, signal: ConfigEdits, weight: 4, follows: &span{-skew, soon}, says: "{what}[ {first}], {lead}"},
		{cause: RecentChange, signal: ConfigEdits, weight: 2, follows: &span{-skew, later}, says: "{what}[ {first}], {lead}"},
		{cause: RecentChange, signal: Scalings, weight: 2, follows: &span{-skew, soon}, says: "{what}[ {first}], {lead}"},
		{cause: RecentChange, signal: Migrations, weight: 2, follows: &span{-skew, 2 * hour}, says: "{what}[ {first}], {lead}"},
		{cause: RecentChange, signal: NewErrors, weight: 2, says: "an error in the logs that began {after}: {says}||{n:log line} of an error that began {after}"},
		{cause: RecentChange, signal: AnyChange, weight: 2, undated: true, within: day, with: Trouble, says: "{what}[ {first}]; since when something is wrong is not known"},
		{cause: RecentChange, signal: AnyChange, weight: -4, none: true, says: "nothing was changed in the time that was looked at"},
		{cause: RecentChange, signal: AnyChange, weight: -4, rows: true, follows: &span{-forever, -skew - 1}, always: true, says: "all changes came later: {onset}"},
	}
}
