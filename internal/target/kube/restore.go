package kube

import (
	"cmp"
	"context"
	"regexp"
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/declare"
)

// How a moment is written for a restore when the config does not say. Layouts are
// Go's (package time).
const (
	defaultDate = "2006-01-02"
	defaultTime = "15:04"
)

// Restore declares that nothing is being restored, and that the last restore did
// not fail. A restore is a job made of a template.
type Restore struct {
	// CronJob is one that is suspended and serves as the template; ConfigMap is a key
	// with a job in YAML. One of them is given.
	CronJob   string       `yaml:"cron_job"`
	ConfigMap *TemplateKey `yaml:"config_map"`
	// Container is the one that is told the moment; empty: the only one.
	Container string `yaml:"container"`
	// Env names the variables that tell it, Args are the arguments that do, with
	// {date}, {time} and {at} in them, in place of the template's. None: the template
	// knows by itself what to restore.
	Env  *MomentEnv `yaml:"env"`
	Args []string   `yaml:"args"`
	// Layouts are how {date} and {time} are written.
	Layouts Layouts `yaml:"layouts"`
}

// TemplateKey is a key of a config map.
type TemplateKey struct {
	Name string `yaml:"name"`
	Key  string `yaml:"key"`
}

// MomentEnv are variables that tell a restore to which moment; empty: none.
type MomentEnv struct {
	Date string `yaml:"date"`
	Time string `yaml:"time"`
	At   string `yaml:"at"` // both, in RFC 3339
}

// Layouts are how dates and times are written, always in UTC.
type Layouts struct {
	Date string `yaml:"date"`
	Time string `yaml:"time"`
}

// placeholder is where a part of the moment goes in an argument.
var placeholder = regexp.MustCompile(`\{[^{}]*\}`)

// Faults implements declare.Words.
func (r *Restore) Faults(bad declare.Bad) {
	switch {
	case r.CronJob == "" && r.ConfigMap == nil:
		bad("cron_job", "cron_job and config_map are missing: one of them names the template of the job")
	case r.CronJob != "" && r.ConfigMap != nil:
		bad("config_map", "config_map and cron_job are both given: the template is one of them")
	case r.ConfigMap != nil && (r.ConfigMap.Name == "" || r.ConfigMap.Key == ""):
		bad("config_map", "config_map needs name and key")
	}
	if e := r.Env; e != nil {
		if *e == (MomentEnv{}) {
			bad("env", "env names no variable: date, time or at")
		}
		for _, name := range []string{e.Date, e.Time, e.At} {
			if name != "" && !variableName.MatchString(name) {
				bad("env", "env: %q cannot be the name of a variable", name)
			}
		}
	}
	for _, arg := range r.Args {
		for _, one := range placeholder.FindAllString(arg, -1) {
			if one != "{date}" && one != "{time}" && one != "{at}" {
				bad("args", "args: there is no %s; there are {date}, {time} and {at}", one)
			}
		}
	}
	if r.Args != nil && !placeholder.MatchString(strings.Join(r.Args, " ")) {
		bad("args", "args has none of {date}, {time} and {at}: leave it out, or tell the moment")
	}
}

// momentary: it has to be told to which moment.
func (r *Restore) momentary() bool { return r.Env != nil || r.Args != nil }

// written is a moment as the restore is told it, by the name of its part.
func (r *Restore) written(at time.Time) map[string]string {
	at = at.UTC()
	return map[string]string{"date": at.Format(r.layout("date")), "time": at.Format(r.layout("time")), "at": at.Format(time.RFC3339)}
}

// layout is how a part of the moment is written, the date or the time.
func (r *Restore) layout(part string) string {
	if part == "date" {
		return cmp.Or(r.Layouts.Date, defaultDate)
	}
	return cmp.Or(r.Layouts.Time, defaultTime)
}

// template names the template for people.
func (r *Restore) template() string {
	if r.CronJob != "" {
		return "cron job " + r.CronJob
	}
	return "config map " + r.ConfigMap.Name + " (key " + r.ConfigMap.Key + ")"
}

// Validate implements Declaration.
func (r *Restore) Validate(ctx context.Context, t *Target) error {
	if _, err := t.templated(ctx, r); err != nil {
		return err
	}
	_, err := t.restores(ctx, r)
	return err
}

// Detector implements Declaration.
func (r *Restore) Detector(t *Target) check.Detector { return &restoreDetector{words: r, target: t} }
