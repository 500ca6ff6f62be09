package snugtest

import (
	"context"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

// Authenticator is a device that keeps passkeys, built into the page's browser: whoever is asked to touch it does.
type Authenticator struct {
	b  *Browser
	id webauthn.AuthenticatorID
}

// Authenticator gives the browser a device for passkeys. backed: it says that it copies them to other devices, as phones and
// computers do; else it is a key to plug in. A browser has at most one of the first kind.
func (b *Browser) Authenticator(backed bool) *Authenticator {
	b.t.Helper()
	a := &Authenticator{b: b}
	transport := webauthn.AuthenticatorTransportUsb
	if backed {
		transport = webauthn.AuthenticatorTransportInternal
	}
	b.Do("plug in an authenticator", chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		if _, err := chromedp.Call(ctx, webauthn.Enable, webauthn.EnableParams{}); err != nil {
			return err
		}
		added, err := chromedp.Call(ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{
			Options: &webauthn.VirtualAuthenticatorOptions{
				Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: transport,
				HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
				DefaultBackupEligibility: backed, DefaultBackupState: backed,
			},
		})
		a.id = added.AuthenticatorID
		return err
	}))
	return a
}

// Verifies sets whether people prove to the device who they are, when it asks for a finger or a PIN.
func (a *Authenticator) Verifies(does bool) {
	a.b.t.Helper()
	a.b.Do("verify the user", chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: a.id, IsUserVerified: does})
		return err
	}))
}

// Lies sets whether the device leaves out of its answers that the user was verified, and signs that.
func (a *Authenticator) Lies(does bool) {
	a.b.t.Helper()
	a.b.Do("leave the user unverified", chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, webauthn.SetResponseOverrideBits, webauthn.SetResponseOverrideBitsParams{AuthenticatorID: a.id, IsBadUV: &does})
		return err
	}))
}

// Passkeys is how many the device keeps.
func (a *Authenticator) Passkeys() int {
	a.b.t.Helper()
	return len(a.credentials())
}

func (a *Authenticator) credentials() []*webauthn.Credential {
	a.b.t.Helper()
	var kept []*webauthn.Credential
	a.b.Do("look at passkeys", chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		all, err := chromedp.Call(ctx, webauthn.GetCredentials, webauthn.GetCredentialsParams{AuthenticatorID: a.id})
		kept = all.Credentials
		return err
	}))
	return kept
}

// Count sets how often every passkey on the device was used, as if another device had an older copy.
func (a *Authenticator) Count(n int) {
	a.b.t.Helper()
	uses := float64(n)
	for _, c := range a.credentials() {
		a.b.Do("set the counter", chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
			_, err := chromedp.Call(ctx, webauthn.SetCredentialProperties, webauthn.SetCredentialPropertiesParams{
				AuthenticatorID: a.id, CredentialID: c.CredentialID, SignCount: &uses,
			})
			return err
		}))
	}
}

// OnOpen has a script run in every page from now on, before any of its own.
func (b *Browser) OnOpen(script string) {
	b.t.Helper()
	b.Do("prepare pages", chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script})
		return err
	}))
}

// SetCookie gives the page's server a cookie that scripts cannot see.
func (b *Browser) SetCookie(name, value string) {
	b.t.Helper()
	b.Do("set a cookie", chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		hidden := true
		_, err := chromedp.Call(ctx, network.SetCookie, network.SetCookieParams{
			Name: name, Value: value, URL: b.base, Path: "/", HTTPOnly: &hidden, SameSite: network.CookieSameSiteLax,
		})
		return err
	}))
}

// Value is what a JavaScript expression gives, a promise's value included.
func (b *Browser) Value(expression string) string {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[string](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("evaluate %s: %v", expression, err)
	}
	return v
}
