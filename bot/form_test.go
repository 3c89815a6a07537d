package bot_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/bot"
	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/workspace"
)

// declareForm has every kind of field, and a preview that says what the words were.
func declareForm(_ context.Context, r commands.Request) *message.Form {
	if !strings.HasPrefix(r.Text, "incident declare") {
		return nil
	}
	return &message.Form{
		Title: "Declare an incident", Verb: "incident declare", Submit: "Declare", Renew: true,
		Carried: map[string]string{"run": "R-1042", "again": ""},
		Intro:   []message.Line{message.Text("A channel is opened, and the on-call people are invited.")},
		Fields: []message.Field{
			{Label: "What is affected", Kind: message.FieldChoice, Options: []message.Option{{Value: "orders", Label: "Orders"}, {Value: "payments", Label: "Payments"}}, Value: "orders"},
			{Name: "title", Label: "Title", Kind: message.FieldText, Optional: true, Max: 80, Hint: "A few words"},
			{Name: "says", Label: "What is known", Kind: message.FieldLines, Value: "nothing yet"},
			{
				Name: "audience", Label: "Who is told", Kind: message.FieldChoices, Optional: true, Value: "support",
				Options: []message.Option{{Value: "executives", Label: "Executives"}, {Value: "support", Label: "Support"}},
			},
			{Name: "lead", Label: "Lead", Kind: message.FieldPerson, Optional: true},
			{Name: "drill", Label: "It is a drill", Kind: message.FieldFlag},
		},
		Preview: []message.Part{{Code: "made of: " + r.Text}},
	}
}

// filled is what a person enters, by the ids that the fields have.
func filled(changes map[string]map[string]any) map[string]any {
	out := map[string]any{}
	for block, value := range changes {
		kind, _ := value["as"].(string)
		entry := map[string]any{}
		for k, v := range value {
			if k != "as" {
				entry[k] = v
			}
		}
		out[block] = map[string]any{kind: entry}
	}
	return out
}

func picked(values ...string) []any {
	var out []any
	for _, v := range values {
		out = append(out, map[string]any{"value": v})
	}
	return out
}

func everything(w *world) map[string]any {
	return filled(map[string]map[string]any{
		"argument-1":    {"as": "choice-", "type": "static_select", "selected_option": map[string]any{"value": "payments"}},
		"flag-title":    {"as": "text-title", "type": "plain_text_input", "value": " it's \"late\" "},
		"flag-says":     {"as": "lines-says", "type": "plain_text_input", "value": "two\nlines --because"},
		"flag-audience": {"as": "choices-audience", "type": "checkboxes", "selected_options": picked("executives", "support")},
		"flag-lead":     {"as": "person-lead", "type": "users_select", "selected_user": w.bob},
		"flag-drill":    {"as": "flag-drill", "type": "checkboxes", "selected_options": picked("on")},
	})
}

func (w *world) split(text string) []string {
	w.t.Helper()
	words, err := commands.Split(text)
	if err != nil {
		w.t.Fatalf("%q: %v", text, err)
	}
	return words
}

// TestAFormComposesTheCommand that would otherwise be typed: opened by what was typed
// without its words, renewed, and submitted once.
func TestAFormComposesTheCommand(t *testing.T) {
	w := newWorld(t, setup{asker: &asker{form: declareForm}})
	if _, err := w.Say(w.alice, w.channel, "", "/integrity incident declare"); err != nil {
		t.Fatal(err)
	}
	w.untilModal()
	for _, want := range []string{
		`"Declare an incident"`, `"Declare"`, "on-call people", "made of: incident declare", `"initial_value":"nothing yet"`,
		`"multiline":true`, `"type":"users_select"`, `"initial_options":[{"text":{"emoji":false,"text":"Support"`, `"optional":true`, "A few words",
	} {
		if !strings.Contains(asJSON(t, w.modal()), want) {
			t.Errorf("the form does not have %s:\n%s", want, asJSON(t, w.modal()))
		}
	}
	if n := len(w.asker.requests()); n != 0 {
		t.Fatalf("opening it asked %d times", n)
	}
	id := w.modal()["id"].(string)
	if err := w.Click(workspace.Click{As: w.alice, ViewID: id, BlockID: "renew", ActionID: "renew", Values: everything(w)}); err != nil {
		t.Fatal(err)
	}
	if text := asJSON(t, w.modal()); !strings.Contains(text, "made of: incident declare") || !strings.Contains(text, "payments") {
		t.Errorf("the preview was not renewed:\n%s", text)
	}
	renewal := w.asker.forms()[1]
	if err := w.Submit(w.alice, id, everything(w)); err != nil {
		t.Fatal(err)
	}
	got := w.asked(1)
	want := []string{
		"incident", "declare", "--again", "--audience", "executives,support", "--drill", "--lead", "<@" + w.bob + ">",
		"--run", "R-1042", "--says", "two\nlines --because", "--title", "it's \"late\"", "--", "payments",
	}
	for name, text := range map[string]string{"submitted": got.Text, "renewed": renewal.Text} {
		if diff := cmp.Diff(want, w.split(text)); diff != "" {
			t.Errorf("%s %q (-want +got):\n%s", name, text, diff)
		}
	}
	if renewal.Source != audit.FromModal || w.asker.forms()[0].Source != audit.FromSlash {
		t.Errorf("the form was asked for from %s and %s", w.asker.forms()[0].Source, renewal.Source)
	}
	got.Text = ""
	if diff := cmp.Diff(w.alicesRequest(audit.FromModal, ""), got, unpredictable); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	if modals, _ := w.Modals(w.alice); len(modals) != 0 {
		t.Error("the form is still open")
	}
	w.check()
}

func (w *world) untilModal() {
	w.t.Helper()
	eventually(w.t, 5*time.Second, "a dialog", func() bool {
		modals, err := w.Modals(w.alice)
		return err == nil && len(modals) == 1
	})
}

// TestWhatWasNotTouchedStaysAsItWas: defaults go along, empty fields do not.
func TestWhatWasNotTouchedStaysAsItWas(t *testing.T) {
	w := newWorld(t, setup{asker: &asker{form: declareForm}})
	if err := w.UseShortcut(w.alice, "declare_incident", "", ""); err != nil {
		t.Fatal(err)
	}
	if err := w.Submit(w.alice, w.modal()["id"].(string), map[string]any{}); err != nil {
		t.Fatal(err)
	}
	got := w.asked(1)
	want := []string{"incident", "declare", "--again", "--audience", "support", "--run", "R-1042", "--says", "nothing yet", "--", "orders"}
	if diff := cmp.Diff(want, w.split(got.Text)); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	if first := w.asker.forms()[0]; first.Source != audit.FromShortcut || first.Text != "incident declare" || first.Channel != "" {
		t.Errorf("the form was asked for by %+v", first)
	}
	if !strings.HasPrefix(got.Channel, "D") {
		t.Errorf("what comes from no channel is answered in %q, want the person's direct messages", got.Channel)
	}
	w.check()
}

// TestButtonsOpenForms where they say so, and are asked at once if there is none.
func TestButtonsOpenForms(t *testing.T) {
	for _, row := range []struct {
		name, action, ref string
		form              bool
		want              string // asked at once
	}{
		{"with a form", "incident~form", "declare --run R-1042", true, ""},
		{"whose command has none any more", "incident~form2", "resolve INC-1", false, "incident resolve INC-1"},
		{"that says nothing of one", "incident~3", "declare --run R-1042", false, "incident declare --run R-1042"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t, setup{asker: &asker{form: declareForm}})
			p := post("run/7", w.channel, "orders are wrong")
			p.Message.Actions = []message.Action{
				{Verb: "incident", Ref: "declare --run R-1042", Label: "Declare", Form: true, Confirm: &message.Confirm{Title: "Never shown"}},
				{Verb: "incident", Ref: "resolve INC-1", Label: "Resolve", Form: true},
				{Verb: "incident", Ref: "declare --run R-1042", Label: "At once"},
			}
			w.outbox.Set(p)
			w.outbox.idle(t, 10*time.Second)
			if err := w.press(w.messages()[0].TS, row.action); err != nil {
				t.Fatal(err)
			}
			modals, err := w.Modals(w.alice)
			if err != nil || len(modals) > 0 != row.form {
				t.Errorf("%d dialogs, %v", len(modals), err)
			}
			if row.want != "" {
				if got := w.asked(1); got.Text != row.want || got.Source != audit.FromButton {
					t.Errorf("asked %+v, want %q", got, row.want)
				}
			}
			w.check()
		})
	}
}

// TestAFormThatDoesNotOpenIsSaid, with the command to type, and nothing is done.
func TestAFormThatDoesNotOpenIsSaid(t *testing.T) {
	late := func(ctx context.Context, _ commands.Request) *message.Form { <-ctx.Done(); return nil }
	huge := func(ctx context.Context, r commands.Request) *message.Form {
		f := declareForm(ctx, r)
		f.Carried = map[string]string{"sealed": strings.Repeat("x", 4000)}
		return f
	}
	for _, row := range []struct {
		name  string
		form  func(context.Context, commands.Request) *message.Form
		fault string
		want  string
	}{
		{"the trigger expired", declareForm, "expired_trigger_id", "or type /integrity incident declare … --says '…'."},
		{"it is made too late", late, "", "or type /integrity incident declare --run R-1042."},
		{"it has no room", huge, "", "or type /integrity incident declare … --says '…'."},
		{"making it panics", func(context.Context, commands.Request) *message.Form { panic("x") }, "", "or type /integrity incident declare --run R-1042."},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t, setup{asker: &asker{form: row.form}})
			p := post("run/7", w.channel, "orders are wrong")
			p.Message.Actions = []message.Action{{Verb: "incident", Ref: "declare --run R-1042", Label: "Declare", Form: true}}
			w.outbox.Set(p)
			w.outbox.idle(t, 10*time.Second)
			if row.fault != "" {
				w.fault(workspace.Fault{Method: "views.open", Kind: "error", Error: row.fault})
			}
			if err := w.press(w.messages()[0].TS, "incident~form"); err != nil {
				t.Fatal(err)
			}
			var said []string
			for _, m := range w.messages() {
				if m.Ephemeral {
					said = append(said, m.Text)
				}
			}
			if len(said) != 1 || !strings.HasPrefix(said[0], "The form did not open in time, so nothing was done.") || !strings.HasSuffix(said[0], row.want) {
				t.Errorf("said %q, want …%s", said, row.want)
			}
			if n := len(w.asker.requests()); n != 0 {
				t.Errorf("asked %d times", n)
			}
			w.check()
		})
	}
}

// TestAPreviewThatCannotBeMadeIsSaidInTheForm, and what was typed stays.
func TestAPreviewThatCannotBeMadeIsSaidInTheForm(t *testing.T) {
	var made atomic.Int64
	w := newWorld(t, setup{asker: &asker{form: func(ctx context.Context, r commands.Request) *message.Form {
		if n := made.Add(1); n == 2 || n == 3 {
			return nil
		}
		return declareForm(ctx, r)
	}}})
	if err := w.UseShortcut(w.alice, "declare_incident", "", ""); err != nil {
		t.Fatal(err)
	}
	id := w.modal()["id"].(string)
	for try, want := range []int{1, 1, 0} { // said once however often, and not when it is made
		if err := w.Click(workspace.Click{As: w.alice, ViewID: id, BlockID: "renew", ActionID: "renew", Values: everything(w)}); err != nil {
			t.Fatal(err)
		}
		text := asJSON(t, w.modal())
		if n := strings.Count(text, "There is no preview of this"); n != want {
			t.Errorf("try %d: it says %d times that there is no preview, want %d", try, n, want)
		}
		if !strings.Contains(text, `two\nlines`) {
			t.Errorf("try %d: what was typed is gone", try)
		}
	}
	w.check()
}

// TestARedeliveredFormIsOneRequest: Slack may send a submission on two sockets.
func TestARedeliveredFormIsOneRequest(t *testing.T) {
	w := newWorld(t, setup{asker: &asker{form: declareForm, answer: func(context.Context, commands.Request) *message.Post {
		time.Sleep(100 * time.Millisecond) // so that the copies overlap
		return nil
	}}})
	if err := w.UseShortcut(w.alice, "declare_incident", "", ""); err != nil {
		t.Fatal(err)
	}
	id := w.modal()["id"].(string)
	w.fault(workspace.Fault{Method: "socket", Kind: "duplicate", Count: 3})
	if err := w.Submit(w.alice, id, map[string]any{}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond)
	if n := len(w.asker.requests()); n != 1 {
		t.Errorf("asked %d times, want 1", n)
	}
}

// TestAFormKeepsWithinSlacksLimits, whatever it holds: the simulator refuses what Slack
// would.
func TestAFormKeepsWithinSlacksLimits(t *testing.T) {
	long := strings.Repeat("x@here <b> ", 400)
	w := newWorld(t, setup{asker: &asker{form: func(context.Context, commands.Request) *message.Form {
		f := &message.Form{Title: long, Verb: "incident declare", Submit: long, Renew: true, Intro: []message.Line{message.Text("%s", long), message.Text("%s", long)}}
		var many []message.Option
		for i := range 150 {
			many = append(many, message.Option{Value: fmt.Sprint("value", i), Label: long})
		}
		many[3].Value = long
		for i, kind := range []message.FieldKind{message.FieldText, message.FieldLines, message.FieldChoice, message.FieldChoices, message.FieldPerson, message.FieldFlag, "new"} {
			f.Fields = append(f.Fields,
				message.Field{Name: fmt.Sprint("f", i), Label: long, Hint: long, Kind: kind, Value: long, Options: many, Max: 9000, Optional: true},
				message.Field{Name: fmt.Sprint("g", i), Kind: kind, Options: many[:5], Value: "value1", Optional: true},
				message.Field{Name: fmt.Sprint("h", i), Kind: kind, Optional: true})
		}
		for range 40 {
			f.Preview = append(f.Preview, message.Part{Code: "line\n" + long}, message.Part{Table: &message.Table{Columns: []message.Column{{Name: "a"}}, Rows: [][]string{{"1"}}}})
		}
		return f
	}}})
	if err := w.UseShortcut(w.alice, "declare_incident", "", ""); err != nil {
		t.Fatal(err)
	}
	if text := asJSON(t, w.modal()); !strings.Contains(text, "Only the beginning is shown here") {
		t.Error("that the preview is cut is not said")
	}
	if err := w.Submit(w.alice, w.modal()["id"].(string), map[string]any{}); err != nil {
		t.Fatal(err)
	}
	w.asked(1)
	w.check()
}

// TestWhatIsPressedOnHomeIsAnsweredInDirectMessages, because Home is no channel.
func TestWhatIsPressedOnHomeIsAnsweredInDirectMessages(t *testing.T) {
	said := post("", "", "You may not do this.")
	w := newWorld(t, setup{deps: func(d *bot.Deps) { d.Home = homeWithButton{} }, asker: &asker{
		answer: func(context.Context, commands.Request) *message.Post { return &said },
	}})
	if _, err := w.OpenHome(w.alice); err != nil {
		t.Fatal(err)
	}
	var view map[string]any
	eventually(t, 5*time.Second, "the Home tab", func() bool {
		var err error
		view, err = w.OpenHome(w.alice)
		return err == nil && view != nil
	})
	if err := w.Click(workspace.Click{As: w.alice, ViewID: view["id"].(string), ActionID: "confirm"}); err != nil {
		t.Fatal(err)
	}
	got := w.asked(1)
	if got.Text != "confirm P-77" || !strings.HasPrefix(got.Channel, "D") || got.Source != audit.FromButton || got.Actor.User != w.alice {
		t.Errorf("asked %+v", got)
	}
	if all, _, err := w.Messages(w.alice, got.Channel); err != nil || len(all) != 1 || all[0].Text != "You may not do this." || all[0].Ephemeral {
		t.Errorf("the answer is not there to stay: %+v, %v", all, err)
	}
	w.check()
}

type homeWithButton struct{}

func (homeWithButton) Home(context.Context, audit.Actor) (message.Message, error) {
	return message.Message{Headline: message.Text("Hello"), Actions: []message.Action{{Verb: "confirm", Ref: "P-77", Label: "Approve"}}}, nil
}
