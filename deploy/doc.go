// Package deploy promises that the files which put the bot into production (SQL for its roles, Kubernetes manifests)
// work as they stand: its tests run them. It has no code of its own and must never get any.
package deploy
