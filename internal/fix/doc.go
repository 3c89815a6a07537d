// Package fix is the contract of every repair, whatever the target: a plan that
// is frozen before anybody decides, the states it may pass through, who may let
// it pass, and what an apply must promise. It imports no driver.
//
// A plan changes nothing by being made. It is carried out as it was previewed or
// not at all: its content is hashed, the hash is decided upon, and what changed
// since is skipped and said. Whoever asked for a plan can never be the second
// person who approves it.
package fix
