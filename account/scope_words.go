package account

import "strings"

// SayScopes tells what a token with these scopes may do, as the end of "it may": "read", "read and write",
// "read, write and administer".
func SayScopes(scopes []string) string {
	verbs := make([]string, len(scopes))
	for i, scope := range scopes {
		if verbs[i] = scope; scope == ScopeAdmin {
			verbs[i] = "administer"
		}
	}
	if len(verbs) < 2 {
		return strings.Join(verbs, "")
	}
	last := len(verbs) - 1
	return strings.Join(verbs[:last], ", ") + " and " + verbs[last]
}
