//go:build !peers

package kubetest

const slowPeers = false
