package snugtest

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

// patience is how long a page may take to show what it should. It is long because the race detector and two browsers share two cores;
// a test that passes never waits for it.
const patience = 30 * time.Second

// Browser is one page of a real Chromium with a profile of its own. It fails the test at the end if the page ever wrote an error to its
// console (a violation of the content security policy is one), except for those that [Browser.Allow] names.
type Browser struct {
	t    testing.TB
	ctx  context.Context
	base string

	mu      sync.Mutex // guards what follows
	errors  []string
	allowed []string
}

// OpenBrowser starts Chromium for the server at base (http://localhost:PORT).
func OpenBrowser(t testing.TB, base string, more ...chromedp.ExecAllocatorOption) *Browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("chromium is not installed: make test installs it, or see the README")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium refuses to run as root otherwise
	}
	options = append(options, more...)
	allocator, stopAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, stop := chromedp.NewContext(allocator)
	b := &Browser{t: t, ctx: ctx, base: strings.TrimSuffix(base, "/")}
	console := chromedp.Console(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for m, err := range console {
			if err != nil {
				return
			}
			if m.Type == chromedp.ConsoleError || m.Type == chromedp.ConsoleException {
				b.mu.Lock()
				b.errors = append(b.errors, m.String()+" ("+m.URL+")")
				b.mu.Unlock()
			}
		}
	}()
	t.Cleanup(func() {
		if t.Failed() {
			b.keepPicture()
		}
		if err := chromedp.Cancel(ctx); err != nil {
			t.Errorf("close the browser: %v", err)
		}
		stop()
		stopAllocator()
		<-done
		for _, e := range b.Errors() {
			t.Errorf("the page wrote to its console: %s", e)
		}
	})
	b.Size(1440, 900)
	return b
}

// Allow names a part of a console error that is expected from now on, such as the failed attempts of a socket while a server is down.
func (b *Browser) Allow(part string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.allowed = append(b.allowed, part)
}

// Errors are the console errors that nothing allowed.
func (b *Browser) Errors() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var bad []string
	for _, e := range b.errors {
		expected := false
		for _, part := range b.allowed {
			expected = expected || strings.Contains(e, part)
		}
		if !expected {
			bad = append(bad, e)
		}
	}
	return bad
}

// Do runs actions, within the time that a person would wait.
func (b *Browser) Do(what string, actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.t.Fatalf("%s: %v", what, err)
	}
}

// act does one thing to an element. When the page changes just then, the element that was found may be gone before anything is done to it: it is looked for again.
func (b *Browser) act(what string, action chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	for {
		err := chromedp.Do(ctx, action)
		if err == nil {
			return
		}
		if !strings.Contains(err.Error(), "Could not find node with given id") {
			b.t.Fatalf("%s: %v", what, err)
		}
	}
}

// Open goes to an address of the server, such as "/chat/lobby/".
func (b *Browser) Open(path string) {
	b.t.Helper()
	b.Do("open "+path, chromedp.Navigate(b.base+path))
}

// Click clicks the first element that a CSS selector finds, once it is visible.
func (b *Browser) Click(css string) {
	b.t.Helper()
	b.act("click "+css, chromedp.Click(chromedp.CSS(css), chromedp.NodeVisible))
}

// Type types into the first element that a CSS selector finds.
func (b *Browser) Type(css, text string) {
	b.t.Helper()
	b.act("type into "+css, chromedp.SendKeys(chromedp.CSS(css), text, chromedp.NodeVisible))
}

// Enter presses the Enter key in the first element that a CSS selector finds. The key goes as one event with its text, as it comes
// from a keyboard; chromedp's own keys send the text on its own, so that a page which has handled the key gets a line break as well.
func (b *Browser) Enter(css string) {
	b.t.Helper()
	press := func(kind input.DispatchKeyEventType, text string) chromedp.Action[chromedp.Void] {
		return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
			_, err := chromedp.Call(ctx, input.DispatchKeyEvent, input.DispatchKeyEventParams{
				Type: kind, Key: "Enter", Code: "Enter", Text: text, WindowsVirtualKeyCode: 13,
			})
			return err
		})
	}
	b.Do("press Enter in "+css, chromedp.Focus(chromedp.CSS(css), chromedp.NodeVisible),
		press(input.DispatchKeyEventTypeKeyDown, "\r"), press(input.DispatchKeyEventTypeKeyUp, ""))
}

// Size sets the viewport, in CSS pixels.
func (b *Browser) Size(width, height int64) {
	b.t.Helper()
	b.Do("size the window", chromedp.EmulateViewport(width, height))
}

// Phone makes the browser one of a phone, which is touched with a finger, with a screen of that size.
func (b *Browser) Phone(width, height int64) {
	b.t.Helper()
	b.Do("become a phone", chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetTouchEmulationEnabled, emulation.SetTouchEmulationEnabledParams{Enabled: true})
		if err != nil {
			return err
		}
		_, err = chromedp.Call(ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
			Width: width, Height: height, DeviceScaleFactor: 1, Mobile: true,
		})
		return err
	}))
}

// Prefer makes the page believe that the person prefers a colour scheme, "light" or "dark".
func (b *Browser) Prefer(scheme string) {
	b.t.Helper()
	b.Do("choose "+scheme, chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return err
	}))
}

// Wait waits until a JavaScript expression is true. It survives navigation. In the expression, $(css) is the first element of a selector or
// null, $$(css) all of them, and text(css) the first one's visible text or "".
func (b *Browser) Wait(expression string) {
	b.t.Helper()
	script := `(() => {
		const $ = s => document.querySelector(s), $$ = s => [...document.querySelectorAll(s)], text = s => $(s)?.innerText ?? "";
		return !!(` + expression + `) })()`
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool](script))
		if ok {
			return
		}
		select {
		case <-ctx.Done():
			b.t.Fatalf("wait for %s: it never came true (last error: %v); the page shows:\n%s", expression, err, b.visibleText())
		case <-tick.C:
		}
	}
}

// Count is how many elements a CSS selector finds.
func (b *Browser) Count(css string) int {
	b.t.Helper()
	n, err := chromedp.Run(b.ctx, chromedp.Evaluate[int](`document.querySelectorAll(`+Quote(css)+`).length`))
	if err != nil {
		b.t.Fatalf("count %s: %v", css, err)
	}
	return n
}

// Text is the visible text of the whole page.
func (b *Browser) Text() string {
	b.t.Helper()
	return b.visibleText()
}

// Picture writes a PNG of the viewport.
func (b *Browser) Picture(file string) {
	b.t.Helper()
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Fatalf("take a picture: %v", err)
	}
	if err := os.WriteFile(file, png, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

func (b *Browser) visibleText() string {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.location.href + "\n" + document.body.innerText`))
	if err != nil {
		return err.Error()
	}
	return text
}

// keepPicture leaves a picture of a failed test's page where a person can look at it.
func (b *Browser) keepPicture() {
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		return
	}
	file := filepath.Join(os.TempDir(), strings.ReplaceAll(b.t.Name(), "/", "_")+".png")
	if os.WriteFile(file, png, 0o600) == nil {
		b.t.Logf("the page at the time of the failure: %s", file)
	}
}

// Quote makes a Go string a JavaScript one, for [Browser.Wait].
func Quote(s string) string {
	q, _ := json.Marshal(s) // a string can always be marshaled
	return string(q)
}

// OpenRefused goes to an address that the browser must not show, for a reason such as ERR_CONNECTION_REFUSED.
func (b *Browser) OpenRefused(path, reason string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.Navigate(b.base+path)); err == nil || !strings.Contains(err.Error(), reason) {
		b.t.Fatalf("open %s: %v, want %s", path, err, reason)
	}
}
