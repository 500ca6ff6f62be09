package main

import (
	"fmt"
	"testing"

	"snug/snugtest"
)

// TestAnUnknownCommandIsNotSent types what looks like a command and is none: nobody wants to have told a whole room what was meant
// for the program.
func TestAnUnknownCommandIsNotSent(t *testing.T) {
	t.Parallel()
	b := inLobby(t)

	b.Type(composer, "/shrug at them")
	b.Enter(composer)
	b.Wait(`text("#composer-problem") === "Unknown command; to send it as text write //shrug"`)
	b.Wait(`$("[data-composer]").value === "/shrug at them" && $("[data-composer]").ariaInvalid === "true" && document.activeElement === $("[data-composer]")`)
	if n := b.Count("[data-message]"); n != 0 {
		t.Errorf("%d messages were sent", n)
	}
	b.Type(composer, "!")
	b.Wait(`text("#composer-problem") === "" && $("[data-composer]").ariaInvalid === "false"`)

	b.Wait(`(() => { const field = $("[data-composer]"); field.value = "/"; field.dispatchEvent(new Event("input", { bubbles: true })); return true })()`)
	b.Type(composer, "/shrug")
	b.Enter(composer)
	b.Wait(shows("/shrug", 1))
	b.Wait(`$("[data-composer]").value === ""`)
}

func TestWhatIsACommand(t *testing.T) {
	t.Parallel()
	b := inLobby(t)
	importChat(b, "commands")
	for typed, want := range map[string]string{
		"hello":                `{"text":"hello"}`,
		"/etc/passwd is there": `{"text":"/etc/passwd is there"}`,
		"/ is the root":        `{"text":"/ is the root"}`,
		" /me waves":           `{"text":" /me waves"}`,
		"/me waves":            `{"problem":"Unknown command; to send it as text write //me"}`,
		"/größe":               `{"problem":"Unknown command; to send it as text write //größe"}`,
		"//me waves\nand goes": `{"text":"/me waves\nand goes"}`,
		"// a comment":         `{"text":"// a comment"}`,
		"//example.org/x":      `{"text":"//example.org/x"}`,
		"/pm grace hi\nyou":    `{"to":"grace","text":"hi\nyou"}`,
		"/pm grace":            `{"problem":"To write to one person alone: /pm NAME TEXT"}`,
		"/pm":                  `{"problem":"To write to one person alone: /pm NAME TEXT"}`,
		"//pm grace hi":        `{"text":"//pm grace hi"}`,
		"//pm":                 `{"text":"//pm"}`,
		" /pm grace hi":        `{"problem":"To write to one person alone, begin with /pm: there is white space before it"}`,
		"\n/pm grace hi":       `{"problem":"To write to one person alone, begin with /pm: there is white space before it"}`,
		" /pmx":                `{"text":" /pmx"}`,
	} {
		b.Wait(fmt.Sprintf(`JSON.stringify(window.module.read(%s)) === JSON.stringify(%s)`, snugtest.Quote(typed), want))
	}
}
