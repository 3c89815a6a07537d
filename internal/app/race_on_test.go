//go:build race

package app_test

// raceDetector says that this binary, and so each replica, carries the race
// detector, whose shadow of the memory is several times its size.
const raceDetector = true
