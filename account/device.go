package account

import (
	"strings"
	"unicode"
)

// maxDevice is how much of the name that a program gives itself is shown, in characters.
const maxDevice = 40

// Device is what people call a browser, such as "Firefox on Linux", by what it says it is. It is a guess, and anybody may say anything: it is for recognizing
// one's own devices and for nothing else.
func Device(agent string) string {
	browser, system := browserOf(agent), systemOf(agent)
	switch {
	case browser != "" && system != "":
		return browser + " on " + system
	case browser != "":
		return browser
	case strings.HasPrefix(agent, "Mozilla/") && system != "":
		return "A browser on " + system
	}
	program, _, _ := strings.Cut(agent, " ")
	program, _, _ = strings.Cut(program, "/")
	program = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, program)
	if program == "" {
		return "An unknown device"
	}
	if letters := []rune(program); len(letters) > maxDevice {
		program = string(letters[:maxDevice-1]) + "…"
	}
	return program
}

// named is a piece of text by which something is known.
type named struct{ sign, name string }

// browserOf looks for the more special signs first, because browsers claim to be all those that came before them.
func browserOf(agent string) string {
	return nameBy(agent, []named{
		{"Edg", "Edge"},
		{"OPR/", "Opera"},
		{"SamsungBrowser/", "Samsung Internet"},
		{"Vivaldi/", "Vivaldi"},
		{"FxiOS/", "Firefox"},
		{"Firefox/", "Firefox"},
		{"CriOS/", "Chrome"},
		{"Chromium/", "Chromium"},
		{"HeadlessChrome/", "Chrome"},
		{"Chrome/", "Chrome"},
		{"Safari/", "Safari"},
	})
}

func systemOf(agent string) string {
	return nameBy(agent, []named{
		{"iPhone", "iPhone"},
		{"iPad", "iPad"},
		{"Android", "Android"},
		{"CrOS", "ChromeOS"},
		{"Windows", "Windows"},
		{"Macintosh", "Mac"},
		{"FreeBSD", "FreeBSD"},
		{"OpenBSD", "OpenBSD"},
		{"Linux", "Linux"},
	})
}

func nameBy(agent string, known []named) string {
	for _, k := range known {
		if strings.Contains(agent, k.sign) {
			return k.name
		}
	}
	return ""
}
