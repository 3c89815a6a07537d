// Package bench measures what docs/benchmarks.md claims: our numbers beside the other side's, in the same run and on the
// same machine, and writes that page. It is built only with the tag "bench" (make bench). It must never turn a number
// into a failure: it fails only where it could not measure, or where what was measured was not the complete and exact
// work. It must never reach a server that it did not start.
package bench
