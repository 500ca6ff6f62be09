package account

import "testing"

func TestScopesAreSaidInEnglish(t *testing.T) {
	t.Parallel()
	for want, scopes := range map[string][]string{
		"":                           nil,
		"read":                       {ScopeRead},
		"administer":                 {ScopeAdmin},
		"read and write":             {ScopeRead, ScopeWrite},
		"write and administer":       {ScopeWrite, ScopeAdmin},
		"read, write and administer": {ScopeRead, ScopeWrite, ScopeAdmin},
	} {
		if got := SayScopes(scopes); got != want {
			t.Errorf("SayScopes(%v) = %q, want %q", scopes, got, want)
		}
	}
}
