// Package incidents says what an incident is and how it moves: who leads it, what
// it is called, what people are told and when they are told again, what is still
// to be done, and when it may end.
//
// It decides and words; it never does I/O, asks for the time or sends anything. An
// incident moves only by a Change, which is written together with its audit events
// or not at all. No row data ever come into it: checks and repairs are known here by
// their names, numbers and times.
package incidents
