package app_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"github.com/integritybot/integritybot/internal/kafkatest"
	"github.com/integritybot/integritybot/internal/workspace"
)

// TestDeadLettersInTheBrowser does what somebody on call does when events failed:
// see how many and why, preview the replay, press the button and say yes, and see
// that they are gone.
func TestDeadLettersInTheBrowser(t *testing.T) {
	t.Parallel()
	w := newEventful(t, kafkatest.Options{})
	w.events.Heal()
	w.env["KAFKA_REPLAY_WINDOW"] = "3s" // time to see it wait
	w.replica()
	page := browser(t, w.slack.URL()+"/?as="+alice+"#/"+incident)
	do(t, page, chromedp.EmulateViewport(1600, 1150)) // a preview with its buttons
	message := func(m workspace.Message) string { return testID("message-" + m.TS) }
	button := func(m workspace.Message, name string) chromedp.Action[chromedp.Void] {
		return chromedp.Click(chromedp.CSS(message(m) + " " + testID("button-"+name)))
	}
	// asked presses a button that asks back; see TestAFixInTheBrowser.
	asked := func(m workspace.Message, name, question string) {
		await(t, "the question of "+name, time.Minute, func() (bool, bool) {
			do(t, page, button(m, name), chromedp.Sleep(500*time.Millisecond))
			text, err := chromedp.Run(page, chromedp.Evaluate[string](fmt.Sprintf(`(document.querySelector(%q)||{innerText:""}).innerText`, testID("confirm-dialog"))))
			return true, err == nil && strings.Contains(text, question)
		})
	}
	// seen scrolls a message into view before its picture is taken.
	seen := func(m workspace.Message, name string) {
		if _, err := chromedp.Run(page, chromedp.Evaluate[bool](fmt.Sprintf(`(document.querySelector(%q).scrollIntoView(), true)`, testID("thread")+" "+message(m)))); err != nil {
			t.Fatal(err)
		}
		do(t, page, aside())
		picture(t, page, name)
	}
	yes := chromedp.Click(chromedp.CSS(testID("confirm-yes")))

	do(t, page, chromedp.Click(chromedp.CSS(testID("composer"))), chromedp.KeyEvent("/integrity events dlq"), enter())
	head := w.finished("Failed events", time.Minute)
	reads(t, page, message(head), "FAIL Failed events", "412")
	do(t, page, chromedp.Navigate(w.slack.URL()+"/?as="+alice+"#/"+incident+"/thread/"+head.TS), chromedp.WaitVisible(chromedp.CSS(testID("thread"))))
	reads(t, page, testID("thread"), "NullPointerException", "SocketTimeoutException", "failed-events-R-")
	w.files(head, 1)
	seen(w.said("all that was looked at"), "events-dlq")

	do(t, page, button(w.offers(head, "Preview replay"), "fix"))
	preview := w.said(" waiting: ")
	plan := strings.Fields(preview.Text)[1]
	reads(t, page, message(preview), "390", "Cannot be undone", "18 left alone", "asked by @alice")
	w.files(head, 2)
	seen(preview, "events-preview")

	asked(preview, "confirm", "This cannot be undone")
	picture(t, page, "events-confirm")
	do(t, page, yes)
	reads(t, page, message(preview), "to see whether any come back")
	seen(preview, "events-canary")
	applied := w.outcome(preview)
	text := reads(t, page, message(applied), plan+" applied", "412 → 21", "confirmed by @alice")
	for _, gone := range []string{"Confirm:", "Cancel", "⏳", "Undo"} {
		if strings.Contains(text, gone) {
			t.Errorf("after the decision there still stands %q:\n%s", gone, text)
		}
	}
	seen(applied, "events-applied")
	w.caughtUp()
	w.processed(w.events.Letters.Transient())
	w.noViolations()
}

// offers waits for the message in a thread that has this button.
func (w eventful) offers(head workspace.Message, label string) workspace.Message {
	w.t.Helper()
	return await(w.t, "the button "+label, time.Minute, func() (workspace.Message, bool) {
		thread, err := w.slack.Thread(alice, incident, head.TS)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, m := range thread[1:] {
			if strings.Contains(fmt.Sprint(m.Blocks), label) {
				return m, true
			}
		}
		return workspace.Message{}, false
	})
}

// aside moves the pointer to where it shows nothing.
func aside() chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, input.DispatchMouseEvent, input.DispatchMouseEventParams{Type: input.DispatchMouseEventTypeMouseMoved, X: 700, Y: 300})
		return err
	})
}
