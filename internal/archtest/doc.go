// Package archtest keeps the house as it is drawn: who may import whom, a
// promise at the head of every package, and no path in the docs that does not
// exist. It holds tests only.
package archtest
