package app

import (
	"fmt"

	"github.com/integritybot/integritybot/internal/workspace"
)

// The people and places of the demo. The ids are those that
// config.example.yaml gives rights to.
const (
	demoIncident = "C0INCIDENT"
	demoGeneral  = "C0GENERAL"
	demoPartner  = "C0PARTNER"
	demoAlerts   = "C0ALERTS"
	demoAlice    = "U0ALICE"
)

// DemoWorkspace is the workspace simulator with the demo's people, channels and
// app in it. It does not listen yet.
func DemoWorkspace(assets workspace.Options) (*workspace.Workspace, error) {
	assets.TeamName = "Northwind Shop"
	assets.Tries = demoTries()
	assets.App = workspace.App{
		Name: "integrity",
		Commands: []workspace.Command{{
			Command: "/integrity", UsageHint: "diagnose orders | check orders | incident declare | logs | changes | locks | cache check | events dlq | writes status | help",
			Description: "Check the data, and see what is wrong", ShouldEscape: true,
		}},
		Shortcuts: []workspace.Shortcut{
			{CallbackID: "pick_check", Name: "Run a check", Description: "Pick a check and where to answer", Type: "global"},
			{CallbackID: "declare_incident", Name: "Declare an incident", Description: "Open a channel for what is wrong", Type: "global"},
		},
	}
	w, err := workspace.New(assets)
	if err != nil {
		return nil, fmt.Errorf("workspace simulator: %w", err)
	}
	if err := populate(w); err != nil {
		return nil, fmt.Errorf("workspace simulator: %w", err)
	}
	return w, nil
}

// demoTries are the things to try.
func demoTries() []string {
	return []string{"/integrity diagnose orders", "/integrity check orders", "/integrity fix orphaned-orders", "/integrity events dlq", "/integrity incident declare orders"}
}

func populate(w *workspace.Workspace) error {
	groups := []workspace.Group{
		{ID: "S0RESPONDERS", Handle: "responders", Name: "Incident responders"},
		{ID: "S0APPROVERS", Handle: "approvers", Name: "Approvers"},
		{ID: "S0ADMINS", Handle: "integrity-admins", Name: "Admins of the bot"},
		{ID: "S0DEVOPS", Handle: "devops", Name: "DevOps on call"},
		{ID: "S0BACKEND", Handle: "backend", Name: "Backend on call"},
		{ID: "S0DBA", Handle: "dba", Name: "Database administrators"},
		{ID: "S0DATA", Handle: "data-team", Name: "Data team"},
	}
	people := []workspace.Person{
		{ID: demoAlice, Name: "alice", RealName: "Alice Moreau", Title: "Backend on-call", Kind: workspace.Member, Groups: []string{"S0RESPONDERS", "S0BACKEND"}},
		{ID: "U0BOB", Name: "bob", RealName: "Bob Okafor", Title: "Database administrator", Kind: workspace.Member, Groups: []string{"S0RESPONDERS", "S0APPROVERS", "S0DBA"}},
		{ID: "U0CAROL", Name: "carol", RealName: "Carol Lindqvist", Title: "Platform lead", Kind: workspace.Member, Groups: []string{"S0ADMINS", "S0DEVOPS"}},
		{ID: "U0DAVE", Name: "dave", RealName: "Dave Tanaka", Title: "Support, no role in the bot", Kind: workspace.Member},
		{ID: "U0ERIN", Name: "erin", RealName: "Erin Haddad", Title: "Data team", Kind: workspace.Member, Groups: []string{"S0DATA"}},
		{ID: "U0GUEST", Name: "gina", RealName: "Gina (guest)", Title: "Contractor", Kind: workspace.Guest},
		{ID: "U0OTTO", Name: "otto", RealName: "Otto (partner company)", Title: "Payment provider", Kind: workspace.Outsider},
	}
	all := []string{demoAlice, "U0BOB", "U0CAROL", "U0DAVE", "U0ERIN"}
	channels := []workspace.Channel{
		{ID: demoGeneral, Name: "general", Topic: "Everybody", Members: append([]string{w.BotUserID()}, all...)},
		{ID: demoIncident, Name: "inc-20261121-orders", Topic: "Customers report wrong totals. Lead: Alice", Members: append([]string{w.BotUserID(), "U0GUEST"}, all...)},
		{ID: demoAlerts, Name: "data-alerts", Topic: "Where alerts about data are told", Members: append([]string{w.BotUserID()}, all...)},
		{ID: "C0EXECUTIVES", Name: "exec-updates", Topic: "What executives are told", Members: []string{w.BotUserID(), demoAlice, "U0CAROL"}},
		{ID: "C0SUPPORT", Name: "support", Topic: "What support is told", Members: []string{w.BotUserID(), demoAlice, "U0DAVE"}},
		{ID: demoPartner, Name: "ext-payment-provider", Topic: "Shared with the payment provider", ExtShared: true, Members: []string{w.BotUserID(), demoAlice, "U0BOB", "U0OTTO"}},
		{ID: "C0NOBOT", Name: "backend", Topic: "The bot is not a member here", Members: all},
	}
	for _, g := range groups {
		if _, err := w.AddGroup(g); err != nil {
			return fmt.Errorf("group %s: %w", g.Handle, err)
		}
	}
	for _, c := range channels {
		if _, err := w.AddChannel(workspace.Channel{ID: c.ID, Name: c.Name, Topic: c.Topic, ExtShared: c.ExtShared}); err != nil {
			return fmt.Errorf("channel %s: %w", c.Name, err)
		}
	}
	for _, p := range people {
		if _, err := w.AddPerson(p); err != nil {
			return fmt.Errorf("person %s: %w", p.Name, err)
		}
	}
	for _, c := range channels {
		if _, err := w.AddChannel(c); err != nil {
			return fmt.Errorf("members of %s: %w", c.Name, err)
		}
	}
	return nil
}
