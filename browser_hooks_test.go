package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"snug/snugtest"
)

// makeHook makes a webhook on the page of a room's settings and returns its address.
func makeHook(t *testing.T, b *snugtest.Browser, room, name string) (address string) {
	t.Helper()
	b.Open("/chat/" + room + "/settings/")
	b.Type("#name", name)
	b.Enter("#name")
	b.Wait(`$("[data-made] input")`)
	return b.Value(`document.querySelector("[data-made] input").value`)
}

// bothSizes looks at a page that only a form leads to on a desktop and on a phone.
func bothSizes(b *snugtest.Browser, name string) {
	for _, size := range []struct{ w, h int64 }{{1440, 900}, {390, 844}} {
		b.Size(size.w, size.h)
		b.Wait(`document.documentElement.scrollWidth <= innerWidth`)
		if dir := os.Getenv("SNUG_PICTURES"); dir != "" {
			b.Picture(filepath.Join(dir, fmt.Sprintf("%s-%dx%d.png", name, size.w, size.h)))
		}
	}
}

// hookPost is what a program does.
func hookPost(t *testing.T, address, text string) (status int) {
	t.Helper()
	response, err := http.Post(address, "text/plain", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode
}

func TestAWebhookInTheBrowser(t *testing.T) {
	t.Parallel()
	s := snugtest.Start(t, snugtest.Options{})
	ada := snugtest.OpenBrowser(t, s.URL)
	signUp(ada, "ada")
	ada.Open("/chat/lobby/")
	ada.Wait(connected)
	address := makeHook(t, ada, "lobby", "Build server")
	if !strings.HasPrefix(address, s.URL+"/hook/") {
		t.Fatalf("the address is %q", address)
	}
	ada.Wait(`!$("[data-copy] button").hidden`)
	bothSizes(ada, "hook_made")
	ada.Open("/chat/lobby/settings/")
	ada.Wait(`$('[data-hook="Build server"]') && !$("[data-made]") && !document.documentElement.innerHTML.includes("snug_hook_")`)

	ada.Open("/chat/lobby/")
	ada.Wait(connected)
	if status := hookPost(t, address, "**built** in 42 s"); status != http.StatusOK {
		t.Fatalf("a program gets %d", status)
	}
	ada.Wait(shows("built in 42 s", 1))
	ada.Wait(`text(".message__name") === "Build server" && text(".message__mark") === "Webhook" && $$("[data-message] a.message__name").length === 0`)
	bothSizes(ada, "hook_message")
	ada.Open("/chat/lobby/") // the same from history
	ada.Wait(`text(".message__mark") === "Webhook"`)

	// Nobody else can take it back.
	ada.Size(1440, 900)
	ada.Click("[data-message]")
	ada.Wait(`$("[data-message][data-active=true]") && $$("[data-action=edit]").length === 0`)
	ada.Click("[data-action=delete]")
	ada.Click("[data-action=confirm-delete]")
	ada.Wait(`$("[data-message][data-deleted=true]")`)

	ada.Open("/chat/lobby/settings/")
	ada.Click(`[data-hook="Build server"] button`)
	ada.Wait(`text("[data-hooks]").includes("Revoked") && !$("[data-hook]")`)
	if status := hookPost(t, address, "too late"); status != http.StatusNotFound {
		t.Errorf("by a revoked webhook a program gets %d", status)
	}
}
