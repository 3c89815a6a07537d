package pgtest

import (
	"flag"
	"fmt"
	"strconv"
)

// AtOnce has n parallel tests of this binary run at once unless the command line says how many (-parallel). Go's own
// choice, one for each core, suits tests that compute; tests that mostly wait, for time-outs or for Slack's rate limits,
// leave the cores idle. To be called before [Main].
func AtOnce(n int) {
	if err := flag.Set("test.parallel", strconv.Itoa(n)); err != nil {
		panic(fmt.Sprintf("pgtest: go test has another name for how many tests run at once: %v", err))
	}
}
