// Package deploy promises that the files which put the bot into production (SQL for its roles, Kubernetes manifests)
// work as they stand, and that the page of dependencies tells what is shipped: its tests run and compare them. It has
// no code of its own and must never get any.
package deploy
