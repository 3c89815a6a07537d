package redis

import (
	"cmp"
	"fmt"
	"strings"
)

// answered says what Redis answered. The first word of an answer is its code (Redis
// documentation, "RESP", simple errors).
func (t *Target) answered(a act, answer string) string {
	place := t.opts.Place
	code, _, _ := strings.Cut(answer, " ")
	switch code {
	case "NOAUTH":
		return fmt.Sprintf("Redis %s wants a login: give the config user and password.", place)
	case "WRONGPASS", "NOPERMUSER":
		return fmt.Sprintf("Redis %s refused the login of %s: check the user and the password.", place, t.who(a))
	case "NOPERM":
		return t.denied(a, answer)
	case "LOADING":
		return fmt.Sprintf("Redis %s is still loading its data after a start. Try again in a minute.", place)
	case "MASTERDOWN":
		return fmt.Sprintf("Redis %s is a replica that has lost its primary: is the primary down? Name the primary in the config, or its sentinels.", place)
	case "READONLY":
		return fmt.Sprintf("Redis %s is a read-only replica: values can be removed at its primary alone. Name the primary in the config, or its sentinels.", place)
	case "CLUSTERDOWN":
		return fmt.Sprintf("The cluster of Redis %s is down: some of its slots have no server. Try again when it is whole.", place)
	case "MOVED", "ASK":
		if t.opts.Mode == Cluster { // its servers change just now
			return t.answered(a, "TRYAGAIN")
		}
		return fmt.Sprintf("Redis %s is a part of a cluster: write mode: cluster in the config.", place)
	case "TRYAGAIN", "CROSSSLOT":
		return fmt.Sprintf("Redis %s moves its slots between servers just now. Try again when that is over.", place)
	case "OOM":
		return fmt.Sprintf("Redis %s has no memory left (maxmemory), so the copies for the way back cannot be kept there. A flush keeps none.", place)
	case "MISCONF":
		return fmt.Sprintf("Redis %s takes no writes because it cannot save its data to disk: look at its log.", place)
	case "NOREPLICAS":
		return fmt.Sprintf("Redis %s takes no writes because too few replicas are connected (min-replicas-to-write).", place)
	case "BUSY":
		return fmt.Sprintf("Redis %s is busy with somebody's script and answers nobody. Try again in a minute.", place)
	}
	return t.complained(a, answer)
}

// complained is about answers that begin with ERR.
func (t *Target) complained(a act, answer string) string {
	place := t.opts.Place
	switch lower := strings.ToLower(answer); {
	case strings.Contains(lower, "unknown command"), strings.Contains(lower, "unknown redis command"):
		return fmt.Sprintf("Redis %s does not know the command %s: was it renamed or switched off there, or is this no Redis 6 or newer? Without it the bot cannot go on.", place, upper(unknownCommand(a, answer)))
	case strings.Contains(lower, "cluster support disabled"):
		return fmt.Sprintf("Redis %s is no cluster: write mode: standalone in the config.", place)
	case strings.Contains(lower, "invalid password"), strings.Contains(lower, "without any password configured"):
		return fmt.Sprintf("Redis %s refused the login of %s: check the user and the password.", place, t.who(a))
	case strings.Contains(lower, "db index is out of range"):
		return fmt.Sprintf("Redis %s has no database %d: correct db in the config.", place, t.opts.DB)
	case strings.Contains(lower, "max number of clients"):
		return fmt.Sprintf("Redis %s takes no more connections (maxclients).", place)
	case strings.Contains(lower, "can't run this command or subcommand"), strings.Contains(lower, "has no permissions"):
		return t.denied(a, answer)
	}
	return fmt.Sprintf("Redis %s answered with an error while %s; the log says which.", place, a.doing)
}

// unknownCommand is the command that Redis does not know, if it says so.
func unknownCommand(a act, answer string) string {
	for _, quote := range []string{"'", "`"} {
		if _, rest, ok := strings.Cut(answer, quote); ok {
			if name, _, ok := strings.Cut(rest, quote); ok && name != "" && len(name) < maxCommand {
				return strings.ReplaceAll(name, "|", " ")
			}
		}
	}
	return cmp.Or(a.command, "that it was sent")
}

// maxCommand is longer than any name of a command.
const maxCommand = 40

// denied names what is missing in the words of ACL SETUSER (Redis documentation,
// "ACL").
func (t *Target) denied(a act, answer string) string {
	who := t.who(a)
	user := who
	if user == "the default user" {
		user = "default"
	}
	// NOPERM No permissions to access a key; in Redis 7: … one of the keys …
	if strings.Contains(answer, "key") && !strings.Contains(answer, "command") {
		own := t.opts.Prefix + ":*"
		kind, known := KindOf(a.key)
		switch {
		case a.pattern != "":
			kind = a.pattern
		case a.key == "":
			kind, own = own, ""
		case !known:
			return fmt.Sprintf("%s may not touch the keys of this check on Redis %s: have an administrator allow them with ACL SETUSER %s ~ and their pattern.", who, t.opts.Place, user)
		}
		pattern := kind
		if a.clears && own != "" {
			pattern += " ~" + own
		}
		return fmt.Sprintf("%s may not touch keys such as %s on Redis %s: have an administrator run ACL SETUSER %s ~%s.", who, kind, t.opts.Place, user, pattern)
	}
	grant := readWords
	if a.clears {
		grant = clearWords
	}
	return fmt.Sprintf("%s may not run %s on Redis %s: have an administrator run ACL SETUSER %s %s.",
		who, upper(cmp.Or(deniedCommand(answer), a.command)), t.opts.Place, user, grant)
}

// What the bot's users need, in the words of ACL SETUSER. Tests hold them to it.
const (
	readWords  = "+@read +@connection +scan +info +cluster|slots +cluster|info +cluster|nodes +memory|usage"
	clearWords = readWords + " +eval +evalsha +unlink +restore +hset +hdel +pexpire +flushdb +time"
)

// deniedCommand is the command that an answer of NOPERM names, if it does.
func deniedCommand(answer string) string {
	_, rest, ok := strings.Cut(answer, "run the '")
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(rest, "'")
	if len(name) > maxCommand {
		return ""
	}
	return strings.ReplaceAll(name, "|", " ")
}

func (t *Target) who(a act) string {
	login := t.opts.Login
	if a.clears {
		login = t.opts.Clearer
	}
	return cmp.Or(login.User, "the default user")
}

func upper(s string) string { return strings.ToUpper(s) }
