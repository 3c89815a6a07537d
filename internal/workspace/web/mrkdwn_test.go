package web_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// compact writes a parsed tree in a short notation: b(), i(), s(), `code`,
// link(url|label), @id, and so on.
const compact = `(async (text) => {
  const {parse} = await import('/js/mrkdwn-parse.js');
  const inline = (nodes) => nodes.map((n) => ({
    text: () => n.text, code: () => 'code(' + n.text + ')', bold: () => 'b(' + inline(n.kids) + ')', italic: () => 'i(' + inline(n.kids) + ')', strike: () => 's(' + inline(n.kids) + ')',
    user: () => 'user(' + n.id + ')', channel: () => 'channel(' + n.id + ',' + n.label + ')', group: () => 'group(' + n.id + ')', broadcast: () => 'all(' + n.id + ')',
    emoji: () => 'emoji(' + n.name + ')', link: () => 'link(' + n.url + ',' + n.label + ')', date: () => 'date(' + [n.seconds, n.format, n.url, n.fallback].join(',') + ')',
  })[n.type]()).join('');
  const block = (b) => b.type === 'pre' ? 'pre(' + b.text + ')' : b.type === 'quote' ? 'quote(' + b.blocks.map(block).join('/') + ')' : inline(b.kids);
  return parse(text).map(block).join('/');
})(%s)`

func TestMrkdwnIsReadAsSlackReadsIt(t *testing.T) {
	f := newFake(t)
	p := open(t, f, "#/C0INC")
	for _, row := range []struct{ name, text, want string }{
		{"bold", "a *b* c", "a b(b) c"},
		{"nested", "*b _i ~s~_*", "b(b i(i s(s)))"},
		{"no emphasis inside words", "2*3*4 and snake_case_name", "2*3*4 and snake_case_name"},
		{"no emphasis next to spaces", "a * b * c _ d _", "a * b * c _ d _"},
		{"emphasis does not cross lines", "*a\nb*", "*a\nb*"},
		{"punctuation around", "(*b*), \"_i_\".", "(b(b)), \"i(i)\"."},
		{"code keeps marks", "`*a* &lt;b&gt;`", "code(*a* <b>)"},
		{"code hides stars from bold", "*a `*` b*", "b(a code(*) b)"},
		{"preformatted", "x\n```\na  *b*\n&amp;```\ny", "x/pre(a  *b*\n&)/y"},
		{"quote", "&gt; a\n&gt; b\nc", "quote(a\nb)/c"},
		{"quote the rest", "x\n&gt;&gt;&gt;a\nb", "x/quote(a\nb)"},
		{"entities", "&lt;b&gt; &amp;amp; &nbsp;", "<b> &amp; &nbsp;"},
		{"links", "<https://a.example/?x=1&amp;y=2|label> <https://b.example>", "link(https://a.example/?x=1&y=2,label) link(https://b.example,)"},
		{"mail", "<mailto:a@b.example|a@b.example>", "link(mailto:a@b.example,a@b.example)"},
		{"bare link", "see https://a.example/x_y_z, ok", "see link(https://a.example/x_y_z,), ok"},
		{"no script links", "<javascript:alert(1)|x>", "<javascript:alert(1)|x>"},
		{"mentions", "<@U0BOB> <@W1|bob> <#C0GEN|general> <!subteam^S0RESP|@responders> <!here> <!channel> <!everyone>", "user(U0BOB) user(W1) channel(C0GEN,general) group(S0RESP) all(here) all(channel) all(everyone)"},
		{"bold around a mention", "*<@U0BOB>*", "b(user(U0BOB))"},
		{"date", "<!date^1392734382^{date} at {time}^https://a.example|then>", "date(1392734382,{date} at {time},https://a.example,then)"},
		{"emoji", ":tada: :no-such-one: 10:30:45", "emoji(tada) :no-such-one: 10:30:45"},
		{"unclosed", "*a `b <c", "*a `b <c"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if diff := cmp.Diff(row.want, p.eval(fmt.Sprintf(compact, quote(row.text)))); diff != "" {
				t.Errorf("%q (-want +got):\n%s", row.text, diff)
			}
		})
	}
}

func TestDatesAreWrittenInTheViewersZone(t *testing.T) {
	f := newFake(t)
	p := open(t, f, "#/C0INC")
	// 1392734382 is 2014-02-18 14:39:42 UTC; "now" is two years later.
	for _, row := range []struct{ format, want string }{
		{"{date_num} {time_secs}", ""},
		{"{date}", "February 18th, 2014"},
		{"{date_short}", "Feb 18, 2014"},
		{"{date_long}", "Tuesday, February 18th, 2014"},
		{"{date_pretty}", "February 18th, 2014"},
		{"{nonsense}", ""},
	} {
		call := fmt.Sprintf(`import('/js/time.js').then(({formatDate}) => formatDate(1392734382, %s, new Date(2016, 1, 18)))`, quote(row.format))
		want := row.want
		if row.format == "{date_num} {time_secs}" {
			want = p.eval(`(() => { const d = new Date(1392734382000); const two = (n) => String(n).padStart(2, '0'); const h12 = new Intl.DateTimeFormat(undefined, {hour: 'numeric'}).resolvedOptions().hour12; const h = h12 ? d.getHours() % 12 || 12 : two(d.getHours()); return d.getFullYear() + '-' + two(d.getMonth() + 1) + '-' + two(d.getDate()) + ' ' + h + ':' + two(d.getMinutes()) + ':' + two(d.getSeconds()) + (h12 ? (d.getHours() < 12 ? ' AM' : ' PM') : ''); })()`)
		}
		if got := p.eval(call); got != want {
			t.Errorf("%s is %q, want %q", row.format, got, want)
		}
	}
	relative := `import('/js/time.js').then(({formatDate}) => { const now = new Date(2026, 10, 22, 12); const at = (d) => Math.floor(new Date(2026, 10, d, 9) / 1000); return [formatDate(at(22), '{date_pretty}', now), formatDate(at(21), 'since {date_short_pretty}', now), formatDate(at(10), '{date_short}', now)].join('; '); })`
	if got, want := p.eval(relative), "Today; since yesterday; Nov 10"; got != want {
		t.Errorf("near dates are %q, want %q", got, want)
	}
}
