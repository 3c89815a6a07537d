package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/integritybot/integritybot/internal/mailtest"
)

// demoAlertDomain is what the demo's alert is about; every story but the one of the
// cache has something wrong with it.
const demoAlertDomain = "orders"

// openOffice gives the bot a mail server and a token for alerts.
func (d *demoWorld) openOffice(context.Context) error {
	mail, err := mailtest.Start(mailtest.Options{Plain: true})
	if err != nil {
		return err
	}
	d.mail = mail
	d.closing = append(d.closing, mail.Close)
	d.env["SMTP_ADDR"], d.env["SMTP_TLS"] = mail.Addr(), "none"
	d.env["INCIDENT_CHANNEL"], d.env["ALERT_TOKEN"] = demoAlerts, uuid.NewString()
	d.env["HTTP_LISTEN"] = "127.0.0.1:0"
	return nil
}

// tellMails names every mail that arrives, until ctx ends.
func (d *demoWorld) tellMails(ctx context.Context) error {
	for n := 1; ; n++ {
		mails, err := d.mail.Wait(ctx, n)
		if err != nil {
			return nil //nolint:nilerr // the demo is over
		}
		d.say("✉ Mail for %s: %s", strings.Join(mails[n-1].To, ", "), mails[n-1].Subject)
	}
}

// alert posts to the bot what Alertmanager would: that the shop's data are wrong.
func (d *demoWorld) alert(ctx context.Context, addr string, now time.Time) error {
	body, err := json.Marshal(map[string]any{
		"version": "4", "groupKey": `{}:{alertname="DataInconsistencyDetected"}`, "status": "firing",
		"alerts": []any{map[string]any{
			"status": "firing", "startsAt": now.Add(-5 * time.Minute), "fingerprint": "demo",
			"labels":      map[string]string{"alertname": "DataInconsistencyDetected", "domain": demoAlertDomain, "severity": "critical"},
			"annotations": map[string]string{"summary": "Data integrity checks of " + demoAlertDomain + " fail"},
		}},
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+addr+"/alerts", bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+d.env["ALERT_TOKEN"])
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("the demo's alert: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return errors.New("the demo's alert was refused: " + res.Status)
	}
	return nil
}

// fire sends the alert after a while, and says so.
func (d *demoWorld) fire(ctx context.Context, addr string, after time.Duration) error {
	select {
	case <-ctx.Done():
		return nil
	case <-time.After(after):
	}
	d.say("🔔 Alert DataInconsistencyDetected fires: an incident opens by itself.")
	if err := d.alert(ctx, addr, time.Now()); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}
