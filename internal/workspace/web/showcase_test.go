package web_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

func mrkdwn(text string) map[string]any { return map[string]any{"type": "mrkdwn", "text": text} }
func plain(text string) map[string]any {
	return map[string]any{"type": "plain_text", "text": text, "emoji": true}
}

func section(text string) map[string]any {
	return map[string]any{"type": "section", "text": mrkdwn(text)}
}

func button(action, label, style string) map[string]any {
	b := map[string]any{"type": "button", "action_id": action, "text": plain(label), "value": "R-1042"}
	if style != "" {
		b["style"] = style
	}
	return b
}

func actions(elements ...any) map[string]any {
	return map[string]any{"type": "actions", "block_id": "acts", "elements": elements}
}
func raw(text string) map[string]any { return map[string]any{"type": "raw_text", "text": text} }
func option(value, label string) map[string]any {
	return map[string]any{"value": value, "text": plain(label)}
}

// orphans is the example table of a failing check.
func orphans() map[string]any {
	rows := []any{[]any{raw("order"), raw("customer_id"), raw("total"), raw("created")}}
	for i := range 10 {
		rows = append(rows, []any{
			map[string]any{"type": "rich_text", "elements": []any{map[string]any{"type": "rich_text_section", "elements": []any{map[string]any{"type": "text", "text": fmt.Sprintf("o1000%02d", i), "style": map[string]any{"code": true}}}}}},
			raw("gone"),
			map[string]any{"type": "raw_number", "value": 45.1 + float64(i)},
			raw("2026-11-21 10:02 UTC"),
		})
	}
	return map[string]any{"type": "table", "column_settings": []any{nil, nil, map[string]any{"align": "right"}, map[string]any{"is_wrapped": true}}, "rows": rows}
}

func confirmed(b map[string]any, title, text, yes, no string) map[string]any {
	b["confirm"] = map[string]any{"title": plain(title), "text": mrkdwn(text), "confirm": plain(yes), "deny": plain(no), "style": "danger"}
	return b
}

// furnish fills the fake with a morning of an incident channel.
func furnish(f *fake) {
	at := strings.Split(ts(2), ".")[0]
	date := "<!date^" + at + "^{date_short_pretty} at {time}|21 Nov, 10:02 UTC>"
	run := blocksMessage(12,
		section("🔴 *Orders: 3 of 5 checks fail — 133 rows wrong, $18,204.10 at stake*"),
		section("🔴 *Orphaned orders*  30 of 3,000,000 · first bad "+date+" (2 h ago) · still growing\n🔴 *Order totals*  60 of 3,000,000 · $1,204.10 · not growing since "+date+"\n🔴 *Payments*  43 of 2,700,000 · 17 unpaid · 21 paid twice · 5 underpaid\n🟢 *Stock*  0 of 50,000\n⚪ *Customer cache*  Redis did not answer in 5 s"),
		map[string]any{"type": "context", "elements": []any{mrkdwn("R-1042 · `production/shop` · 6.2 s · asked by <@U0ALICE> · details in thread")}},
		actions(button("diagnose", "Diagnose", "primary"), confirmed(button("declare", "Declare incident", "danger"), "Declare an incident?", "This opens *#inc-orders* and tells <!subteam^S0RESP>.", "Declare it", "Not now"), button("again", "Run again", "")),
	)
	run["edited"] = map[string]any{"ts": ts(13)}
	run["reply_count"], run["reply_users"], run["latest_reply"] = 3, []string{"U0BOT", "U0BOB"}, ts(20)
	run["reactions"] = []any{map[string]any{"name": "eyes", "users": []string{"U0ALICE", "U0BOB"}}, map[string]any{"name": "white_check_mark", "users": []string{"U0BOB"}}}
	orphan := blocksMessage(14,
		section("*Orphaned orders:* 30 orders belong to a customer that does not exist."), orphans(),
		section("Likely when customers are deleted while orders are in flight. 28 of the 30 were created after rollout 41 of `ecommerce-backend`."),
		actions(button("preview", "Preview fix", "primary"), button("prevent", "How to prevent", ""), button("explain", "Explain", "")),
	)
	file := blocksMessage(15, section("All 30 rows:"))
	file["files"] = []any{map[string]any{"id": "F0CSV", "name": "orphaned-orders-R-1042.csv", "title": "orphaned-orders-R-1042.csv", "mimetype": "text/csv", "size": 2210, "url": "/files/F0CSV/orphaned.csv"}}
	parent := map[string]any{}
	for key, value := range run {
		parent[key] = value
	}
	f.messages["C0INC"] = []map[string]any{
		say(0, "U0BOB", "Support says some orders show *no customer* at all, since this morning. <@U0ALICE> can you look? <https://status.example/1|status page>"),
		say(1, "U0BOB", "They sent `o100001`, `o100004` and this:\n```select id, customer_id from orders\nwhere id = 'o100001';```\n&gt; customer_id is set but there is no such row"),
		say(9, "U0ALICE", "On it :eyes: cc <!subteam^S0APPR>, see <#C0GEN>"),
		run,
		{"ts": ts(16), "user": "U0BOT", "bot_id": "B0BOT", "is_ephemeral": true, "text": "There is no check called `ordres`. Did you mean `orders`? Try `/integrity check orders`."},
		blocksMessage(22,
			section("🟡 *P-77 waiting:* delete 30 orders whose customer does not exist\nAlso affected: 90 order_items and 28 payments that refer to them (moved to quarantine with them)."),
			actions(confirmed(button("confirm", "Confirm: change 30 orders", "primary"), "Change the data?", "Change *30 orders* and *118 dependent rows* in `production/shop`?", "Yes, change them", "Not now"), button("cancel", "Cancel", "")),
		),
	}
	f.pins["C0INC"] = []string{ts(22)}
	f.threads["C0INC/"+ts(12)] = []map[string]any{parent, orphan, file, say(20, "U0BOB", "Those are all from the import at 10:02.")}
	var csv strings.Builder
	csv.WriteString("order_id,customer_id,total,note\n")
	for i := range 30 {
		fmt.Fprintf(&csv, "o1000%02d,c%d,%d.10,\"said \"\"gone\"\", twice\"\n", i, 900+i, 40+i)
	}
	f.files["/files/F0CSV/orphaned.csv"] = csv.String()
	f.home = map[string]any{"id": "V0HOME", "type": "home", "blocks": []any{
		map[string]any{"type": "header", "block_id": "h", "text": plain("Data health of production/shop")},
		map[string]any{"type": "section", "block_id": "s", "fields": []any{mrkdwn("*Orders*\n🔴 3 of 5 checks fail"), mrkdwn("*Inventory*\n🟢 all 4 checks pass"), mrkdwn("*Payments*\n🔴 43 of 2,700,000"), mrkdwn("*Customers*\n🟢 0 of 412,000")}},
		map[string]any{"type": "divider", "block_id": "d"},
		map[string]any{"type": "section", "block_id": "open", "text": mrkdwn("*Open incident:* INC-12 Orders data is wrong, lead <@U0ALICE>"), "accessory": button("open_incident", "Open", "")},
		map[string]any{"type": "actions", "block_id": "acts", "elements": []any{button("check_all", "Check everything", "primary"), map[string]any{"type": "static_select", "action_id": "domain", "placeholder": plain("Domain"), "options": []any{option("orders", "Orders"), option("payments", "Payments")}}}},
	}}
}

func pickCheckView() map[string]any {
	return map[string]any{
		"id": "V0PICK", "type": "modal", "callback_id": "pick_check", "hash": "1", "title": plain("Run a check"), "submit": plain("Run"), "close": plain("Cancel"),
		"blocks": []any{
			map[string]any{"type": "section", "block_id": "intro", "text": mrkdwn("Results go to the channel you choose. Nothing is changed.")},
			map[string]any{"type": "input", "block_id": "check", "label": plain("Check"), "element": map[string]any{"type": "static_select", "action_id": "name", "placeholder": plain("Choose a check"), "options": []any{option("orphans", "Orphaned orders"), option("totals", "Order totals"), option("payments", "Payments")}}},
			map[string]any{"type": "input", "block_id": "since", "optional": true, "label": plain("Since"), "hint": plain("Such as 2h or 3d"), "element": map[string]any{"type": "plain_text_input", "action_id": "text", "placeholder": plain("2h")}},
			map[string]any{"type": "input", "block_id": "how", "optional": true, "label": plain("How"), "element": map[string]any{"type": "checkboxes", "action_id": "flags", "options": []any{option("full", "Full speed"), option("examples", "With examples")}}},
			map[string]any{"type": "input", "block_id": "where", "label": plain("Post to"), "element": map[string]any{"type": "conversations_select", "action_id": "channel", "initial_conversation": "C0INC"}},
		},
	}
}

// TestEveryPlaceOpensByItsAddress walks all places in both themes. With
// -screenshots=FOLDER it keeps a picture of each.
func TestEveryPlaceOpensByItsAddress(t *testing.T) {
	for _, theme := range []string{"light", "dark"} {
		t.Run(theme, func(t *testing.T) {
			f := newFake(t)
			furnish(f)
			p := open(t, f, "?as=U0ALICE&theme="+theme+"#/C0INC")
			p.see(id("message-" + ts(22)))
			if got := p.eval(`document.documentElement.dataset.theme`); got != theme {
				t.Errorf("theme is %q, want %q", got, theme)
			}
			p.shot(theme + "-channel")
			p.run(goTo("#/C0INC/thread/" + ts(12)))
			p.see(id("thread") + " " + id("table"))
			p.shot(theme + "-thread")
			p.run(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, 700, 300))
			p.shot(theme + "-hover")
			p.click(id("file-F0CSV"))
			p.see(id("csv-table"))
			p.shot(theme + "-file")
			p.click(id("file-close"))
			p.run(goTo("#/home"))
			p.see(id("home") + " .header-block")
			p.shot(theme + "-home")
			p.run(goTo("#/C0INC"))
			p.click(id("button-confirm"))
			p.see(id("confirm-dialog"))
			p.shot(theme + "-confirm")
			p.click(id("confirm-no"))
			f.set(func() { f.views = []map[string]any{pickCheckView()} })
			f.emit(map[string]any{"type": "view_opened"})
			p.see(id("modal"))
			p.shot(theme + "-modal")
			p.click(id("modal-submit"))
			p.see(id("error-check"))
			p.click(id("select-name"))
			p.see(id("option-totals"))
			p.shot(theme + "-select")
		})
	}
}

func TestANarrowWindowStaysUsable(t *testing.T) {
	f := newFake(t)
	furnish(f)
	p := open(t, f, "?as=U0ALICE#/C0INC")
	p.run(chromedp.EmulateViewport(400, 800))
	p.until("nothing is wider than the window", `document.documentElement.scrollWidth <= 400`)
	p.until("the channel list is put away", `getComputedStyle(document.querySelector('.sidebar')).visibility === 'hidden'`)
	p.shot("narrow-channel")
	p.click(`[aria-label="Show channels"]`)
	p.until("the channel list is out", `getComputedStyle(document.querySelector('.sidebar')).visibility === 'visible'`)
	p.shot("narrow-sidebar")
	p.run(goTo("#/C0INC/thread/" + ts(12)))
	p.click(`[aria-label="Hide channels"]`)
	p.until("the thread covers the channel", `(() => { const b = document.querySelector('[data-testid=thread]')?.getBoundingClientRect(); return b && b.left === 0 && b.width === 400; })()`)
	p.shot("narrow-thread")
	p.run(chromedp.EmulateViewport(1920, 1080))
	p.see(id("thread"))
	p.shot("wide-thread")
	p.click(id("thread-close"))
	p.click(id("faults"))
	p.see(id("fault-menu"))
	p.shot("wide-faults")
}
