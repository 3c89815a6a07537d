//go:build peers

package kubetest

const slowPeers = true
