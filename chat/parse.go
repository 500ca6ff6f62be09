package chat

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Parse takes a text apart into spans; nil says that it is plain words and no more. The function says who has a name
// that a mention may mean, in the way that person writes it; nil knows nobody.
//
// What the spans hold is the text, without the characters that mark. Marks that have no partner are text. Emphasis and
// code begin and end on one line, and emphasis holds no emphasis of its own kind, so a tree is at most three deep. The
// work is linear in the length of the text, whatever it is.
func Parse(text string, known func(name string) (string, bool)) Body {
	if !strings.ContainsAny(text, "*`@") && !strings.Contains(text, "://") {
		return nil
	}
	p := parser{text: text, known: known}
	p.blocks()
	if len(p.out) == 0 || len(p.out) == 1 && p.out[0].kind == Text {
		return nil
	}
	return p.body(p.out)
}

const (
	// maxMentions bounds the names that are looked up for one text; what looks like a mention after that is text.
	maxMentions = 25
	maxRun      = 3 // longer runs of * or ` mark nothing
)

// node is a span under way: text[start:end] for those that hold text, or kids.
type node struct {
	kind       Kind
	start, end int
	name       string // of a mention
	kids       []node
}

// opener is an emphasis that has begun and may yet end.
type opener struct {
	kind  Kind
	start int // of its marks
	width int // how many marks
	kids  []node
}

type parser struct {
	text  string
	known func(string) (string, bool)

	out  []node   // what is finished
	open []opener // at most one of each kind; what is found goes into the last

	noCode   [maxRun + 1]int // no code of so many backticks ends before this place
	noLink   int             // no address begins before this place
	mentions int
	steps    int // characters looked at, for the test that the work is linear
}

// blocks finds the blocks between lines of three backticks, and hands the lines between blocks to line.
func (p *parser) blocks() {
	fences := true // until one had no partner: then none after it has
	for at := 0; at < len(p.text); {
		end := p.lineEnd(at)
		if fences && p.fence(at, end, true) {
			inside := end
			closing := p.nextFence(inside)
			fences = closing >= 0
			if fences && strings.TrimSpace(p.text[inside:closing]) != "" {
				p.add(node{kind: Pre, start: inside, end: p.beforeBreak(inside, closing)})
				at = p.lineEnd(closing)
				continue
			}
		}
		p.line(at, end)
		at = end
	}
}

// lineEnd is where the line after the one at this place begins.
func (p *parser) lineEnd(at int) int {
	if i := strings.IndexByte(p.text[at:], '\n'); i >= 0 {
		p.steps += i
		return at + i + 1
	}
	p.steps += len(p.text) - at
	return len(p.text)
}

// fence reports whether a line is three backticks. The first of a block may name a language after them.
func (p *parser) fence(start, end int, first bool) bool {
	rest, ok := strings.CutPrefix(p.text[start:end], "```")
	rest = strings.TrimSpace(rest)
	if !ok || rest == "" {
		return ok
	}
	return first && strings.IndexFunc(rest, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !strings.ContainsRune("+-#._", r)
	}) < 0
}

// nextFence is where the line that ends a block begins, or -1.
func (p *parser) nextFence(at int) int {
	for at < len(p.text) {
		end := p.lineEnd(at)
		if p.fence(at, end, false) {
			return at
		}
		at = end
	}
	return -1
}

// beforeBreak is the end of a text without its last line break.
func (p *parser) beforeBreak(start, end int) int {
	s := strings.TrimSuffix(p.text[start:end], "\n")
	return start + len(strings.TrimSuffix(s, "\r"))
}

// line takes one line apart, its line break included.
func (p *parser) line(at, end int) {
	before := ' ' // the character before at
	for at < end {
		r, size := utf8.DecodeRuneInString(p.text[at:end])
		next := at + size
		switch {
		case r == '*':
			next = p.stars(before, at, end)
		case r == '`':
			next = p.code(at, end)
		case r == '@' && before != '@' && !wordRune(before):
			next = p.mention(at, end)
		case (r == 'h' || r == 'H') && at >= p.noLink && !wordRune(before):
			next = p.link(at, end)
		default:
			p.add(node{kind: Text, start: at, end: next})
		}
		p.steps += next - at
		before, _ = utf8.DecodeLastRuneInString(p.text[at:next])
		at = next
	}
	for len(p.open) > 0 {
		p.abandon(0)
	}
}

// stars reads a run of stars, which begins or ends emphasis, or is text. It returns the place after the run.
func (p *parser) stars(before rune, at, end int) int {
	next := at + run(p.text[at:end], '*')
	after := ' '
	if next < end {
		after, _ = utf8.DecodeRuneInString(p.text[next:end])
	}
	width := next - at
	opens := !unicode.IsSpace(after) && !gluedRune(before)
	closes := !unicode.IsSpace(before) && !gluedRune(after)
	switch {
	case width > maxRun:
		p.add(node{kind: Text, start: at, end: next})
	case closes && p.closeRun(at, width):
	case opens:
		p.openRun(at, width)
	default:
		p.add(node{kind: Text, start: at, end: next})
	}
	return next
}

// kindOf is what one or two stars mark.
func kindOf(width int) Kind {
	if width == 1 {
		return Em
	}
	return Strong
}

// openRun begins what a run of stars marks: both kinds, if it has three. A kind that was open already begins anew:
// the nearest marks belong together.
func (p *parser) openRun(at, width int) {
	if width == maxRun {
		p.openRun(at, 2)
		p.openRun(at+2, 1)
		return
	}
	if i := p.opened(kindOf(width)); i >= 0 {
		p.abandon(i)
	}
	p.open = append(p.open, opener{kind: kindOf(width), start: at, width: width})
}

// closeRun ends what a run of stars marks, if that was open.
func (p *parser) closeRun(at, width int) bool {
	if width < maxRun {
		return p.closeKind(kindOf(width))
	}
	switch em, strong := p.opened(Em), p.opened(Strong); {
	case em >= 0 && strong >= 0:
		// The inner one ends first.
		first, second := Em, Strong
		if strong > em {
			first, second = Strong, Em
		}
		return p.closeKind(first) && p.closeKind(second)
	case em >= 0:
		p.closeKind(Em)
		p.add(node{kind: Text, start: at + 1, end: at + width})
		return true
	case strong >= 0:
		p.closeKind(Strong)
		p.add(node{kind: Text, start: at + 2, end: at + width})
		return true
	}
	return false
}

func (p *parser) closeKind(kind Kind) bool {
	i := p.opened(kind)
	if i < 0 {
		return false
	}
	if i == 0 && len(p.open) == 2 && len(p.open[0].kids) == 0 {
		// Both began together, as in ***a** b*: which of them is the outer one shows only now.
		p.swap()
		i = 1
	}
	if i+1 < len(p.open) {
		p.abandon(i + 1)
	}
	done := p.open[i]
	p.open = p.open[:i]
	p.add(node{kind: done.kind, kids: done.kids})
	return true
}

// swap exchanges two openers with nothing between them; their marks keep their order in the text.
func (p *parser) swap() {
	outer, inner := p.open[0], p.open[1]
	start := outer.start
	outer.start, inner.start = start+inner.width, start
	outer.kids, inner.kids = inner.kids, nil
	p.open[0], p.open[1] = inner, outer
}

// opened is the index of the open emphasis of a kind, or -1.
func (p *parser) opened(kind Kind) int {
	for i := range p.open {
		if p.open[i].kind == kind {
			return i
		}
	}
	return -1
}

// abandon makes the marks of an opener text, and gives what it held to the one around it. A node moves at most once
// for each of the two openers, so this stays linear.
func (p *parser) abandon(i int) {
	lost := p.open[i]
	inner := append([]opener(nil), p.open[i+1:]...)
	p.open = p.open[:i]
	p.add(node{kind: Text, start: lost.start, end: lost.start + lost.width})
	for _, kid := range lost.kids {
		p.add(kid)
	}
	p.steps += len(lost.kids)
	p.open = append(p.open, inner...)
}

// code reads code between two runs of as many backticks on one line.
func (p *parser) code(at, end int) int {
	width := run(p.text[at:end], '`')
	inside := at + width
	if width <= maxRun && at >= p.noCode[width] {
		for i := inside; i < end; {
			skip := strings.IndexByte(p.text[i:end], '`')
			if skip < 0 {
				break
			}
			i += skip
			n := run(p.text[i:end], '`')
			if n == width {
				p.add(node{kind: Code, start: inside, end: i})
				return i + n
			}
			i += n
		}
		p.steps += end - inside
		p.noCode[width] = end
	}
	p.add(node{kind: Text, start: at, end: inside})
	return inside
}

// mention reads @name where somebody has that name: the longest that somebody has, so that a full stop after a name
// is not part of it.
func (p *parser) mention(at, end int) int {
	first := at + 1
	if p.known == nil || p.mentions >= maxMentions {
		p.add(node{kind: Text, start: at, end: first})
		return first
	}
	last := first
	for chars := 0; last < end && chars < maxName; chars++ {
		r, size := utf8.DecodeRuneInString(p.text[last:end])
		if !nameRune(r) {
			break
		}
		last += size
	}
	p.steps += last - first
	for cut := last; cut > first && p.mentions < maxMentions; cut = shorter(p.text, first, cut) {
		p.mentions++
		if name, ok := p.known(p.text[first:cut]); ok {
			p.add(node{kind: Mention, start: at, end: cut, name: name})
			return cut
		}
	}
	p.add(node{kind: Text, start: at, end: first})
	return first
}

// shorter cuts a name before its last punctuation. A name can have both: "ada.l" and "ada".
func shorter(text string, first, cut int) int {
	i := strings.LastIndexAny(text[first:cut], "@.+-_")
	return first + max(i, 0)
}

// add puts a node into the innermost open emphasis. Text that continues text becomes one with it.
func (p *parser) add(n node) {
	list := &p.out
	if len(p.open) > 0 {
		list = &p.open[len(p.open)-1].kids
	}
	if last := len(*list) - 1; n.kind == Text && last >= 0 {
		if before := &(*list)[last]; before.kind == Text && before.end == n.start {
			before.end = n.end
			return
		}
	}
	*list = append(*list, n)
}

func (p *parser) body(nodes []node) Body {
	spans := make(Body, len(nodes))
	for i, n := range nodes {
		spans[i].Kind = n.kind
		switch n.kind {
		case Em, Strong:
			spans[i].Spans = p.body(n.kids)
		case Mention:
			spans[i].Text = n.name
		default:
			spans[i].Text = p.text[n.start:n.end]
		}
	}
	return spans
}

// run is how many times c stands at the beginning of s.
func run(s string, c byte) int {
	n := 0
	for n < len(s) && s[n] == c {
		n++
	}
	return n
}
