package incidents

import (
	"net/url"
	"slices"
)

// mostAlerts bounds how many alerts an incident knows; the one that is longest ended
// makes room.
const mostAlerts = 200

// Alerted notes what an alert says now. changed is false if that was known, or is older
// than what is known: messages of monitoring systems come again, and in any order.
func (i Incident) Alerted(f Fired, w Wording) (out Incident, changed bool) {
	known, has := i.Alerts[f.Fingerprint]
	since := f.Since
	if !f.Firing {
		since = f.Until
	}
	switch {
	case !has && !f.Firing: // nothing was noted that could end
		return i, false
	case has && known.Firing && f.Firing && !f.Since.After(known.Since):
		return i, false
	case has && known.Firing && !f.Firing && f.Since.Before(known.Since): // an earlier one ended
		return i, false
	case has && !known.Firing && (!f.Firing || f.Since.Before(known.Since)):
		return i, false
	}
	out = i.Clone()
	if !has && len(out.Alerts) >= mostAlerts {
		out.forgetAlert()
	}
	a := Alert{Name: f.Name, Firing: f.Firing, Since: since, Times: known.Times, URL: w.Rules.address(f.URL)}
	if f.Firing {
		a.Times++
	}
	out.Alerts = put(out.Alerts, f.Fingerprint, a)
	return out, true
}

// forgetAlert makes room: first for what ended, then for what is oldest. The incident
// must be a copy.
func (i *Incident) forgetAlert() {
	oldest := ""
	for fingerprint, a := range i.Alerts {
		o := i.Alerts[oldest]
		if oldest == "" || o.Firing && !a.Firing || o.Firing == a.Firing && (a.Since.Before(o.Since) || a.Since.Equal(o.Since) && fingerprint < oldest) {
			oldest = fingerprint
		}
	}
	delete(i.Alerts, oldest)
}

// address is where an alert points to, if the config allows that host; else nothing.
func (r Rules) address(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.User != nil {
		return ""
	}
	if !slices.Contains(r.AlertLinks, u.Hostname()) && !slices.Contains(r.AlertLinks, u.Host) {
		return ""
	}
	return u.String()
}
