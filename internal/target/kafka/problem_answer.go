package kafka

import (
	"errors"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
)

// answered says what the cluster answered. Source of the codes: Kafka protocol
// guide, "Error Codes".
func (t *Target) answered(a act, e *kerr.Error) string {
	place, name := t.opts.Place, a.name
	switch {
	case is(e, kerr.SaslAuthenticationFailed, kerr.IllegalSaslState):
		return fmt.Sprintf("Kafka %s refused the login of %s by %s: check the user, the password and the mechanism.",
			place, t.who(a).User, t.who(a).Mechanism)
	case is(e, kerr.UnsupportedSaslMechanism):
		return fmt.Sprintf("Kafka %s does not know sasl mechanism %s: its sasl.enabled.mechanisms says which it knows.",
			place, t.who(a).Mechanism)
	case denied(e):
		return t.denied(a)
	case is(e, kerr.UnknownTopicOrPartition, kerr.UnknownTopicID, kerr.InconsistentTopicID):
		return fmt.Sprintf("There is no topic %s on Kafka %s, or it was deleted just now.", name, place)
	case is(e, kerr.InvalidTopicException):
		return fmt.Sprintf("%q cannot be the name of a topic.", name)
	case is(e, kerr.GroupIDNotFound):
		return fmt.Sprintf("There is no group %s on Kafka %s.", name, place)
	case is(e, kerr.InvalidGroupID):
		return fmt.Sprintf("%q cannot be the name of a group.", name)
	case is(e, kerr.OffsetOutOfRange):
		return fmt.Sprintf("What was to be read of topic %s on Kafka %s is not there any more: it has expired, or was deleted.", name, place)
	case is(e, kerr.CoordinatorNotAvailable, kerr.CoordinatorLoadInProgress, kerr.NotCoordinator):
		return fmt.Sprintf("Kafka %s has no broker ready that coordinates %s: is one down or starting? Try again in a minute.", place, a.thing())
	case is(e, kerr.LeaderNotAvailable, kerr.NotLeaderForPartition, kerr.FencedLeaderEpoch, kerr.UnknownLeaderEpoch,
		kerr.BrokerNotAvailable, kerr.ReplicaNotAvailable, kerr.KafkaStorageError, kerr.OffsetNotAvailable, kerr.ListenerNotFound):
		return fmt.Sprintf("A partition of %s on Kafka %s has no leader that answers: is a broker down? Try again in a minute.", a.thing(), place)
	case is(e, kerr.RequestTimedOut):
		return fmt.Sprintf("Kafka %s did not finish a request on %s in its own time: it is overloaded, or replicas are down.", place, a.thing())
	case is(e, kerr.UnsupportedVersion):
		return fmt.Sprintf("Kafka %s is too old for %s: this bot looks at Apache Kafka 2.5 and newer, and sends to 2.8 and newer.", place, a.doing)
	case is(e, kerr.CorruptMessage, kerr.InvalidRecord):
		return fmt.Sprintf("Kafka %s says that what is stored of %s is damaged.", place, a.thing())
	}
	return fmt.Sprintf("Kafka %s answered with error %s while %s.", place, e.Message, a.doing)
}

func is(e *kerr.Error, of ...*kerr.Error) bool {
	for _, one := range of {
		if e.Code == one.Code {
			return true
		}
	}
	return false
}

// denied tells that it is the ACLs that forbid it.
func denied(err error) bool {
	var e *kerr.Error
	return errors.As(err, &e) && is(e, kerr.TopicAuthorizationFailed, kerr.GroupAuthorizationFailed,
		kerr.ClusterAuthorizationFailed, kerr.TransactionalIDAuthorizationFailed)
}

// thing names what the act is about: topic ecommerce-dlq.
func (a act) thing() string {
	if a.kind == "" || a.name == "" {
		return "the cluster"
	}
	return strings.ReplaceAll(a.kind, "-", " ") + " " + a.name
}

func (t *Target) who(a act) Login {
	if a.sends {
		return t.opts.Sender
	}
	return t.opts.Login
}

// denied names the ACL that is missing, in the words of kafka-acls, whose
// options are those of Kafka's documentation, "Command Line Interface".
func (t *Target) denied(a act) string {
	resource := "--cluster"
	switch {
	case a.kind == "" || a.kind == "cluster":
	default:
		resource = "--" + a.kind + " " + a.name
	}
	principal := t.principal(t.who(a))
	return fmt.Sprintf("%s may not %s %s on Kafka %s: have an administrator run kafka-acls --add --allow-principal '%s' --operation %s %s.",
		principal, inWords(a.operation), a.thing(), t.opts.Place, principal, a.operation, resource)
}

// inWords is an operation as people say it: describe configs.
func inWords(operation string) string {
	var b strings.Builder
	for i, r := range operation {
		if i > 0 && r >= 'A' && r <= 'Z' {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return strings.ToLower(b.String())
}
