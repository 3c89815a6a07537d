package redistest

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	goredis "github.com/redis/go-redis/v9"
)

func TestMain(m *testing.M) { os.Exit(Main(m)) }

func TestASpySeesWhatWasSentAndWhatScriptsRan(t *testing.T) {
	t.Parallel()
	s := Start(t, Options{})
	client, spy := s.Client(), s.Spy()
	client.Set(t.Context(), "a \"b\"\n", "\x00\xff", 0)
	client.Eval(t.Context(), "return redis.call('UNLINK', KEYS[1])", []string{"x"})
	var got []string
	for _, c := range spy.Commands() {
		if name := strings.ToLower(c.Words[0]); name == "set" || name == "unlink" {
			got = append(got, strings.Join(c.Words, "|"), map[bool]string{true: "by a script", false: "sent"}[c.Script])
		}
	}
	if diff := cmp.Diff([]string{"set|a \"b\"\n|\x00\xff", "sent", "UNLINK|x", "by a script"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestTheNetworkIsCutAtTheCommandThatIsMeant(t *testing.T) {
	t.Parallel()
	s := Start(t, Options{})
	for name, after := range map[string]bool{"before": false, "after": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			network := s.Proxy()
			client := goredis.NewClient(&goredis.Options{Addr: network.Addr(), MaxRetries: -1, Protocol: 2})
			defer func() { _ = client.Close() }()
			key := "cut " + name
			sprung := network.CutAt("incr", 2, after)
			if err := client.Incr(t.Context(), key).Err(); err != nil {
				t.Fatal(err)
			}
			if err := client.Incr(t.Context(), key).Err(); err == nil {
				t.Error("the second command was answered")
			}
			<-sprung
			want := map[bool]string{false: "1", true: "2"}[after]
			if got := s.Client().Get(t.Context(), key).Val(); got != want {
				t.Errorf("the server counted %s, want %s", got, want)
			}
			network.Resume()
			if err := client.Ping(t.Context()).Err(); err != nil {
				t.Errorf("it does not recover: %v", err)
			}
		})
	}
}
