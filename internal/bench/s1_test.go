//go:build bench

package bench

import (
	"fmt"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/integritybot/integritybot/internal/pgproc"
	"github.com/integritybot/integritybot/internal/workspace"
)

const (
	alice    = "U0ALICE"
	incident = "C0INCIDENT"
	// command enqueues a job. The target is off, so that the job ends at once: what is measured is our way from the
	// socket to the disk, not the speed of a check.
	command = "/integrity check orphaned-orders"
	// commandsPerSecond and inFlight are the even load and the width of the flood.
	commandsPerSecond = 100
	inFlight          = 64
	slackLimit        = 3 * time.Second
	p99Goal, mostGoal = 100.0, 1000.0 // milliseconds
	floodGoal         = 300.0         // commands a second
)

// measureAcknowledgements is S1: slash commands, acknowledged when their intent and job are committed.
func measureAcknowledgements(t *trial, b *bed) {
	server := startServer(t, pgproc.Options{Durable: true})
	t.Cleanup(server.Stop)
	env := b.store(t, server)
	slack := newWorkspace(t, env)
	bot, _ := b.bot(t, env)
	even, rate := b.load(t, slack)
	dsn := server.DSN("integritybot", pgproc.Superuser)
	sent := int64(even.sent + rate.sent)
	for what, query := range map[string]string{
		"runs": "SELECT count(*) FROM runs", "intents in the audit": "SELECT count(*) FROM audit_events WHERE action = 'check'",
	} {
		if n := ask[int64](t, dsn, query); n < sent {
			t.Fatalf("%d commands were acknowledged and the store has %d %s", sent, n, what)
		}
	}
	bot.stop()
	theirs, theirFlood := noNode, noNode
	if dir := installBolt(t); dir != "" {
		other := newWorkspace(t, map[string]string{})
		peer, _ := startBolt(t, dir, other)
		theirEven, theirRate := b.load(t, other)
		peer.stop()
		theirs, theirFlood = "Bolt for JavaScript that only acks, and commits nothing: "+theirEven.percentiles(), theirRate.rate()
	}
	b.note("S1", "The bot as a process of its own, 2 socket connections, store on the same machine with fsync on; the simulator measures from the "+
		"envelope's way out to the acknowledgement's way in. %d commands at %d/s, then %s with %d in flight. Afterwards the store held a run and "+
		"an audit intent for every acknowledged command. The worker runs the jobs meanwhile; each ends at once, because the target is off.",
		b.commands, commandsPerSecond, b.flood, inFlight)
	prompt := even.late == 0 && even.at(0.99) <= p99Goal && even.at(1) <= mostGoal
	t.measured(row{
		ID: "S1", Work: fmt.Sprintf("slash command → acknowledged, intent and job committed; %s at %d/s", humanize.Comma(int64(b.commands)), commandsPerSecond),
		Ours: even.percentiles(), Theirs: theirs + "; Slack's limit: 3 s", Goal: "p99 ≤ 100 ms, none above 1 s", Met: verdict(prompt),
	})
	t.measured(row{
		ID: "S1", Work: fmt.Sprintf("the same as fast as possible for %s, %d in flight", b.flood, inFlight),
		Ours: rate.rate(), Theirs: theirFlood, Goal: "≥ 300 commands/s", Met: verdict(rate.late == 0 && rate.perSecond() >= floodGoal),
	})
}

// acks are what came back of one load.
type acks struct {
	sent int
	late int // not acknowledged in Slack's 3 s
	ms   []float64
	took time.Duration
}

func (a acks) at(p float64) float64 { return percentile(a.ms, p) }

func (a acks) perSecond() float64 { return float64(len(a.ms)) / a.took.Seconds() }

func (a acks) percentiles() string {
	text := fmt.Sprintf("p50 %s, p99 %s, max %s", millis(a.at(0.5)), millis(a.at(0.99)), millis(a.at(1)))
	if a.late > 0 {
		text += fmt.Sprintf(", %d later than 3 s", a.late)
	}
	return text
}

func (a acks) rate() string {
	return fmt.Sprintf("%s commands/s (%s)", humanize.Comma(int64(a.perSecond())), a.percentiles())
}

// load sends the even load and then the flood.
func (b *bed) load(t *trial, slack *workspace.Workspace) (even, flood acks) {
	t.Helper()
	l := &loader{t: t, slack: slack}
	l.skip()
	tick := time.NewTicker(time.Second / commandsPerSecond)
	for range b.commands {
		<-tick.C
		l.say()
	}
	tick.Stop()
	even = l.finish()
	for end := time.Now().Add(b.flood); time.Now().Before(end); {
		for l.sent-l.answered() < inFlight {
			l.say()
		}
		time.Sleep(200 * time.Microsecond)
		l.read()
	}
	return even, l.finish()
}

// loader sends commands and reads their acknowledgements in the journal.
type loader struct {
	t     *trial
	slack *workspace.Workspace
	last  int // entry of the journal
	began time.Time
	acks
}

func (l *loader) answered() int { return len(l.ms) + l.late }

// skip begins a load: what happened before does not count.
func (l *loader) skip() {
	for _, e := range l.slack.Journal(l.last) {
		l.last = e.N
	}
	l.acks, l.began = acks{}, time.Now()
}

func (l *loader) say() {
	if _, err := l.slack.Say(alice, incident, "", command); err != nil {
		l.t.Fatal(err)
	}
	l.sent++
}

// read takes in what came since the last time.
func (l *loader) read() {
	for _, e := range l.slack.Journal(l.last) {
		l.last = e.N
		switch {
		case e.Violation != "":
			l.t.Fatalf("Slack would not accept this: %s", e.Violation)
		case e.Kind == "envelope" && e.Event == "no_connection":
			l.t.Fatal("there was no connection to send a command on")
		case e.Kind != "ack" || e.Type != "slash_commands":
		case e.Event == "timeout":
			l.late++
		case e.Event == "":
			l.ms = append(l.ms, e.LatencyMS)
		}
	}
}

// finish waits until every command was acknowledged or given up.
func (l *loader) finish() acks {
	for deadline := time.Now().Add(2 * slackLimit); l.answered() < l.sent; l.read() {
		if time.Now().After(deadline) {
			l.t.Fatalf("%d of %d commands were neither acknowledged nor given up", l.sent-l.answered(), l.sent)
		}
		time.Sleep(time.Millisecond)
	}
	l.took = time.Since(l.began)
	out := l.acks
	l.skip()
	return out
}
