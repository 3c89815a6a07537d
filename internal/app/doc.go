// Package app wires the house by hand, one file for each subsystem: what is
// made of what stands here to be read, without reflection or globals.
//
// It must not decide anything: rules live in the packages that it puts
// together.
package app
