package app_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/integritybot/integritybot/internal/workspace"
)

// TestAStaleCacheInTheBrowser does what somebody on call does: diagnose, press the
// button for the cause, look at the preview, say yes, and see that nothing is stale;
// and then what two people do who empty all of it, which has to be typed.
func TestAStaleCacheInTheBrowser(t *testing.T) {
	t.Parallel()
	w := newStory(t, "stale-cache")
	w.replica()
	page := browser(t, w.slack.URL()+"/?as="+alice+"#/"+incident)
	do(t, page, chromedp.EmulateViewport(1600, 1150))
	message := func(m workspace.Message) string { return testID("message-" + m.TS) }
	pressed := func(m workspace.Message, name string, opens string) {
		await(t, "pressing "+name, time.Minute, func() (bool, bool) {
			do(t, page, chromedp.Click(chromedp.CSS(message(m)+" "+testID("button-"+name))), chromedp.Sleep(500*time.Millisecond))
			there, err := chromedp.Run(page, chromedp.Evaluate[bool](fmt.Sprintf(`document.querySelector(%q) !== null`, opens)))
			return true, err == nil && there
		})
	}

	do(t, page, chromedp.Click(chromedp.CSS(testID("composer"))), chromedp.KeyEvent("/integrity diagnose customers"), enter())
	head := w.said("most likely a stale cache (strong)")
	reads(t, page, message(head), "Preview clearing")
	do(t, page, chromedp.Click(chromedp.CSS(message(head)+" "+testID("button-fix"))))
	preview := w.said(" waiting: ")
	plan := strings.Fields(preview.Text)[1]
	do(t, page, chromedp.Navigate(w.slack.URL()+"/?as="+alice+"#/"+incident))
	reads(t, page, message(preview), "Undo possible")
	do(t, page, aside())
	picture(t, page, "cache-preview")
	pressed(preview, "confirm", testID("confirm-dialog"))
	do(t, page, chromedp.Click(chromedp.CSS(testID("confirm-yes"))))
	applied := w.said(plan + " applied")
	reads(t, page, message(applied), "confirmed by @alice", "→ 0, PASS")
	do(t, page, aside())
	picture(t, page, "cache-cleared")

	before := w.seq()
	w.say("/integrity cache flush")
	w.ephemeral(alice, incident, "cache:flush")
	w.onlyRow(before, "cache.flush", "refused", "refused")
	flush, preview := w.planned(bob, "cache flush")
	do(t, page, chromedp.Navigate(w.slack.URL()+"/?as="+carol+"#/"+incident))
	reads(t, page, message(preview), "Cannot be undone", "someone other than")
	pressed(preview, "confirm~ask", testID("element-typed"))
	do(t, page, chromedp.SendKeys(chromedp.CSS(testID("element-typed")), "production"), aside())
	picture(t, page, "cache-flush-typed")
	do(t, page, chromedp.Click(chromedp.CSS(testID("modal-submit"))))
	w.ephemeral(carol, incident, "you typed something else")
	if got := w.planState(flush); got != "waiting" {
		t.Errorf("%s is %s", flush, got)
	}
	pressed(preview, "confirm~ask", testID("element-typed"))
	do(t, page, chromedp.SendKeys(chromedp.CSS(testID("element-typed")), "production/cache"), chromedp.Click(chromedp.CSS(testID("modal-submit"))))
	done := w.said(flush + " applied")
	reads(t, page, message(done), "approved by @carol", "PASS")
	do(t, page, aside())
	picture(t, page, "cache-flushed")
	w.settled(time.Minute)
	w.noViolations()
	w.auditIsSound()
}
