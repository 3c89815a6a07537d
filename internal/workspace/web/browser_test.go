package web_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// oneBrowser is the Chromium that all tests of this binary share; each has its
// own tab in its own context.
var oneBrowser struct {
	sync.Once
	ctx context.Context
	err error
	end func()
}

func TestMain(m *testing.M) {
	code := m.Run()
	if oneBrowser.end != nil {
		oneBrowser.end()
	}
	os.Exit(code)
}

func startBrowser() {
	path, err := exec.LookPath("chromium")
	if err != nil {
		oneBrowser.err = fmt.Errorf("these tests drive a real browser: %w", err)
		return
	}
	profile, err := os.MkdirTemp("", "web-test-chromium-")
	if err != nil {
		oneBrowser.err = err
		return
	}
	allocator, endAllocator := chromedp.NewExecAllocator(context.Background(),
		chromedp.ExecPath(path), chromedp.UserDataDir(profile), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("hide-scrollbars", false), chromedp.WindowSize(1440, 900))
	var endBrowser context.CancelFunc
	oneBrowser.ctx, endBrowser = chromedp.NewContext(allocator) //nolint:fatcontext // one browser for the whole binary
	oneBrowser.err = chromedp.Do(oneBrowser.ctx)
	oneBrowser.end = func() {
		endBrowser()
		endAllocator()
		_ = os.RemoveAll(profile)
	}
}

// tab is one open page of the fake workspace.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu     sync.Mutex
	faults []string // uncaught exceptions and console errors
}

// open shows the page at an address such as "#/C0INC" and waits for it.
func open(t *testing.T, f *fake, address string) *tab {
	t.Helper()
	return openAt(t, f.URL, address)
}

func openAt(t *testing.T, url, address string) *tab {
	t.Helper()
	oneBrowser.Do(startBrowser)
	if oneBrowser.err != nil {
		t.Fatalf("start Chromium: %v", oneBrowser.err)
	}
	p := &tab{t: t}
	ctx, end := chromedp.NewContext(oneBrowser.ctx, chromedp.WithNewBrowserContext(), chromedp.WithListener(p.listen))
	t.Cleanup(end)
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	t.Cleanup(cancel)
	p.ctx = ctx
	p.run(chromedp.EmulateViewport(1440, 900), chromedp.Navigate(url+"/"+address), chromedp.WaitVisible(chromedp.CSS(id("composer")+","+id("home"))))
	t.Cleanup(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, fault := range p.faults {
			t.Errorf("the page reported: %s", fault)
		}
	})
	return p
}

func (p *tab) listen(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		p.faults = append(p.faults, "an exception: "+(&chromedp.ExceptionError{ExceptionDetails: e.ExceptionDetails}).Error())
	case *page.EventJavascriptDialogOpening:
		p.faults = append(p.faults, "a script opened a dialog: "+e.Message)
		go func() {
			_, _ = chromedp.Call(p.ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: true})
		}()
	}
}

// id is the selector of a data-testid.
func id(name string) string { return fmt.Sprintf("[data-testid=%q]", name) }

func (p *tab) run(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, actions...); err != nil {
		p.t.Fatalf("drive the page: %v", err)
	}
}

// see waits until an element is visible.
func (p *tab) see(selector string) {
	p.t.Helper()
	p.until(fmt.Sprintf("see %s", selector), fmt.Sprintf(`(() => { const e = document.querySelector(%s); return Boolean(e && e.getClientRects().length); })()`, quote(selector)))
}

// gone waits until no element matches.
func (p *tab) gone(selector string) {
	p.t.Helper()
	p.until(fmt.Sprintf("no %s", selector), fmt.Sprintf(`!document.querySelector(%s)`, quote(selector)))
}

// patience is how long a test waits for the page: long, because the machine may
// be busy; a page that works answers at once.
const patience = 20 * time.Second

// until waits for a JavaScript condition, at most patience.
func (p *tab) until(what, condition string) {
	p.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		holds, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool]("Boolean("+condition+")"))
		if err != nil {
			p.t.Fatalf("ask the page %s: %v", condition, err)
		}
		if holds {
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("waited %s in vain: %s\npage text: %.2000s", patience, what, p.eval(`document.body.innerText`))
		}
		time.Sleep(25 * time.Millisecond)
	}
}

// eval returns a JavaScript value as text.
func (p *tab) eval(expression string) string {
	p.t.Helper()
	value, err := chromedp.Run(p.ctx, chromedp.Evaluate[any](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("ask the page %s: %v", expression, err)
	}
	if text, isText := value.(string); isText {
		return text
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		p.t.Fatalf("encode %v: %v", value, err)
	}
	return string(encoded)
}

// text is what an element shows.
func (p *tab) text(selector string) string {
	p.t.Helper()
	p.see(selector)
	return p.eval(fmt.Sprintf(`document.querySelector(%s).innerText`, quote(selector)))
}

func (p *tab) click(selector string) {
	p.t.Helper()
	p.see(selector)
	p.run(chromedp.Click(chromedp.CSS(selector)))
}

// typing presses keys on whatever has the focus.
func (p *tab) typing(keys string) {
	p.t.Helper()
	p.run(chromedp.KeyEvent(keys))
}

func (p *tab) press(key string, modifiers ...chromedp.KeyOption) {
	p.t.Helper()
	p.run(chromedp.KeyEvent(key, modifiers...))
}

// enter presses Enter as a keyboard does: one keyDown that carries its text.
// chromedp's KeyEvent sends the character separately, and so delivers it even
// where the page has refused the key.
func (p *tab) enter(modifiers ...chromedp.Modifier) {
	p.t.Helper()
	p.run(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		for _, kind := range []input.DispatchKeyEventType{input.DispatchKeyEventTypeKeyDown, input.DispatchKeyEventTypeKeyUp} {
			event := input.DispatchKeyEventParams{Type: kind, Key: "Enter", Code: "Enter", WindowsVirtualKeyCode: 13}
			if kind == input.DispatchKeyEventTypeKeyDown {
				event.Text = "\r"
			}
			for _, modifier := range modifiers {
				event.Modifiers |= int64(modifier)
			}
			if _, err := cdp.Call(ctx, target, input.DispatchKeyEvent, event); err != nil {
				return err
			}
		}
		return nil
	}))
}

var screenshots = flag.String("screenshots", "", "keep pictures of the page in this folder")

// shot keeps a picture if -screenshots was given; otherwise it does nothing.
func (p *tab) shot(name string) {
	p.t.Helper()
	if *screenshots == "" {
		return
	}
	p.run(chromedp.Sleep(250 * time.Millisecond))
	picture, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		p.t.Fatalf("take a screenshot: %v", err)
	}
	if err := os.WriteFile(filepath.Join(*screenshots, name+".png"), picture, 0o600); err != nil {
		p.t.Fatalf("keep the screenshot: %v", err)
	}
}

func quote(text string) string {
	encoded, err := json.Marshal(text)
	if err != nil {
		panic(err) // a Go string always encodes
	}
	return string(encoded)
}

func contains(text string, parts ...string) bool {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return false
		}
	}
	return true
}

// goTo follows an address inside the page, as a link would.
func goTo(hash string) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.Evaluate[string]("location.hash = "+quote(hash))(ctx, target)
		return chromedp.Void{}, err
	}
}
