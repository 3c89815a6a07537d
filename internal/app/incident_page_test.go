package app_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/integritybot/integritybot/internal/workspace"
)

// drama is an incident as people live through it, seen by Alice in a browser.
type drama struct {
	*emergency
	page context.Context
	room string            // the incident's channel
	list workspace.Message // its checklist
}

// TestAnIncidentInTheBrowser is a whole one, from the alert that opens it to the export:
// the channel, the summary, the diagnosis, a fix that a second person approves, the check
// that passes, what people are told, the gate, and the documents.
func TestAnIncidentInTheBrowser(t *testing.T) {
	t.Parallel()
	w := newStory(t, "bad-migration")
	w.yaml = bytes.Replace(w.yaml, []byte("approve_over: 500 "), []byte("approve_over: 5 "), 1)
	w.env["HTTP_LISTEN"], w.env["ALERT_TOKEN"] = "127.0.0.1:0", alertToken
	e := &emergency{world: w.world}
	e.start()
	d := &drama{emergency: e, page: browser(t, w.slack.URL()+"/?as="+alice+"#/"+alerts)}
	do(t, d.page, chromedp.EmulateViewport(1600, 1150))

	d.opensByItself()
	d.isMeasured()
	plan := d.isRepaired()
	d.goesOnTheTimeline()
	d.isTold(plan, w)
	d.ends()
	d.settled(time.Minute)
	d.clean()
}

// opensByItself: an alert, and nobody typed anything.
func (d *drama) opensByItself() {
	d.t.Helper()
	d.alert(0, "DataInconsistencyDetected", "f1", "firing", time.Now().Add(-5*time.Minute).UTC())
	d.room = d.emergency.room().ID
	declared := d.standing(alice, alerts, "P0", "Orders data is wrong")
	reads(d.t, d.page, d.css(declared), "declared", "inc-")
	d.shot("incident-alert")
	d.open("")
	summary := d.pinned(alice, d.room)
	reads(d.t, d.page, d.css(summary), "INVESTIGATING", "nobody leads")
	d.press(summary, "I lead")
	reads(d.t, d.page, d.css(summary), "lead @alice")
}

// isMeasured: the checks of the domain were begun by the bot, and the summary has their
// numbers.
func (d *drama) isMeasured() {
	d.t.Helper()
	d.standing(alice, d.room, "FAIL Orders:", "Orphaned orders")
	summary := d.pinned(alice, d.room)
	reads(d.t, d.page, d.css(summary), "22 ", "Orphaned orders", "Checklist")
	d.scroll(summary)
	d.shot("incident-summary")
	d.enters("/integrity diagnose orders")
	diagnosis := d.standing(alice, d.room, "most likely", "V57")
	d.scroll(diagnosis)
	d.shot("incident-diagnosis")
}

// isRepaired: Alice asks, Bob approves, and the check passes.
func (d *drama) isRepaired() (plan string) {
	d.t.Helper()
	d.enters("/integrity fix orphaned-orders")
	preview := d.standing(alice, d.room, " waiting: ")
	plan = strings.Fields(preview.Text)[1]
	d.types(alice, "/integrity incident resolve --says 'it looks fine'")
	d.standing(alice, d.room, "is not resolved", plan+" waits for a decision")
	d.pressBegins(bobby, d.room, preview, "Approve")
	applied := d.standing(alice, d.room, plan+" applied", "approved by")
	d.scroll(applied)
	d.shot("incident-fixed")
	d.enters("/integrity check orders")
	d.standing(alice, d.room, "PASS Orders:")
	summary := d.pinned(alice, d.room)
	reads(d.t, d.page, d.css(summary), "MONITORING", plan+" applied")
	return plan
}

// goesOnTheTimeline: what people say that matters.
func (d *drama) goesOnTheTimeline() {
	d.t.Helper()
	ts, err := d.slack.Say(bobby, d.room, "", "V57 dropped the foreign key at 09:40. <!channel> it is put back by V58, deployed now.")
	if err != nil {
		d.t.Fatal(err)
	}
	if err := d.slack.React(alice, d.room, ts, "pushpin", false); err != nil {
		d.t.Fatal(err)
	}
	await(d.t, "the message on the timeline", time.Minute, func() (int64, bool) {
		n := d.count(`SELECT count(*) FROM incident_entries WHERE body->>'why' = 'reaction'`)
		return n, n == 1
	})
	d.types(alice, "/integrity incident cause 'Migration V57 dropped the foreign key of orders'")
	d.enters("/integrity incident timeline")
	timeline := d.standing(alice, d.room, "V57 dropped the foreign key at 09:40", "DataInconsistencyDetected")
	d.scroll(timeline)
	d.shot("incident-timeline")
	d.enters("/integrity incident checklist")
	d.list = d.standing(alice, d.room, "Prevent that it happens again", "7 of 10 done")
	d.scroll(d.list)
	d.shot("incident-checklist")
}

// isTold: a form with its preview, and what was previewed is what arrives.
func (d *drama) isTold(plan string, w told) {
	d.t.Helper()
	d.enters("/integrity notify update")
	do(d.t, d.page, chromedp.WaitVisible(chromedp.CSS(testID("modal"))),
		chromedp.SendKeys(chromedp.CSS(testID("element-lines-says")), "The foreign key is back, and the 22 orders are in quarantine."),
		chromedp.Click(chromedp.CSS(testID("button-renew"))))
	reads(d.t, d.page, testID("modal"), "The foreign key is back")
	const preview = `[...document.querySelectorAll('[data-testid=modal] pre')].map(e => e.innerText).join("\n---\n")`
	await(d.t, "the preview following", time.Minute, func() (bool, bool) {
		text, err := chromedp.Run(d.page, chromedp.Evaluate[string](preview))
		return true, err == nil && strings.Contains(text, "The foreign key is back")
	})
	shown, err := chromedp.Run(d.page, chromedp.Evaluate[string](preview))
	if err != nil {
		d.t.Fatal(err)
	}
	d.shot("incident-notice")
	do(d.t, d.page, chromedp.Click(chromedp.CSS(testID("modal-submit"))))
	told := d.standing(alice, "C0EXECUTIVES", "The foreign key is back")
	if strings.Contains(fmt.Sprint(told.Blocks), plan) {
		d.t.Errorf("executives read of %s: %v", plan, told.Blocks)
	}
	mails := await(d.t, "mail arriving", time.Minute, func() ([]string, bool) {
		var bodies []string
		for _, m := range w.mail.Mails() {
			bodies = append(bodies, strings.ReplaceAll(m.Text, "\r\n", "\n"))
		}
		return bodies, len(bodies) > 0
	})
	for _, body := range mails {
		if !strings.Contains(squeezed(shown), squeezed(body)) {
			d.t.Errorf("this was sent:\n%s\nand this was previewed:\n%s", body, shown)
		}
	}
	d.scroll(d.standing(alice, d.room, "Update 1 sent"))
	d.shot("incident-told")
	reads(d.t, d.page, d.css(d.list), "8 of 10 done")
}

// squeezed is a text without what a page does to white space.
func squeezed(s string) string { return strings.Join(strings.Fields(s), " ") }

// ends: the gate opens, and the documents are the same each time.
func (d *drama) ends() {
	d.t.Helper()
	d.enters("/integrity incident resolve")
	do(d.t, d.page, chromedp.WaitVisible(chromedp.CSS(testID("modal"))),
		chromedp.SendKeys(chromedp.CSS(testID("element-lines-says")), "22 orders quarantined; the key is back."))
	d.shot("incident-resolve")
	do(d.t, d.page, chromedp.Click(chromedp.CSS(testID("modal-submit"))))
	final := d.standing(alice, d.room, "RESOLVED by", "to detect:")
	d.scroll(final)
	d.shot("incident-resolved")
	d.settled(time.Minute)
	first := d.exported(1)
	d.shot("incident-export")
	if second := d.exported(2); !slices.Equal(first, second) {
		d.t.Errorf("two exports differ:\n%s\n%s", first, second)
	}
	for _, want := range []string{"Orphaned orders", "V57 dropped the foreign key at 09:40", "The foreign key is back", "@" + bobby, "detect"} {
		if !strings.Contains(strings.Join(first, "\n"), want) {
			d.t.Errorf("the export does not tell of %q:\n%s", want, first)
		}
	}
}

// exported are the documents of the n-th export.
func (d *drama) exported(n int) []string {
	d.t.Helper()
	d.enters("/integrity incident export")
	urls := await(d.t, "the documents", time.Minute, func() ([]string, bool) {
		var urls []string
		for _, m := range d.all(alice, d.room) {
			for _, f := range m.Files {
				if strings.HasSuffix(f.Name, ".md") || strings.HasSuffix(f.Name, ".json") {
					urls = append(urls, f.URL)
				}
			}
		}
		return urls, len(urls) == 2*n
	})
	var out []string
	for _, url := range urls[2*n-2:] {
		out = append(out, d.download(url))
	}
	return out
}

// types types as somebody in the incident's channel, without the browser.
func (d *drama) types(as, text string) {
	d.t.Helper()
	if _, err := d.slack.Say(as, d.room, "", text); err != nil {
		d.t.Fatalf("%s: %v", text, err)
	}
}

// enters types in the browser.
func (d *drama) enters(text string) {
	d.t.Helper()
	do(d.t, d.page, chromedp.Click(chromedp.CSS(testID("composer"))), chromedp.KeyEvent(text), enter())
}

func (d *drama) css(m workspace.Message) string { return testID("message-" + m.TS) }

// open shows the incident's channel.
func (d *drama) open(rest string) {
	d.t.Helper()
	do(d.t, d.page, chromedp.Navigate(d.slack.URL()+"/?as="+alice+"#/"+d.room+rest), chromedp.WaitVisible(chromedp.CSS(testID("composer"))))
}

// press presses a button by its label, in the browser.
func (d *drama) press(m workspace.Message, label string) {
	d.t.Helper()
	await(d.t, "the button "+label, time.Minute, func() (bool, bool) {
		pressed, err := chromedp.Run(d.page, chromedp.Evaluate[bool](fmt.Sprintf(
			`(b => b ? (b.click(), true) : false)([...document.querySelectorAll(%q)].find(b => b.innerText.trim() === %q))`, d.css(m)+" button", label)))
		return true, err == nil && pressed
	})
}

// scroll brings a message into view.
func (d *drama) scroll(m workspace.Message) {
	d.t.Helper()
	await(d.t, "the message on the page", time.Minute, func() (bool, bool) {
		there, err := chromedp.Run(d.page, chromedp.Evaluate[bool](fmt.Sprintf(`(e => e ? (e.scrollIntoView({block: "start"}), true) : false)(document.querySelector(%q))`, d.css(m))))
		return true, err == nil && there
	})
}

func (d *drama) shot(name string) {
	d.t.Helper()
	do(d.t, d.page, aside())
	picture(d.t, d.page, name)
}
