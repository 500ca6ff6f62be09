package account

import (
	"errors"
	"testing"
)

func TestAdmissionDecidesWhoSignsUp(t *testing.T) {
	t.Parallel()
	for admission, want := range map[Admission]error{
		"": nil, AdmitEverybody: nil, AdmitInvited: ErrInviteOnly, AdmitNobody: ErrSignupClosed,
	} {
		a := openAccounts(t, openStore(t), Options{Admission: admission})
		if _, err := a.SignUp(t.Context(), SignUp{Name: "ada", Password: goodPassword}); !errors.Is(err, want) {
			t.Errorf("with sign-up %q: %v, want %v", admission, err, want)
		}
		if err := a.Admitted(t.Context(), ""); !errors.Is(err, want) {
			t.Errorf("with sign-up %q, Admitted = %v, want %v", admission, err, want)
		}
		token, err := a.Setup(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.SignUp(t.Context(), SignUp{Name: "root", Password: goodPassword, Setup: token}); err != nil {
			t.Errorf("with sign-up %q, the first administrator: %v", admission, err)
		}
	}
}

func TestUnknownInvitationAdmitsNobody(t *testing.T) {
	t.Parallel()
	for admission, want := range map[Admission]error{AdmitEverybody: ErrInvitation, AdmitInvited: ErrInvitation, AdmitNobody: ErrSignupClosed} {
		a := openAccounts(t, openStore(t), Options{Admission: admission})
		for _, token := range []string{"x", newToken()} {
			if _, err := a.SignUp(t.Context(), SignUp{Name: "ada", Password: goodPassword, Invitation: token}); !errors.Is(err, want) {
				t.Errorf("with sign-up %q and a wrong invitation: %v, want %v", admission, err, want)
			}
		}
		if n, err := a.Count(t.Context()); n != 0 || err != nil {
			t.Errorf("%d accounts were made, %v", n, err)
		}
	}
}
