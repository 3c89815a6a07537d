package store

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
)

// heldIn is the incident that is held in a channel.
const heldIn = `(SELECT i.id FROM incidents i WHERE i.held AND i.channel <> '' AND i.channel = `

// addRun: a run belongs to the incident that its order names; one that is there for a
// plan, to the plan's; any other, to the one that holds its channel.
const addRun = `
INSERT INTO runs (id, asked, step, channel, enqueued, created, incident)
VALUES ($1, $2, $3, $4, coalesce($5, clock_timestamp()), coalesce($5, clock_timestamp()),
	coalesce(nullif($6::bigint, 0), (SELECT nullif(p.incident, 0) FROM plans p WHERE p.id = $7), ` + heldIn + `$4), 0))
RETURNING incident`

func queueRun(batch *pgx.Batch, o check.Order, now *time.Time, booked map[int64]int64) error {
	asked, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("encode order: %w", err)
	}
	batch.Queue(addRun, o.ID, asked, o.Step, o.Channel, now, o.Incident, o.Plan).QueryRow(book(booked, o.ID))
	return nil
}

// addPlan: a plan belongs to the incident that its order names, to that of the run in
// whose thread it stands, or to the one that holds its channel. One that was asked for
// elsewhere changes data all the same that the incident about its domain is about.
const addPlan = `
INSERT INTO plans (id, asked, channel, domain, under, created, incident)
VALUES ($1, $2, $3, $4, $5, coalesce($6, clock_timestamp()), coalesce(nullif($7::bigint, 0),
	(SELECT i.id FROM runs r JOIN incidents i ON i.id = r.incident AND i.held WHERE r.id = $5), ` + heldIn + `$3),
	(SELECT i.id FROM incidents i WHERE i.held AND i.key = $4), 0))
RETURNING incident`

// queuePlan keeps a plan that somebody asked for.
func queuePlan(batch *pgx.Batch, o fix.Order, now *time.Time, booked map[int64]int64) error {
	asked, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("encode plan: %w", err)
	}
	batch.Queue(addPlan, o.ID, asked, o.Channel, o.Domain, runOf(o.Under), now, o.Incident).QueryRow(book(booked, o.ID))
	return nil
}

// book notes to which incident a run or a plan belongs.
func book(booked map[int64]int64, id int64) func(pgx.Row) error {
	return func(row pgx.Row) error {
		var incident int64
		err := row.Scan(&incident)
		booked[id] = incident
		return err
	}
}

// runOf is the run whose head has this key; 0: it is another message.
func runOf(key string) int64 {
	number, is := strings.CutPrefix(key, "run/")
	run, err := strconv.ParseInt(number, 10, 64)
	if !is || err != nil {
		return 0
	}
	return run
}

// What an incident takes over that is opened while work goes on that belongs to none:
// the run under whose result it was declared, what runs in a channel that is bound, and
// open plans that stand in either or are about its key. So nothing changes
// the data that it is about without it.
const (
	takeRuns = `
UPDATE runs SET incident = $1 WHERE id IN (
	SELECT r.id FROM runs r WHERE r.incident = 0 AND (r.id = $2 OR r.state IN ('queued', 'running') AND (r.channel <> '' AND r.channel = $3
		OR EXISTS (SELECT FROM plans p WHERE ` + takenPlan + ` AND (r.id = p.run OR r.id = p.id))))
	ORDER BY r.id FOR UPDATE)`
	takePlans = `UPDATE plans SET incident = $1 WHERE id IN (SELECT p.id FROM plans p WHERE ` + takenPlan + ` ORDER BY p.id FOR UPDATE)`
	takenPlan = `p.incident = 0 AND p.state IN ('planning', 'waiting', 'approved', 'applying')
		AND (p.under > 0 AND p.under = $2 OR p.channel <> '' AND p.channel = $3 OR p.domain <> '' AND p.domain = $4)`
)

// queueTakeover is for an incident that is opened.
func queueTakeover(batch *pgx.Batch, i incidents.Incident) {
	batch.Queue(takeRuns, i.ID, i.Run, i.Room.Channel, i.Key)
	batch.Queue(takePlans, i.ID, i.Run, i.Room.Channel, i.Key)
}
