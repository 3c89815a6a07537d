package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// tailBytes is how much of a log is shown in an error.
const tailBytes = 4096

// ErrEnded means that a program ended before it was ready.
var ErrEnded = errors.New("it ended while starting")

// Await tries until it works, the program ends ([ErrEnded]), or the context does; then the error has the last one.
func (p *Process) Await(ctx context.Context, every time.Duration, try func(context.Context) error) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	var last error
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() == nil || last == nil { // that time was up tells nothing
			last = err
		}
		select {
		case <-p.done:
			return ErrEnded
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ctx.Err(), last)
		case <-tick.C:
		}
	}
}

// Log is what the program has written, or why that cannot be read.
func (p *Process) Log() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return "its log cannot be read: " + err.Error()
	}
	return strings.TrimSpace(string(text))
}

// Explain adds to an error what the program said last.
func (p *Process) Explain(err error) error {
	said := p.Log()
	return fmt.Errorf("%w; it said: %s", err, said[max(0, len(said)-tailBytes):])
}
