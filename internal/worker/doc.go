// Package worker carries out what was recorded: it takes runs from the queue,
// one lease each, runs their checks, shows how far they are and records how
// they ended. Any replica may carry on what another one began.
//
// It never calls a run passed that was not finished, never writes to a run
// that it has lost, and asks again, before it begins, whether the person who
// asked may still do so.
package worker
