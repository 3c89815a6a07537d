package incidents

import "time"

// Fired is one alert as a monitoring system tells it.
type Fired struct {
	Group       string // key of the group it was sent in
	Fingerprint string
	Name        string // alertname
	Firing      bool
	Since       time.Time // it began to fire
	Until       time.Time // it ended, if it does not fire
	Severity    string    // label severity, as it was sent
	Domain      string    // label domain, as it was sent
	Summary     string    // annotation: foreign
	URL         string    // of its source: foreign
}
