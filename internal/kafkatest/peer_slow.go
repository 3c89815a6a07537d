//go:build peers

package kafkatest

const slowPeers = true
