package web_test

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"
)

func TestAClickWithConfirmAsksFirstAndThenTellsTheApp(t *testing.T) {
	f := newFake(t)
	furnish(f)
	p := open(t, f, "#/C0INC")
	p.click(id("button-confirm"))
	if got := p.text(id("confirm-dialog")); !contains(got, "Change the data?", "Change 30 orders and 118 dependent rows in production/shop?", "Not now", "Yes, change them") {
		t.Errorf("the dialog shows:\n%s", got)
	}
	p.click(id("confirm-no"))
	p.gone(id("confirm-dialog"))
	f.none(t, "click")
	p.click(id("button-confirm"))
	p.click(id("confirm-yes"))
	p.gone(id("confirm-dialog"))
	want := map[string]any{"as": "U0ALICE", "channel": "C0INC", "ts": ts(22), "block_id": "acts", "action_id": "confirm", "value": "R-1042"}
	if diff := cmp.Diff(want, f.next(t, "click")); diff != "" {
		t.Errorf("the click (-want +got):\n%s", diff)
	}
	p.see(id("button-confirm") + "[aria-busy=true] .spinner")
	f.emit(map[string]any{"type": "message_changed", "channel": "C0INC", "ts": ts(22)})
	p.gone(id("button-confirm") + "[aria-busy=true]")
}

func TestTheSpinnerEndsAfterThreeSecondsWithoutAnAnswer(t *testing.T) {
	f := newFake(t)
	furnish(f)
	p := open(t, f, "#/C0INC")
	p.click(id("button-diagnose"))
	f.next(t, "click")
	p.see(id("button-diagnose") + "[aria-busy=true]")
	began := time.Now()
	p.gone(id("button-diagnose") + "[aria-busy=true]")
	if waited := time.Since(began); waited > 5*time.Second {
		t.Errorf("the spinner ended after %s, want about 3 s", waited)
	}
}

func TestARefusedClickSaysWhyAtTheButton(t *testing.T) {
	f := newFake(t)
	furnish(f)
	f.refuse["click"] = map[string]any{"ok": false, "error": "no_socket", "message": "The app is not connected."}
	p := open(t, f, "#/C0INC")
	p.click(id("button-again"))
	p.see(id("button-again") + " .button-refused")
	if got := p.text(id("toast")); got != "The app is not connected." {
		t.Errorf("the toast says %q", got)
	}
}

// elements is a message with every interactive element of messages.
func elements() map[string]any {
	options := []any{option("a", "Alpha"), option("b", "Beta"), option("c", "Gamma")}
	element := func(kind, action string) map[string]any {
		return map[string]any{"type": kind, "action_id": action, "placeholder": plain("Choose")}
	}
	static, multi, overflow, boxes, radio := element("static_select", "static"), element("multi_static_select", "multi"), element("overflow", "more"), element("checkboxes", "boxes"), element("radio_buttons", "radio")
	for _, one := range []map[string]any{static, multi, overflow, boxes, radio} {
		one["options"] = options
	}
	multi["max_selected_items"] = 2
	return blocksMessage(30, actions(static, multi, element("users_select", "person"), element("channels_select", "channel"), element("conversations_select", "place"),
		overflow, boxes, radio, element("datepicker", "day"), element("timepicker", "hour")))
}

func TestEveryElementSendsWhatSlackWouldSend(t *testing.T) {
	alpha := map[string]any{"value": "a", "text": plain("Alpha")}
	beta := map[string]any{"value": "b", "text": plain("Beta")}
	change := func(selector, value string) string {
		return `(() => { const e = document.querySelector('` + selector + `'); e.value = '` + value + `'; e.dispatchEvent(new Event('change', {bubbles: true})); })()`
	}
	f := newFake(t)
	f.messages["C0INC"] = []map[string]any{elements()}
	p := open(t, f, "#/C0INC")
	for _, row := range []struct {
		name  string
		use   func()
		field string
		want  any
	}{
		{"static select", func() { p.click(id("select-static")); p.click(id("option-b")) }, "selected_option", beta},
		{"multi select, first", func() { p.click(id("select-multi")); p.click(id("option-a")) }, "selected_options", []any{alpha}},
		{"multi select, second", func() { p.click(id("option-b")) }, "selected_options", []any{alpha, beta}},
		{"person", func() { p.press(kb.Escape); p.click(id("select-person")); p.typing("bob"); p.enter() }, "selected_user", "U0BOB"},
		{"channel", func() { p.click(id("select-channel")); p.click(id("option-C0GEN")) }, "selected_channel", "C0GEN"},
		{"conversation", func() { p.click(id("select-place")); p.typing("payments"); p.enter() }, "selected_conversation", "C0SEC"},
		{"overflow", func() { p.click(id("overflow-more")); p.press(kb.ArrowDown); p.enter() }, "selected_option", beta},
		{"checkbox", func() { p.click(`.choices[role=group] .choice`) }, "selected_options", []any{alpha}},
		{"radio", func() { p.click(`.choices[role=radiogroup] .choice:nth-child(2)`) }, "selected_option", beta},
		{"date", func() { p.eval(change(id("element-day"), "2026-11-21")) }, "selected_date", "2026-11-21"},
		{"time", func() { p.eval(change(id("element-hour"), "09:30")) }, "selected_time", "09:30"},
	} {
		row.use()
		got := f.next(t, "click")
		if diff := cmp.Diff(row.want, got[row.field]); diff != "" {
			t.Errorf("%s: %s (-want +got):\n%s", row.name, row.field, diff)
		}
	}
}

func TestEverythingWorksFromTheKeyboard(t *testing.T) {
	f := newFake(t)
	furnish(f)
	p := open(t, f, "#/C0GEN")
	p.press("k", chromedp.KeyModifiers(chromedp.ModifierCtrl))
	p.see(id("switcher"))
	p.typing("inc")
	p.enter()
	p.until("the channel changed", `location.hash === '#/C0INC'`)
	p.until("its box has the focus", `document.activeElement.dataset.testid === 'composer'`)

	// From the last message's row to its button, through the confirm dialog.
	p.see(id("message-" + ts(22)))
	p.until("a message takes the focus", `(m => m && (m.focus(), document.activeElement === m))(document.querySelector('[data-message][tabindex="0"]'))`)
	p.press(kb.ArrowUp)
	p.press(kb.ArrowUp)
	p.until("arrows walk messages", `document.activeElement.closest('[role=listitem]').dataset.testid === 'message-`+ts(12)+`'`)
	p.typing("t")
	p.see(id("thread") + " " + id("table"))
	p.press(kb.Escape)
	p.gone(id("thread"))
	p.until("a message takes the focus", `(m => m && (m.focus(), document.activeElement === m))(document.querySelector('[data-message][tabindex="0"]'))`)
	p.press(kb.Tab)
	p.until("Tab reaches the button", `document.activeElement.dataset.testid === 'button-confirm'`)
	p.enter()
	p.until("the dialog takes the focus", `document.activeElement.dataset.testid === 'confirm-yes'`)
	p.press(kb.Tab)
	p.until("Tab stays in the dialog", `document.activeElement.dataset.testid === 'confirm-no'`)
	p.press(kb.Tab)
	p.until("and comes round", `document.activeElement.dataset.testid === 'confirm-yes'`)
	p.enter()
	if got := f.next(t, "click")["action_id"]; got != "confirm" {
		t.Errorf("clicked %v", got)
	}
	p.until("focus went back", `document.activeElement.dataset.testid === 'button-confirm'`)
}

func TestAShortcutFromTheMenuOfAMessage(t *testing.T) {
	f := newFake(t)
	furnish(f)
	p := open(t, f, "#/C0INC")
	p.see(id("message-" + ts(22)))
	p.run(chromedp.ScrollIntoView(chromedp.CSS(id("message-" + ts(22)))))
	p.eval(`document.querySelector('[data-testid="message-` + ts(22) + `"] [data-message]').focus()`)
	p.click(id("message-"+ts(22)) + " " + id("message-more"))
	p.enter()
	want := map[string]any{"as": "U0ALICE", "callback_id": "explain", "channel": "C0INC", "ts": ts(22)}
	if diff := cmp.Diff(want, f.next(t, "shortcut")); diff != "" {
		t.Errorf("the shortcut (-want +got):\n%s", diff)
	}
}

func TestFaultsAreInjectedFromTheBar(t *testing.T) {
	f := newFake(t)
	f.onPost["faults"] = func(body map[string]any) { f.set(func() { f.faults = append(f.faults, body) }) }
	p := open(t, f, "#/C0INC")
	p.click(id("faults"))
	p.click(id("fault-429"))
	want := map[string]any{"method": "chat.postMessage", "kind": "429", "count": 3.0, "retry_after": 2.0}
	if diff := cmp.Diff(want, f.next(t, "faults")); diff != "" {
		t.Errorf("the fault (-want +got):\n%s", diff)
	}
	p.until("the bar counts it", `document.querySelector('[data-testid=faults]').textContent === 'Faults (1)'`)
	p.click(id("fault-drop"))
	if diff := cmp.Diff(map[string]any{"method": "socket", "kind": "drop", "count": 1.0}, f.next(t, "faults")); diff != "" {
		t.Errorf("the fault of the socket (-want +got):\n%s", diff)
	}
}
