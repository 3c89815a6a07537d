package web_test

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"
)

func composerValue(p *tab) string {
	p.t.Helper()
	return p.eval(`document.querySelector('[data-testid=composer]').value`)
}

func TestASlashCompletesCommandsAndShowsTheirUsage(t *testing.T) {
	f := newFake(t)
	p := open(t, f, "#/C0INC")
	p.click(id("composer"))
	p.typing("/")
	if got := p.text(id("completion")); !contains(got, "/integrity", "check [all | domain | check] | help", "Check data, see what is wrong, fix it") {
		t.Errorf("the menu shows:\n%s", got)
	}
	p.shot("completion")
	p.typing("int")
	p.enter()
	p.until("the command is taken, not sent", `document.querySelector('[data-testid=composer]').value === '/integrity '`)
	f.none(t, "say")
	p.see(id("usage"))
	p.typing("check orders")
	p.shot("usage")
	p.enter()
	want := map[string]any{"as": "U0ALICE", "channel": "C0INC", "text": "/integrity check orders"}
	if diff := cmp.Diff(want, f.next(t, "say")); diff != "" {
		t.Errorf("what was said (-want +got):\n%s", diff)
	}
	p.until("the box is empty", `document.querySelector('[data-testid=composer]').value === ''`)
	p.press(kb.ArrowUp)
	p.until("ArrowUp brings it back", `document.querySelector('[data-testid=composer]').value === '/integrity check orders'`)
}

func TestAnAtCompletesPeople(t *testing.T) {
	f := newFake(t)
	p := open(t, f, "#/C0INC")
	p.click(id("composer"))
	p.typing("hey @bo")
	p.see(id("completion"))
	p.press(kb.Tab)
	p.until("the name is taken", `document.querySelector('[data-testid=composer]').value === 'hey @bob '`)
	p.typing("@")
	p.press(kb.ArrowDown)
	p.until("the second is current", `document.querySelectorAll('.completion-item')[1].getAttribute('aria-selected') === 'true'`)
	p.press(kb.Escape)
	p.gone(id("completion"))
}

func TestShiftEnterBreaksTheLineAndEnterSends(t *testing.T) {
	f := newFake(t)
	p := open(t, f, "#/C0INC")
	p.click(id("composer"))
	p.typing("one")
	p.enter(chromedp.ModifierShift)
	p.typing("two")
	p.until("two lines", `document.querySelector('[data-testid=composer]').value === 'one\ntwo'`)
	p.enter()
	if got := f.next(t, "say")["text"]; got != "one\ntwo" {
		t.Errorf("said %q", got)
	}
}

func TestARefusedLineComesBackWithTheReason(t *testing.T) {
	f := newFake(t)
	f.refuse["say"] = map[string]any{"ok": false, "error": "unknown_command", "message": "/integrty is not a valid command."}
	p := open(t, f, "#/C0INC")
	p.click(id("composer"))
	p.typing("/integrty help")
	p.enter()
	if got := p.text(id("composer-error")); got != "/integrty is not a valid command." {
		t.Errorf("the reason is %q", got)
	}
	if got := composerValue(p); got != "/integrty help" {
		t.Errorf("the box holds %q", got)
	}
}

func TestSuggestionsFillTheBox(t *testing.T) {
	f := newFake(t)
	p := open(t, f, "#/home")
	p.click(id("try-1"))
	p.until("the box holds the suggestion", `document.querySelector('[data-testid=composer]')?.value === '/integrity check orders'`)
	p.until("and has the focus", `document.activeElement.dataset.testid === 'composer'`)
	p.enter()
	if got := f.next(t, "say")["text"]; got != "/integrity check orders" {
		t.Errorf("said %q", got)
	}
}
