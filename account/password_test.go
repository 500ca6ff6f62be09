package account

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// cheap is a cost for tests that are not about the cost.
var cheap = cost{memory: 64, time: 1, threads: 1}

func TestPasswordRules(t *testing.T) {
	t.Parallel()
	rules := newPasswordRules()
	for _, tt := range []struct{ rule, password, name, code, says string }{
		{"good", "tall blue kettle", "ada", "", ""},
		{"eight characters", "xk7#qm2v", "ada", "", ""},
		{"eight characters of two bytes", "жщёъюэхб", "ada", "", ""},
		{"256 bytes", strings.Repeat("xk7#", 64), "ada", "", ""},
		{"holds the name", "adaadaada-kettle", "ada", "", ""},
		{"bad name, good password", "tall blue kettle", "a b", "", ""},
		{"none", "", "ada", CodeRequired, "at least 8"},
		{"one", "x", "ada", CodeTooShort, "has 1 character: use at least 8"},
		{"seven", "xk7#qm2", "ada", CodeTooShort, "has 7 characters: use at least 8"},
		{"seven characters of many bytes", "王王王王王王王", "ada", CodeTooShort, "7"},
		{"four decomposed letters", "e\u0301o\u0301a\u0301u\u0301", "ada", CodeTooShort, "has 4"},
		{"257 bytes", strings.Repeat("x", 257), "ada", CodeTooLong, "has 257 bytes: use at most 256"},
		{"many bytes, few characters", strings.Repeat("王", 100), "ada", CodeTooLong, "300 bytes"},
		{"common", "password", "ada", CodeCommon, "guessed first"},
		{"common in capitals", "PassWord", "ada", CodeCommon, ""},
		{"common digits", "12345678", "ada", CodeCommon, ""},
		{"common walk", "1qaz2wsx", "ada", CodeCommon, ""},
		{"common elsewhere", "Пароль123", "ada", CodeCommon, ""},
		{"common, decomposed", norm.NFD.String("contraseña"), "ada", CodeCommon, ""},
		{"one letter", "aaaaaaaa", "ada", CodeCommon, ""},
		{"spaces", "        ", "ada", CodeCommon, ""},
		{"the name", "ada-lovelace", "ada-lovelace", CodeIsName, "your user name"},
		{"the name in capitals", "ADA-Lovelace", "ada-lovelace", CodeIsName, ""},
		{"the name in full width", "ａｄａ-lovelace", "ada-lovelace", CodeIsName, ""},
		{"the bad name", "ada lovelace", "Ada Lovelace", CodeIsName, ""},
	} {
		fault := rules.check(tt.password, tt.name)
		switch {
		case tt.code == "" && fault != nil:
			t.Errorf("%s: %v, want none", tt.rule, fault)
		case tt.code != "" && (fault == nil || fault.Field != FieldPassword || fault.Code != tt.code || !strings.Contains(fault.Message, tt.says)):
			t.Errorf("%s: %v, want %s: …%s…", tt.rule, fault, tt.code, tt.says)
		}
	}
}

func TestCommonPasswordsAreFitForTheSearch(t *testing.T) {
	t.Parallel()
	list := newPasswordRules().common
	if len(list) < 2000 {
		t.Errorf("the list has %d passwords, want a few thousand", len(list))
	}
	if !slices.IsSorted(list) {
		t.Error("the list is not sorted")
	}
	for _, p := range list {
		if p != strings.ToLower(p) || !norm.NFC.IsNormalString(p) || len([]rune(p)) < minPassword {
			t.Errorf("%q can never be found", p)
		}
	}
}

func TestHashIsVerified(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	h := newHasher(cheap, argon2.IDKey)
	stored, err := h.hash(ctx, "tall blue kéttle")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(stored, "$argon2id$v=19$m=64,t=1,p=1$") {
		t.Errorf("hash = %s, want a PHC string", stored)
	}
	if again, _ := h.hash(ctx, "tall blue kéttle"); again == stored {
		t.Error("two hashes of one password are equal: there is no salt")
	}
	for password, want := range map[string]bool{
		"tall blue kéttle":                  true,
		norm.NFD.String("tall blue kéttle"): true,
		"tall blue kettle":                  false,
		"Tall blue kéttle":                  false,
		"":                                  false,
	} {
		if right, stale, err := h.verify(ctx, stored, password); right != want || stale || err != nil {
			t.Errorf("verify(%q) = %t, %t, %v, want %t, false, nil", password, right, stale, err, want)
		}
	}
}

func TestDefaultCostIsTheAgreedOne(t *testing.T) {
	t.Parallel()
	h := newHasher(defaultCost, argon2.IDKey)
	stored, err := h.hash(t.Context(), "tall blue kettle")
	if err != nil || !strings.HasPrefix(stored, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("hash = %s, %v", stored, err)
	}
}

// Hashes made elsewhere must verify here, and ours elsewhere.
func TestPHCStringIsTheStandardOne(t *testing.T) {
	t.Parallel()
	salt := []byte("somesalt")
	d := digest{cost: cost{memory: 256, time: 2, threads: 1}, salt: salt, key: argon2.IDKey([]byte("password"), salt, 2, 256, 1, 32)}
	// The published test vector of the argon2 reference implementation for these values.
	const want = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
	if got := d.String(); got != want {
		t.Errorf("digest = %s, want %s", got, want)
	}
	parsed, err := parseDigest(want)
	if err != nil || parsed.cost != d.cost || !bytes.Equal(parsed.salt, d.salt) || !bytes.Equal(parsed.key, d.key) {
		t.Errorf("parseDigest = %v, %v", parsed, err)
	}
}

func TestStaleHashIsSaid(t *testing.T) {
	t.Parallel()
	old := newHasher(cost{memory: 32, time: 1, threads: 1}, argon2.IDKey)
	h := newHasher(cheap, argon2.IDKey)
	stored, err := old.hash(t.Context(), "tall blue kettle")
	if err != nil {
		t.Fatal(err)
	}
	if right, stale, err := h.verify(t.Context(), stored, "tall blue kettle"); !right || !stale || err != nil {
		t.Errorf("verify = %t, %t, %v, want right and stale", right, stale, err)
	}
	if right, stale, err := h.verify(t.Context(), stored, "wrong"); right || stale || err != nil {
		t.Errorf("verify = %t, %t, %v, want neither", right, stale, err)
	}
}

func TestUnusableHashCostsOneHashAndIsNeverRight(t *testing.T) {
	t.Parallel()
	const salt, key = "c29tZXNhbHQ", "nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
	for _, stored := range []string{
		"", "!", "password", "$argon2id$", "$$$$$",
		"$argon2i$v=19$m=256,t=2,p=1$" + salt + "$" + key,
		"$argon2id$v=18$m=256,t=2,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=256,t=2$" + salt + "$" + key,
		"$argon2id$v=19$m=256,t=2,p=1,x=1$" + salt + "$" + key,
		"$argon2id$v=19$m=+256,t=2,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=4294967295,t=2,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=99999999999,t=2,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=256,t=4294967295,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=256,t=0,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=256,t=2,p=0$" + salt + "$" + key,
		"$argon2id$v=19$m=256,t=2,p=255$" + salt + "$" + key,
		"$argon2id$v=19$m=256,t=2,p=256$" + salt + "$" + key,
		"$argon2id$v=19$m=4,t=2,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=256,t=2,p=1$$" + key,
		"$argon2id$v=19$m=256,t=2,p=1$" + salt + "$",
		"$argon2id$v=19$m=256,t=2,p=1$" + salt + "$!!!",
		"$argon2id$v=19$m=256,t=2,p=1$" + salt + "$" + strings.Repeat("AAAA", 100),
		"$argon2id$v=19$m=256,t=2,p=1$" + salt + "$" + key + "$",
	} {
		var hashes []cost
		h := newHasher(cheap, func(_, _ []byte, time, memory uint32, threads uint8, n uint32) []byte {
			hashes = append(hashes, cost{memory: memory, time: time, threads: threads})
			return make([]byte, n)
		})
		right, stale, err := h.verify(t.Context(), stored, "password")
		if right || stale || err != nil {
			t.Errorf("verify(%q) = %t, %t, %v, want wrong", stored, right, stale, err)
		}
		if !slices.Equal(hashes, []cost{cheap}) {
			t.Errorf("verify(%q) made hashes of %v, want one of the usual cost", stored, hashes)
		}
	}
}

func TestNoMoreHashesAtOnceThanSlots(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var running, most atomic.Int32
		release := make(chan struct{})
		h := newHasher(cheap, func(_, _ []byte, _, _ uint32, _ uint8, n uint32) []byte {
			most.Store(max(most.Load(), running.Add(1)))
			<-release
			running.Add(-1)
			return make([]byte, n)
		})
		h.slots = make(chan struct{}, 2)
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if _, err := h.hash(t.Context(), "password"); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		if n := running.Load(); n != 2 {
			t.Errorf("%d hashes run at once, want 2", n)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := h.hash(ctx, "password"); !errors.Is(err, context.Canceled) {
			t.Errorf("a hash that cannot wait: %v, want context.Canceled", err)
		}
		close(release)
		all.Wait()
		if n := most.Load(); n != 2 {
			t.Errorf("up to %d hashes ran at once, want 2", n)
		}
	})
}

func BenchmarkHash(b *testing.B) {
	h := newHasher(defaultCost, argon2.IDKey)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.hash(b.Context(), "tall blue kettle"); err != nil {
			b.Fatal(err)
		}
	}
}
