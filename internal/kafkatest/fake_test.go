//go:build !peers

package kafkatest

import "testing"

// mainOrVictim: only Apache Kafka has a process that could be left behind.
func mainOrVictim(m *testing.M) { Main(m) }
