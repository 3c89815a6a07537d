package app_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/integritybot/integritybot/internal/workspace"
)

// TestAFixInTheBrowser does what somebody on call does: see red, preview, press
// the button and say yes, see green, take it back, see red again.
func TestAFixInTheBrowser(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Options{})
	w.repairable()
	w.replica()
	page := browser(t, w.slack.URL()+"/?as="+alice+"#/"+incident)
	button := func(m workspace.Message, name string) chromedp.Action[chromedp.Void] {
		return chromedp.Click(chromedp.CSS(testID("message-"+m.TS) + " " + testID("button-"+name)))
	}
	// asked presses a button that asks back. A file that arrives meanwhile moves
	// the page under the pointer, so it may take more than one try.
	asked := func(m workspace.Message, name, question string) {
		await(t, "the question of "+name, time.Minute, func() (bool, bool) {
			do(t, page, button(m, name), chromedp.Sleep(500*time.Millisecond))
			text, err := chromedp.Run(page, chromedp.Evaluate[string](fmt.Sprintf(`(document.querySelector(%q)||{innerText:""}).innerText`, testID("confirm-dialog"))))
			return true, err == nil && strings.Contains(text, question)
		})
	}
	yes := chromedp.Click(chromedp.CSS(testID("confirm-yes")))

	do(t, page, chromedp.Click(chromedp.CSS(testID("composer"))), chromedp.KeyEvent("/integrity check orphaned-orders"), enter())
	head := w.finished("Orphaned orders", time.Minute)
	do(t, page, chromedp.Navigate(w.slack.URL()+"/?as="+alice+"#/"+incident+"/thread/"+head.TS), chromedp.WaitVisible(chromedp.CSS(testID("thread"))))
	do(t, page, button(w.said("belong to a customer that does not exist"), "fix"))
	preview := w.said(" waiting: ")
	plan := strings.Fields(preview.Text)[1]
	reads(t, page, testID("message-"+preview.TS), "quarantine", "Also affected", "Undo possible", "asked by @alice")
	w.files(head, 2)
	picture(t, page, "fix-preview")

	asked(preview, "confirm", "in production/shop?")
	picture(t, page, "fix-confirm")
	do(t, page, yes)
	applied := w.said(plan + " applied")
	text := reads(t, page, testID("message-"+applied.TS), "→ 0, PASS", "confirmed by @alice")
	for _, gone := range []string{"Confirm:", "Cancel", "⏳"} {
		if strings.Contains(text, gone) {
			t.Errorf("after the decision there still stands %q:\n%s", gone, text)
		}
	}
	picture(t, page, "fix-applied")

	do(t, page, button(applied, "undo"))
	back := w.said(" waiting: ")
	reads(t, page, testID("message-"+back.TS), "waiting", plan)
	w.files(head, 3)
	asked(back, "confirm", "in production/shop?")
	do(t, page, yes)
	w.said(strings.Fields(back.Text)[1] + " applied")
	reads(t, page, testID("message-"+back.TS), "FAIL")
	reads(t, page, testID("message-"+preview.TS), "undone by")
	picture(t, page, "fix-undone")
	w.noViolations()
}
