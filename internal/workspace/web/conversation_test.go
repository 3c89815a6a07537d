package web_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func say(minute int, user, text string) map[string]any {
	return map[string]any{"ts": ts(minute), "user": user, "text": text}
}

func blocksMessage(minute int, blocks ...any) map[string]any {
	for i, one := range blocks {
		if block, isBlock := one.(map[string]any); isBlock && block["block_id"] == nil {
			block["block_id"] = fmt.Sprintf("b%d", i)
		}
	}
	return map[string]any{"ts": ts(minute), "user": "U0BOT", "bot_id": "B0BOT", "text": "fallback", "blocks": blocks}
}

func TestConsecutiveMessagesOfOnePersonAreGrouped(t *testing.T) {
	f := newFake(t)
	f.messages["C0INC"] = []map[string]any{say(0, "U0ALICE", "one"), say(1, "U0ALICE", "two"), say(2, "U0BOB", "three"), say(60, "U0BOB", "an hour later")}
	p := open(t, f, "#/C0INC")
	p.see(id("message-" + ts(60)))
	got := p.eval(`[...document.querySelectorAll('[data-message]')].map((m) => m.querySelector('.author')?.textContent || '-').join(' ')`)
	if want := "Alice Archer - Bob Bell Bob Bell"; got != want {
		t.Errorf("name lines are %q, want %q", got, want)
	}
	if days := p.eval(`document.querySelectorAll('.day').length`); days != "1" {
		t.Errorf("%s day dividers, want 1", days)
	}
}

func TestAMessageShowsAppBadgeEditedPinnedReactionsAndReplies(t *testing.T) {
	f := newFake(t)
	f.messages["C0INC"] = []map[string]any{{
		"ts": ts(0), "user": "U0BOT", "bot_id": "B0BOT", "text": "3 of 5 checks fail", "edited": map[string]any{"ts": ts(1)},
		"reactions": []any{map[string]any{"name": "eyes", "users": []string{"U0ALICE", "U0BOB"}}}, "reply_count": 3, "reply_users": []string{"U0BOT", "U0BOB"}, "latest_reply": ts(2),
	}}
	f.pins["C0INC"] = []string{ts(0)}
	p := open(t, f, "#/C0INC")
	row := id("message-" + ts(0))
	for selector, want := range map[string]string{
		row + " .app-badge": "APP", row + " .edited": " (edited)", row + " .mark-pinned": "Pinned", row + " .thread-count": "3 replies", row + " .reaction.mine": "👀\n2", id("pins"): "1 pinned",
	} {
		if got := p.text(selector); got != want {
			t.Errorf("%s shows %q, want %q", selector, got, want)
		}
	}
	p.click(row + " .reaction")
	want := map[string]any{"as": "U0ALICE", "channel": "C0INC", "ts": ts(0), "name": "eyes", "remove": true}
	if diff := cmp.Diff(want, f.next(t, "react")); diff != "" {
		t.Errorf("taking the reaction back (-want +got):\n%s", diff)
	}
}

func TestEphemeralMessagesSayWhoSeesThem(t *testing.T) {
	f := newFake(t)
	f.messages["C0INC"] = []map[string]any{{"ts": ts(0), "user": "U0BOT", "bot_id": "B0BOT", "text": "There is no check called `ordres`.", "is_ephemeral": true}}
	p := open(t, f, "#/C0INC")
	if got := p.text(id("ephemeral") + " .mark"); got != "Only visible to you" {
		t.Errorf("the mark says %q", got)
	}
}

func TestTheThreadOpensBesideTheChannelAndEscapeClosesIt(t *testing.T) {
	f := newFake(t)
	parent := say(0, "U0BOT", "Orders: 3 of 5 checks fail")
	parent["reply_count"], parent["reply_users"] = 2, []string{"U0BOT"}
	f.messages["C0INC"] = []map[string]any{parent}
	f.threads["C0INC/"+ts(0)] = []map[string]any{parent, say(1, "U0BOT", "Orphaned orders: 30"), say(2, "U0BOB", "looking")}
	p := open(t, f, "#/C0INC")
	p.click(id("replies-" + ts(0)))
	p.see(id("thread") + " " + id("message-"+ts(2)))
	if got := p.eval(`location.hash`); got != "#/C0INC/thread/"+ts(0) {
		t.Errorf("the address is %q", got)
	}
	if got := p.text(id("thread") + " .replies-line"); got != "2 replies" {
		t.Errorf("the divider says %q", got)
	}
	p.until("focus in the thread's box", `document.activeElement.dataset.testid === 'thread-composer'`)
	p.press("\x1b")
	p.gone(id("thread"))
}

func TestSlashCommandsAreExplainedInThreads(t *testing.T) {
	f := newFake(t)
	parent := say(0, "U0BOT", "Orders")
	f.messages["C0INC"] = []map[string]any{parent}
	f.threads["C0INC/"+ts(0)] = []map[string]any{parent}
	p := open(t, f, "#/C0INC/thread/"+ts(0))
	p.click(id("thread-composer"))
	p.typing("/integrity check orders")
	p.see(id("slash-in-thread"))
	p.enter()
	f.none(t, "say")
	p.click(id("slash-in-thread") + " button")
	p.enter()
	want := map[string]any{"as": "U0ALICE", "channel": "C0INC", "thread_ts": ts(0), "text": "@integrity check orders"}
	if diff := cmp.Diff(want, f.next(t, "say")); diff != "" {
		t.Errorf("the mention instead (-want +got):\n%s", diff)
	}
}

func TestNewMessagesArriveLiveAndAreSpoken(t *testing.T) {
	f := newFake(t)
	f.messages["C0INC"] = []map[string]any{say(0, "U0BOB", "hello")}
	p := open(t, f, "#/C0INC")
	p.see(id("message-" + ts(0)))
	f.add("C0INC", say(1, "U0BOB", "still *here*"))
	p.see(id("message-" + ts(1)))
	p.until("the live region", `document.querySelector('[data-testid=live]').textContent === 'Bob Bell: still here'`)
	f.add("C0SEC", say(1, "U0BOB", "elsewhere"))
	if got := p.text(id("channel-payments-core") + " .unread-count"); got != "1" {
		t.Errorf("unread mark %q, want 1", got)
	}
}

func TestScrollStaysAtTheBottomOnlyIfItWasThere(t *testing.T) {
	f := newFake(t)
	for i := range 60 {
		f.messages["C0INC"] = append(f.messages["C0INC"], say(i*6, "U0BOB", fmt.Sprintf("line %d", i)))
	}
	p := open(t, f, "#/C0INC")
	atEnd := `(() => { const s = document.querySelector('.list-scroll'); return s.scrollHeight > s.clientHeight && s.scrollHeight - s.scrollTop - s.clientHeight < 4; })()`
	p.until("at the bottom at first", atEnd)
	f.add("C0INC", say(500, "U0BOB", "new at the bottom"))
	p.see(id("message-" + ts(500)))
	p.until("still at the bottom", atEnd)
	p.eval(`document.querySelector('.list-scroll').scrollTop = 10`)
	p.until("scrolled up", `document.querySelector('.list-scroll').scrollTop === 10`)
	p.eval(`new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))`)
	f.add("C0INC", say(510, "U0BOB", "new below"))
	p.see(id("new-messages"))
	if got := p.eval(`document.querySelector('.list-scroll').scrollTop`); got != "10" {
		t.Errorf("the list jumped to %s while somebody was reading above", got)
	}
	p.click(id("new-messages"))
	p.until("the pill leads to the bottom", atEnd)
	p.gone(id("new-messages"))
}

func TestALostConnectionIsShownAndMissedMessagesAreFetched(t *testing.T) {
	f := newFake(t)
	f.messages["C0INC"] = []map[string]any{say(0, "U0BOB", "hello")}
	p := open(t, f, "#/C0INC")
	p.see(id("message-" + ts(0)))
	f.cut()
	p.see(id("reconnecting"))
	f.add("C0INC", say(1, "U0BOB", "said meanwhile"))
	f.mend()
	p.gone(id("reconnecting"))
	p.see(id("message-" + ts(1)))
}

func TestThePersonSwitchReloadsEverythingForThatPerson(t *testing.T) {
	f := newFake(t)
	p := open(t, f, "?as=U0ALICE#/C0INC")
	p.eval(`(() => { const s = document.querySelector('[data-testid=person-switch]'); s.value = 'U0BOB'; s.dispatchEvent(new Event('change', {bubbles: true})); })()`)
	p.until("the address carries the person", `new URLSearchParams(location.search).get('as') === 'U0BOB'`)
	p.click(id("composer"))
	p.typing("hi")
	p.enter()
	if got := f.next(t, "say")["as"]; got != "U0BOB" {
		t.Errorf("said as %v, want U0BOB", got)
	}
}
