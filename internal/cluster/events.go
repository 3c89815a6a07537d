package cluster

import (
	"fmt"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// eventAge is how long events are kept, as by a real cluster.
const eventAge = time.Hour

func eventKind() *kind {
	k := plain("Event", "events", func() object { return &corev1.Event{} }, "ev")
	k.fields = []string{
		"involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid", "involvedObject.apiVersion",
		"involvedObject.resourceVersion", "involvedObject.fieldPath", "reason", "reportingComponent", "source", "type",
	}
	k.field = eventField
	return k
}

func eventField(o object, name string) string {
	e, ok := o.(*corev1.Event)
	if !ok {
		return ""
	}
	component := e.ReportingController
	if component == "" {
		component = e.Source.Component
	}
	return map[string]string{
		"regarding.kind": e.InvolvedObject.Kind, "regarding.namespace": e.InvolvedObject.Namespace,
		"regarding.name": e.InvolvedObject.Name, "regarding.uid": string(e.InvolvedObject.UID), "reportingController": component,
		"involvedObject.kind": e.InvolvedObject.Kind, "involvedObject.namespace": e.InvolvedObject.Namespace,
		"involvedObject.name": e.InvolvedObject.Name, "involvedObject.uid": string(e.InvolvedObject.UID),
		"involvedObject.apiVersion":      e.InvolvedObject.APIVersion,
		"involvedObject.resourceVersion": e.InvolvedObject.ResourceVersion, "involvedObject.fieldPath": e.InvolvedObject.FieldPath,
		"reason": e.Reason, "type": e.Type, "source": component, "reportingComponent": component,
	}[name]
}

// record writes an event about an object, or counts it if the same was said before.
func (c *Cluster) record(about object, k *kind, level, reason, component, message string) {
	now := c.stamp()
	c.expireEvents()
	for _, o := range c.list(c.kinds.events, about.GetNamespace()) {
		e, ok := o.(*corev1.Event)
		if !ok || e.InvolvedObject.UID != about.GetUID() || e.Reason != reason || e.Message != message || e.Source.Component != component {
			continue
		}
		_, err := modify(c, c.kinds.events, placeOf(e), write{manager: controllerManager}, func(e *corev1.Event) {
			e.Count++
			e.LastTimestamp = now
		})
		if err != nil {
			c.options.Log.Error("an event could not be counted", "error", err)
		}
		return
	}
	e := &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("%s.%x", about.GetName(), c.digest()[:8]), Namespace: about.GetNamespace()},
		InvolvedObject: corev1.ObjectReference{
			Kind: k.Kind, APIVersion: k.apiVersion(), Namespace: about.GetNamespace(), Name: about.GetName(), UID: about.GetUID(),
			ResourceVersion: about.GetResourceVersion(),
		},
		Reason: reason, Message: message, Type: level, Count: 1, FirstTimestamp: now, LastTimestamp: now,
		Source: corev1.EventSource{Component: component}, ReportingController: component,
	}
	if _, err := c.create(c.kinds.events, e, write{manager: controllerManager}); err != nil {
		c.options.Log.Error("an event could not be written", "error", err)
	}
}

// expireEvents forgets what is older than an hour, as seen from now and not from when an Author acts.
func (c *Cluster) expireEvents() {
	oldest := c.options.Clock.Now().Add(-eventAge)
	for at, o := range c.objects[c.kinds.events] {
		if e, ok := o.(*corev1.Event); ok && e.LastTimestamp.Time.Before(oldest) && !e.LastTimestamp.IsZero() {
			c.version++
			delete(c.objects[c.kinds.events], at)
		}
	}
}

// routeEvents answers for the newer form of events, which can be read only here.
func (c *Cluster) routeEvents(w http.ResponseWriter, _ *http.Request, a *ask) error {
	if a.group != "events.k8s.io" || a.version != "v1" || a.resource != "events" || a.subresource != "" {
		return errNoPath
	}
	switch a.verb {
	case "get":
		c.mu.Lock()
		o, err := c.get(c.kinds.events, a.place())
		c.mu.Unlock()
		if err != nil {
			return err
		}
		e := newerEvent(o)
		e.APIVersion, e.Kind = eventsv1.SchemeGroupVersion.String(), "Event"
		return write1(w, http.StatusOK, e)
	case "list":
		s, err := newSelection(a, c.newerEvents())
		if err != nil {
			return err
		}
		s.kind = c.kinds.events
		c.mu.Lock()
		items, version, err := c.selected(s, "")
		c.mu.Unlock()
		if err != nil {
			return err
		}
		l := eventsv1.EventList{
			TypeMeta: metav1.TypeMeta{Kind: "EventList", APIVersion: eventsv1.SchemeGroupVersion.String()},
			ListMeta: metav1.ListMeta{ResourceVersion: fmt.Sprint(version)}, Items: []eventsv1.Event{},
		}
		for _, o := range items {
			l.Items = append(l.Items, *newerEvent(o))
		}
		return write1(w, http.StatusOK, l)
	default:
		return notAllowed(a)
	}
}

// newerEvents are events by the names that the newer form has for their fields.
func (c *Cluster) newerEvents() *kind {
	k := *c.kinds.events
	k.fields = []string{"reason", "type", "source", "reportingController", "regarding.name", "regarding.kind", "regarding.namespace", "regarding.uid"}
	return &k
}

func newerEvent(o object) *eventsv1.Event {
	e, ok := o.(*corev1.Event)
	if !ok {
		return &eventsv1.Event{}
	}
	return &eventsv1.Event{
		ObjectMeta: e.ObjectMeta, EventTime: e.EventTime, ReportingController: e.ReportingController, ReportingInstance: e.ReportingInstance,
		Action: e.Action, Reason: e.Reason, Regarding: e.InvolvedObject, Related: e.Related, Note: e.Message, Type: e.Type,
		DeprecatedSource: e.Source, DeprecatedFirstTimestamp: e.FirstTimestamp, DeprecatedLastTimestamp: e.LastTimestamp, DeprecatedCount: e.Count,
	}
}
