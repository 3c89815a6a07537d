package app_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"github.com/integritybot/integritybot/internal/workspace"
)

var screenshots = flag.String("screenshots", "", "keep pictures of the page in this folder")

// browser opens the page in headless Chromium.
func browser(t *testing.T, address string) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("this test drives a real browser: %v", err)
	}
	allocator, endAllocator := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()),
		chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.WindowSize(1600, 1000))
	t.Cleanup(endAllocator)
	ctx, end := chromedp.NewContext(allocator)
	t.Cleanup(end)
	ctx, cancel := context.WithTimeout(ctx, 6*time.Minute)
	t.Cleanup(cancel)
	do(t, ctx, chromedp.EmulateViewport(1600, 1000), chromedp.Navigate(address), chromedp.WaitVisible(chromedp.CSS(testID("composer"))))
	return ctx
}

func do(t *testing.T, ctx context.Context, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, actions...); err != nil {
		t.Fatalf("drive the page: %v", err)
	}
}

func testID(name string) string { return fmt.Sprintf("[data-testid=%q]", name) }

// enter presses Enter as a keyboard does: one key that carries its text.
// chromedp's KeyEvent sends the character apart, and so even where the page
// has refused the key.
func enter() chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		key := input.DispatchKeyEventParams{Key: "Enter", Code: "Enter", WindowsVirtualKeyCode: 13}
		down, up := key, key
		down.Type, down.Text, up.Type = input.DispatchKeyEventTypeKeyDown, "\r", input.DispatchKeyEventTypeKeyUp
		for _, k := range []input.DispatchKeyEventParams{down, up} {
			if _, err := cdp.Call(ctx, target, input.DispatchKeyEvent, k); err != nil {
				return err
			}
		}
		return nil
	})
}

// reads waits until the element's text holds all the parts.
func reads(t *testing.T, ctx context.Context, selector string, parts ...string) string {
	t.Helper()
	var last string
	return await(t, fmt.Sprintf("%s reading %q", selector, parts), time.Minute, func() (string, bool) {
		text, err := chromedp.Run(ctx, chromedp.Evaluate[string](fmt.Sprintf(`(document.querySelector(%q)||{innerText:""}).innerText`, selector)))
		if err != nil {
			t.Fatalf("read the page: %v", err)
		}
		for _, p := range parts {
			if !strings.Contains(text, p) {
				last = text
				return last, false
			}
		}
		return text, true
	})
}

func picture(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	if *screenshots == "" {
		return
	}
	do(t, ctx, chromedp.Sleep(500*time.Millisecond))
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatalf("take a picture: %v", err)
	}
	if err := os.WriteFile(filepath.Join(*screenshots, name+".png"), png, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestInTheBrowser does what a newcomer does: type the command, read the
// verdict, open the thread, press a button.
func TestInTheBrowser(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Options{})
	w.replica()
	page := browser(t, w.slack.URL()+"/?as="+alice+"#/"+incident)

	do(t, page, chromedp.Click(chromedp.CSS(testID("composer"))), chromedp.KeyEvent("/integrity check orders"), enter())
	head := w.finished("Orders", time.Minute)
	text := reads(t, page, testID("message-"+head.TS), "FAIL Orders: 4 of 4 checks fail", "FAIL Order totals", "asked by @alice")
	if strings.Contains(text, "⏳") {
		t.Error("the finished run still shows its progress")
	}
	w.files(head, 4)

	do(t, page, chromedp.Navigate(w.slack.URL()+"/?as="+alice+"#/"+incident+"/thread/"+head.TS), chromedp.WaitVisible(chromedp.CSS(testID("thread"))))
	reads(t, page, testID("thread"), "belong to a customer that does not exist", "order-totals-R-", ".csv")
	picture(t, page, "check-orders")

	do(t, page, chromedp.Click(chromedp.CSS(testID("message-"+head.TS)+" "+testID("button-details"))))
	reads(t, page, testID("thread"), "How R-", "rows judged")

	do(t, page, chromedp.Click(chromedp.CSS(testID("message-"+head.TS)+" "+testID("button-again"))))
	await(t, "a second run", time.Minute, func() (bool, bool) { return true, len(w.heads()) == 2 })
}
