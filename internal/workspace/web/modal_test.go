package web_test

import (
	"testing"

	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"
)

// openModal shows a view as the app would.
func openModal(f *fake, views ...map[string]any) {
	f.set(func() { f.views = views })
	f.emit(map[string]any{"type": "view_opened"})
}

func TestAModalChecksCollectsAndSubmits(t *testing.T) {
	f := newFake(t)
	f.onPost["views/V0PICK/submit"] = func(map[string]any) { f.set(func() { f.views = nil }) }
	p := open(t, f, "#/C0INC")
	openModal(f, pickCheckView())
	p.see(id("modal"))
	p.click(id("modal-submit"))
	if got := p.text(id("error-check")); got != "Please complete this required field." {
		t.Errorf("the missing field says %q", got)
	}
	f.none(t, "views/V0PICK/submit")
	p.click(id("select-name"))
	p.typing("tot")
	p.enter()
	p.click(id("element-text"))
	p.typing("3d")
	p.click(id("input-how") + " .choice")
	p.click(id("modal-submit"))
	want := map[string]any{"as": "U0ALICE", "values": map[string]any{
		"check": map[string]any{"name": map[string]any{"type": "static_select", "selected_option": map[string]any{"value": "totals", "text": plain("Order totals")}}},
		"since": map[string]any{"text": map[string]any{"type": "plain_text_input", "value": "3d"}},
		"how":   map[string]any{"flags": map[string]any{"type": "checkboxes", "selected_options": []any{map[string]any{"value": "full", "text": plain("Full speed")}}}},
		"where": map[string]any{"channel": map[string]any{"type": "conversations_select", "selected_conversation": "C0INC"}},
	}}
	if diff := cmp.Diff(want, f.next(t, "views/V0PICK/submit")); diff != "" {
		t.Errorf("the submission (-want +got):\n%s", diff)
	}
	p.gone(id("modal"))
}

func TestTheAppsErrorsStandAtTheirBlocksAndKeepTheEntries(t *testing.T) {
	f := newFake(t)
	f.refuse["views/V0PICK/submit"] = map[string]any{"ok": false, "errors": map[string]any{"since": "Write a time such as 2h."}}
	p := open(t, f, "#/C0INC")
	openModal(f, pickCheckView())
	p.click(id("select-name"))
	p.enter()
	p.click(id("element-text"))
	p.typing("soon")
	p.enter() // Enter in a field submits, as a form does
	if got := p.text(id("error-since")); got != "Write a time such as 2h." {
		t.Errorf("the error says %q", got)
	}
	if got := p.eval(`document.querySelector('[data-testid=element-text]').value`); got != "soon" {
		t.Errorf("the entry became %q", got)
	}
}

func TestModalsStackAndEscapeClosesTheTopOne(t *testing.T) {
	second := map[string]any{"id": "V0TWO", "type": "modal", "title": plain("Are you sure?"), "close": plain("Back"), "blocks": []any{section("Second step")}}
	f := newFake(t)
	f.onPost["views/V0TWO/close"] = func(map[string]any) { f.set(func() { f.views = f.views[:1] }) }
	p := open(t, f, "#/C0INC")
	openModal(f, pickCheckView(), second)
	p.until("the second is on top", `document.querySelector('[data-testid=modal-title]')?.textContent === 'Are you sure?'`)
	p.press(kb.Escape)
	if got := f.next(t, "views/V0TWO/close")["as"]; got != "U0ALICE" {
		t.Errorf("closed as %v", got)
	}
	p.until("the first shows again", `document.querySelector('[data-testid=modal-title]')?.textContent === 'Run a check'`)
}

func TestAnUpdatedViewKeepsWhatWasEntered(t *testing.T) {
	f := newFake(t)
	p := open(t, f, "#/C0INC")
	openModal(f, pickCheckView())
	p.click(id("element-text"))
	p.typing("2h")
	updated := pickCheckView()
	updated["hash"], updated["title"] = "2", plain("Run two checks")
	f.set(func() { f.views = []map[string]any{updated} })
	f.emit(map[string]any{"type": "view_updated"})
	p.until("the new title", `document.querySelector('[data-testid=modal-title]')?.textContent === 'Run two checks'`)
	if got := p.eval(`document.querySelector('[data-testid=element-text]').value`); got != "2h" {
		t.Errorf("the entry became %q", got)
	}
}

func TestTheHomeTabShowsTheAppsViewAndSendsItsClicks(t *testing.T) {
	f := newFake(t)
	furnish(f)
	p := open(t, f, "#/home")
	if got := p.text(id("home") + " .header-block"); got != "Data health of production/shop" {
		t.Errorf("the heading is %q", got)
	}
	p.click(id("button-check_all"))
	want := map[string]any{"as": "U0ALICE", "view_id": "V0HOME", "block_id": "acts", "action_id": "check_all", "value": "R-1042"}
	if diff := cmp.Diff(want, f.next(t, "click")); diff != "" {
		t.Errorf("the click (-want +got):\n%s", diff)
	}
}

func TestAPublishedHomeTabIsShownWithoutOpeningItAgain(t *testing.T) {
	f := newFake(t)
	p := open(t, f, "#/home")
	p.until("nothing published yet", `document.querySelector('[data-testid=home]').innerText.includes('has not published anything')`)
	f.emit(map[string]any{"type": "home", "view": map[string]any{"id": "V0NEW", "type": "home", "blocks": []any{section("Fresh")}}})
	p.until("the new view", `document.querySelector('[data-testid=home]').innerText.includes('Fresh')`)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.homeOpened != 1 {
		t.Errorf("the page opened the Home tab %d times; an app that publishes on every opening would loop", f.homeOpened)
	}
}
