package chat

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// folk is who has a name in these tests.
func folk(name string) (string, bool) {
	switch strings.ToLower(name) {
	case "grace", "ada", "ada.l", "grace@example.org", "зоя", "o-o":
		return strings.ToLower(name), true
	}
	return "", false
}

func TestParseFindsSpans(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ text, want string }{
		{"hello", `null`},
		{"a * b, c*d and 2*3*4", `null`},
		{"hello, **everybody**", `["hello, ",{"strong":["everybody"]}]`},
		{"*a* b", `[{"em":["a"]}," b"]`},
		{"*a **b** c*", `[{"em":["a ",{"strong":["b"]}," c"]}]`},
		{"**a *b* c**", `[{"strong":["a ",{"em":["b"]}," c"]}]`},
		{"***a***", `[{"strong":[{"em":["a"]}]}]`},
		{"***a** b*", `[{"em":[{"strong":["a"]}," b"]}]`},
		{"***a* b**", `[{"strong":[{"em":["a"]}," b"]}]`},
		{"***a* b", `["**",{"em":["a"]}," b"]`},
		{"*a **b*", `[{"em":["a **b"]}]`},
		{"*a *b*", `["*a ",{"em":["b"]}]`},
		{"*a **b *c* d**", `["*a ",{"strong":["b ",{"em":["c"]}," d"]}]`},
		{"**a ***b*** c**", `["**a ",{"strong":[{"em":["b"]}]}," c**"]`},
		{"*a***", `[{"em":["a"]},"**"]`},
		{"**a***", `[{"strong":["a"]},"*"]`},
		{"****a****", `null`},
		{"*a\nb*", `null`},
		{"* one\n* two", `null`},
		{"これは**強調**です", `["これは",{"strong":["強調"]},"です"]`},
		{"(*a*)", `["(",{"em":["a"]},")"]`},
		{"*a", `null`},
		{"run `go test` now", `["run ",{"code":"go test"}," now"]`},
		{"``a`b``", "[{\"code\":\"a`b\"}]"},
		{"```a``` b", `[{"code":"a"}," b"]`},
		{"`*a* @grace http://x.y`", `[{"code":"*a* @grace http://x.y"}]`},
		{"`a\nb`", `null`},
		{"`a``b", `null`},
		{"**`a*b`**", `[{"strong":[{"code":"a*b"}]}]`},
		{"see:\n```\nx := 1\n\ny\n```\nok", `["see:\n",{"pre":"x := 1\n\ny"},"ok"]`},
		{"```go\r\nx\r\n```\r\nok", `[{"pre":"x"},"ok"]`},
		{"```\nx", `null`},
		{"```\n\n```", `null`},
		{"```\n*a*\n", "[\"```\\n\",{\"em\":[\"a\"]},\"\\n\"]"},
		{"```\n```\nx\n```", "[\"```\\n\",{\"pre\":\"x\"}]"},
		{"see https://example.org/a?b=c&d#e.", `["see ",{"link":"https://example.org/a?b=c\u0026d#e"},"."]`},
		{"(https://example.org/a_(b))", `["(",{"link":"https://example.org/a_(b)"},")"]`},
		{"https://example.org/(", `[{"link":"https://example.org/"},"("]`},
		{"HTTP://EXAMPLE.ORG", `[{"link":"HTTP://EXAMPLE.ORG"}]`},
		{"https://пример.испытание/путь!", `[{"link":"https://пример.испытание/путь"},"!"]`},
		{"http://[::1]:8000/x", `[{"link":"http://[::1]:8000/x"}]`},
		{"http://localhost:8000", `[{"link":"http://localhost:8000"}]`},
		{"**https://example.org/**", `[{"strong":[{"link":"https://example.org/"}]}]`},
		{"「https://example.org/」です", `["「",{"link":"https://example.org/"},"」です"]`},
		{"<https://example.org/>", `["\u003c",{"link":"https://example.org/"},"\u003e"]`},
		{"xhttps://example.org", `null`},
		{"https:// and http://. and http://%zz/ and https://a b", `["https:// and http://. and http://%zz/ and ",{"link":"https://a"}," b"]`},
		{"javascript:alert(1)//http://", `null`},
		{"javascript://example.org/%0aalert(1)", `null`},
		{"data:text/html,@x", `null`},
		{"@grace: hi", `[{"mention":"grace"},": hi"]`},
		{"hi @Grace.", `["hi ",{"mention":"grace"},"."]`},
		{"@ada.l @ada.x @ada...", `[{"mention":"ada.l"}," ",{"mention":"ada"},".x ",{"mention":"ada"},"..."]`},
		{"@grace@example.org, @o-o-", `[{"mention":"grace@example.org"},", ",{"mention":"o-o"},"-"]`},
		{"-@зоя", `["-",{"mention":"зоя"}]`},
		{"mail@grace, @@grace, @nobody, @", `null`},
		{"*@grace*", `[{"em":[{"mention":"grace"}]}]`},
		{"<img src=x onerror=alert(1)> *b*", `["\u003cimg src=x onerror=alert(1)\u003e ",{"em":["b"]}]`},
		{"\xff*a*\x00", `["\ufffd",{"em":["a"]},"\u0000"]`},
	} {
		got := []byte("null")
		if body := Parse(tt.text, folk); body != nil {
			var err error
			if got, err = json.Marshal(body); err != nil {
				t.Fatalf("%q: %v", tt.text, err)
			}
		}
		if string(got) != tt.want {
			t.Errorf("%q:\n got %s\nwant %s", tt.text, got, tt.want)
		}
	}
}

func TestParseWithoutANameFunctionKnowsNobody(t *testing.T) {
	t.Parallel()
	if got := Parse("@grace", nil); got != nil {
		t.Errorf("got %v, want nil", got)
	}
}

func TestParseLooksUpABoundedNumberOfNames(t *testing.T) {
	t.Parallel()
	asked := 0
	Parse(strings.Repeat("@a.b.c-d_e+f ", 300), func(string) (string, bool) {
		asked++
		return "", false
	})
	if asked > maxMentions {
		t.Errorf("asked for %d names, want at most %d", asked, maxMentions)
	}
}

// TestParseIsLinear counts the characters that the parser looks at: doubling the text must not do more than double it.
func TestParseIsLinear(t *testing.T) {
	t.Parallel()
	for _, piece := range []string{
		"*", "**", "***", "****", "* ", " *", "*a ", "**a ", "***a ", "*a **b ", "**a *b ", "*a *b* ", "***a* ", "***a** ", "a*",
		"`", "`` ` ", "``` `` ` a", "```\n", "```\n\n", "```go\n", "`a\n", "[(", "(", ")", "((http://a", "http://a)", "http://", "http://:",
		"http://a,,,((", "@", "@a", "@a.", "@@a", "@a ", "@grace ", "@a.b.c.d.e.f ", "@" + strings.Repeat("a.", 74) + " ", "*`@[(", "h", "\xff",
	} {
		steps := func(n int) int {
			p := parser{text: strings.Repeat(piece, n), known: folk}
			p.blocks()
			return p.steps
		}
		small, large := steps(1000), steps(4000)
		if allowed := 4*small + 20*4000; large > allowed {
			t.Errorf("%.20q: %d steps for 1,000 and %d for 4,000, want at most %d", piece, small, large, allowed)
		}
		if perByte := large / (4000 * len(piece)); perByte > 12 {
			t.Errorf("%.20q: %d steps for each byte", piece, perByte)
		}
	}
}

func TestParseLosesNothing(t *testing.T) {
	t.Parallel()
	pieces := rapid.SampledFrom([]string{
		"*", "**", "***", "`", "``", "```", "\n", "\r\n", "```\n", "\n```\n", " ", "a", "b.", "@", "@grace", "@ada.l", "https://", "http://x.org/(a)",
		"(", ")", "-", "é", "字", "\u0000", "\xff", "\u200b", "go", "```go\n",
	})
	rapid.Check(t, func(t *rapid.T) {
		checkParse(t, strings.Join(rapid.SliceOfN(pieces, 0, 30).Draw(t, "pieces"), ""))
	})
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"*a **b** `c` @grace https://x.org/(a) ", "```go\nx\n```\n", "***a** b* ``c`d``", "\xff*a*"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) { checkParse(t, text) })
}

type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// checkParse holds what must be true for any text: the spans are the text without its marks, in order; they are at
// most three deep; links are http or https; and they survive JSON.
func checkParse(t failer, text string) {
	t.Helper()
	body := Parse(text, folk)
	if body == nil {
		return
	}
	rest, err := eat(text, body, 1)
	if err != nil || rest != "" {
		t.Fatalf("%q: %v, left over %q in %v", text, err, rest, body)
	}
	wire, err := json.Marshal(body)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	var back Body
	if err := json.Unmarshal(wire, &back); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	if utf8.ValidString(text) && !cmp.Equal(body, back) {
		t.Fatalf("%q: %s became %v", text, wire, back)
	}
}

var (
	fenceBegin = regexp.MustCompile("^```[^\n]*\n")
	fenceEnd   = regexp.MustCompile("^\r?\n```[^\n]*(\n|$)")
	linkScheme = regexp.MustCompile(`^(?i:https?)://`)
)

// eat takes the spans and their marks off the beginning of the text, and returns what is left.
func eat(text string, body Body, depth int) (rest string, err error) {
	if depth > 3 {
		return text, fmt.Errorf("spans are %d deep", depth)
	}
	for _, s := range body {
		var ok bool
		switch s.Kind {
		case Text:
			text, ok = strings.CutPrefix(text, s.Text)
			ok = ok && s.Text != ""
		case Mention:
			ok = len(text) > len(s.Text) && strings.EqualFold(text[:1+len(s.Text)], "@"+s.Text)
			text = text[min(len(text), 1+len(s.Text)):]
		case Link:
			text, ok = strings.CutPrefix(text, s.Text)
			ok = ok && linkScheme.MatchString(s.Text)
		case Code:
			marks := text[:run(text, '`')]
			text, ok = strings.CutPrefix(text, marks+s.Text+marks)
			ok = ok && marks != "" && !strings.Contains(s.Text, "\n")
		case Pre:
			begin := fenceBegin.FindString(text)
			text, ok = strings.CutPrefix(text, begin+s.Text)
			end := fenceEnd.FindString(text)
			text = text[len(end):]
			ok = ok && begin != "" && end != ""
		case Em, Strong:
			marks := map[Kind]string{Em: "*", Strong: "**"}[s.Kind]
			var began, ended bool
			text, began = strings.CutPrefix(text, marks)
			if text, err = eat(text, s.Spans, depth+1); err != nil {
				return text, err
			}
			text, ended = strings.CutPrefix(text, marks)
			ok = began && ended && len(s.Spans) > 0
		}
		if !ok {
			return text, fmt.Errorf("span %+v is not in the text", s)
		}
	}
	return text, nil
}

func TestBodyRefusesWhatIsNoTree(t *testing.T) {
	t.Parallel()
	for _, wire := range []string{`{}`, `[1]`, `[{}]`, `[{"b":"x"}]`, `[{"em":"x"}]`, `[{"code":["x"]}]`, `[{"code":"x","link":"y"}]`} {
		var body Body
		if err := json.Unmarshal([]byte(wire), &body); err == nil {
			t.Errorf("%s was taken for %v", wire, body)
		}
	}
}

func TestBodyReadsWhatItWrote(t *testing.T) {
	t.Parallel()
	want := Body{
		{Text: "a\n\"<"},
		{Kind: Strong, Spans: Body{{Kind: Em, Spans: Body{{Kind: Code, Text: "`"}}}}},
		{Kind: Pre, Text: "x\ny"},
		{Kind: Link, Text: "https://example.org/"},
		{Kind: Mention, Text: "grace"},
	}
	wire, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got Body
	if err := json.Unmarshal(wire, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func BenchmarkParse(b *testing.B) {
	for name, text := range map[string]string{
		"plain":     strings.Repeat("Nothing but words, and some of them are long. ", 5),
		"marked":    strings.Repeat("Some **words** with *marks*, `code` and https://example.org/. ", 4),
		"stars":     strings.Repeat("*", 4000),
		"openers":   strings.Repeat("*a ", 1333),
		"backticks": strings.Repeat("`` ` ", 800),
		"brackets":  strings.Repeat("[(", 2000),
		"addresses": strings.Repeat("http://:", 500),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				Parse(text, folk)
			}
		})
	}
}
