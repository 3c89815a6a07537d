// Package cluster is a Kubernetes API server and the controllers behind it, in this process and spoken to over HTTP by
// the real client-go: for the demo, where it is what the bot's questions and writes go to, and for fast tests. It is a
// peer and not a mock: what a client does is judged as Kubernetes judges it, and internal/kubetest certifies it by
// running the same scenarios here and against a real kube-apiserver.
//
// It promises what the product's safety stands on: one counter of resource versions and 409 for a stale one; a dry run
// that validates, asks admission and stores nothing; managed fields computed by the code that Kubernetes itself uses;
// permissions checked before everything else; controllers that act after the answer, as real ones do.
//
// It must never listen anywhere but on loopback, know anything of the product, or be friendlier than the real one:
// what it does not have is 404 or 405, and never an empty success.
package cluster
