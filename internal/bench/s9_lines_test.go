//go:build bench

package bench

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

const (
	// errorWords are what lines of errors hold, in RE2 and in grep -E alike, whatever their case: the runbook's words and
	// what frameworks call an error.
	errorWords = `inconsisten|mismatch|duplicate|constraint|reconciliation failed|error|exception|panic|fatal`
	// texts is how many different lines there are; each pod writes them in an order of its own.
	texts = 20_000
	// errorIn is of how many lines one tells of an error: 2 %.
	errorIn = 50
	// written is since when the pods have written, and asked how far back both sides read.
	written = 30 * time.Minute
	asked   = time.Hour
)

// mistakes are the kinds of error, each with a word that no other line holds.
func mistakes() []string {
	return []string{"NullPointerException", "customers_email_key", "StockService", "PaymentClient", "ConnectionPool"}
}

// spoken is a line and the kind of error that it tells of; empty: none. Lines of a kind differ in numbers and ids.
func spoken(n int) (text, kind string) {
	at := fmt.Sprintf("2026-11-21 10:%02d:%02d,%03d", n/1000%60, n/100%60, n%1000)
	if n%errorIn != 0 {
		return fmt.Sprintf("%s INFO  [nio-%d] c.e.shop.CheckoutService : order o%d placed for customer %d in %d ms", at, n%16, n*7, n*3, n%97), ""
	}
	which := n / errorIn % len(mistakes())
	kind = mistakes()[which]
	switch which {
	case 0:
		return fmt.Sprintf("%s ERROR [nio-%d] c.e.shop.OrderEventHandler : java.lang.%s: order o%d has no customer", at, n%16, kind, n), kind
	case 1:
		return fmt.Sprintf(`{"time":%q,"level":"error","trace":"%032x","msg":"Duplicate key value %d","error":"violates unique constraint \"%s\""}`, at, n, n, kind), kind
	case 2:
		return fmt.Sprintf("%s WARN  [nio-%d] c.e.shop.%s : mismatch of product p%d: %d counted, %d moved", at, n%16, kind, n, n%90, n%80), kind
	case 3:
		return fmt.Sprintf("%s ERROR [nio-%d] c.e.shop.%s : request %08x-0000-4000-8000-%012x failed after %d ms", at, n%16, kind, n, n, n), kind
	default:
		return fmt.Sprintf("%s FATAL [nio-%d] c.e.shop.%s : 10.0.%d.%d answers inconsistently", at, n%16, kind, n%9, n%250), kind
	}
}

// spokenBy tells which of the texts line i of a pod is.
func spokenBy(pod, i int) int { return (pod*7919 + i) % texts }

// mistakesOf counts how many lines there are to be found, by kind.
func mistakesOf(pods, lines int) map[string]int64 {
	kinds := make([]string, texts)
	for n := range kinds {
		_, kinds[n] = spoken(n)
	}
	count := map[string]int64{}
	for pod := range pods {
		for i := range lines {
			if kind := kinds[spokenBy(pod, i)]; kind != "" {
				count[kind]++
			}
		}
	}
	return count
}

func TestMistakesAreWhatTheWordsFind(t *testing.T) {
	words := strings.Split(errorWords, "|")
	count := map[string]int64{}
	for n := range texts {
		text, kind := spoken(n)
		found := false
		for _, word := range words {
			found = found || strings.Contains(strings.ToLower(text), word)
		}
		if found != (kind != "") || kind != "" && !strings.Contains(text, kind) {
			t.Fatalf("line %d, of kind %q: %s", n, kind, text)
		}
		if kind != "" {
			count[kind]++
		}
	}
	if len(count) != len(mistakes()) {
		t.Errorf("the kinds are %v", count)
	}
	for kind, n := range mistakesOf(3, texts) {
		if n != 3*count[kind] {
			t.Errorf("%s: %d lines of three pods, %d of one", kind, n, count[kind])
		}
	}
}
