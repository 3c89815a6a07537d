package authz_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/authz"
)

var policy = authz.Policy{Roles: []authz.Role{
	{Name: "responders", Groups: []string{"S1"}, Permissions: []string{"check:*", "audit:read"}},
	{Name: "orders", Users: []string{"U2"}, Permissions: []string{"check:orders"}},
	{Name: "admins", Users: []string{"U3"}, Permissions: []string{"*"}},
	{Name: "nobody", Permissions: []string{"*"}},
}}

func TestDecide(t *testing.T) {
	responder := authz.Subject{User: "U1", Groups: []string{"S9", "S1"}}
	for _, tt := range []struct {
		name    string
		subject authz.Subject
		need    authz.Permission
		allowed bool
		rule    string
	}{
		{"by group, any object", responder, "check:orders", true, "role responders"},
		{"by group, exactly", responder, "audit:read", true, "role responders"},
		{"another verb", responder, "fix:orders", false, "no role grants fix:orders"},
		{"a verb that only begins alike", responder, "checks:orders", false, "no role grants checks:orders"},
		{"by user", authz.Subject{User: "U2"}, "check:orders", true, "role orders"},
		{"by user, another object", authz.Subject{User: "U2"}, "check:stock", false, "no role grants check:stock"},
		{"an object that only begins alike", authz.Subject{User: "U2"}, "check:orders2", false, "no role grants check:orders2"},
		{"everything", authz.Subject{User: "U3"}, "writes:stop", true, "role admins"},
		{"a role for nobody", authz.Subject{User: "U4"}, "check:orders", false, "no role grants check:orders"},
		{"no groups, no roles", authz.Subject{User: "U5"}, "check:orders", false, "no role grants check:orders"},
		{"nobody at all", authz.Subject{}, "check:orders", false, "unknown person"},
		{"an admin who is a guest", authz.Subject{User: "U3", Guest: true}, "check:orders", false, "guests may not act"},
		{"an admin who is an outsider", authz.Subject{User: "U3", Outsider: true}, "check:orders", false, "outsiders may not act"},
		{"an admin who is a bot", authz.Subject{User: "U3", Bot: true}, "check:orders", false, "bots may not act"},
		{"an admin who is deactivated", authz.Subject{User: "U3", Deactivated: true}, "check:orders", false, "deactivated accounts may not act"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := policy.Decide(tt.subject, tt.need)
			if d.Allowed != tt.allowed || d.Rule != tt.rule {
				t.Errorf("allowed %v by %q, want %v by %q", d.Allowed, d.Rule, tt.allowed, tt.rule)
			}
			if !d.Allowed && d.Reason == "" {
				t.Error("a refusal without a reason")
			}
		})
	}
}

func TestARefusalNamesWhoToAsk(t *testing.T) {
	d := policy.Decide(authz.Subject{User: "U5"}, "check:orders")
	if diff := cmp.Diff([]string{"responders", "orders", "admins", "nobody"}, d.Holders); diff != "" {
		t.Error(diff)
	}
}

func TestAnEmptyPolicyAllowsNothing(t *testing.T) {
	if d := (authz.Policy{}).Decide(authz.Subject{User: "U1", Groups: []string{"S1"}}, "check:orders"); d.Allowed {
		t.Error("allowed")
	}
}
