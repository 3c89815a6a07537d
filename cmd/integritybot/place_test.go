package main

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/pgproc"
	"github.com/integritybot/integritybot/internal/process"
	"github.com/integritybot/integritybot/internal/shop"
)

// shared is the one Postgres of all scripts; a script's databases are clones of
// what was made once. testscript's steps are given nothing else that lives as
// long as the test binary.
var shared place

// place is a private Postgres with two shops: one with planted defects, one
// without. Nothing of it outlives the test binary.
type place struct {
	once   sync.Once
	err    error
	server *pgproc.Server
	truth  *shop.Truth

	mu    sync.Mutex
	names int
}

// The shops that scripts ask for by name.
const (
	brokenShop  = "broken"
	cleanShop   = "clean"
	noShop      = "template1"
	readerRole  = "shop_reader"
	runtimeRole = "bot"
	ownerRole   = "bot_owner"
)

const statementLimit = 30 * time.Second

func (p *place) start() error {
	p.once.Do(func() { p.err = p.build() })
	return p.err
}

func (p *place) build() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var err error
	if p.server, err = pgproc.Start(ctx, pgproc.Options{Settings: map[string]string{"max_connections": "200"}, Temp: process.MemoryDir()}); err != nil {
		return err
	}
	for _, statement := range []string{
		"CREATE ROLE " + readerRole + " LOGIN",
		"CREATE ROLE " + runtimeRole + " LOGIN",
		"CREATE ROLE " + ownerRole + " LOGIN",
		"CREATE ROLE outsider LOGIN",
		"GRANT pg_read_all_data, pg_read_all_stats TO " + readerRole,
		"CREATE DATABASE " + brokenShop,
		"CREATE DATABASE " + cleanShop,
	} {
		if err := p.admin(statement); err != nil {
			return err
		}
	}
	options := shop.Options{Orders: 1000, Seed: 1, Plant: shop.PlantLasting, Plain: true}
	if p.truth, err = shop.Generate(ctx, p.superuser(brokenShop), options); err != nil {
		return err
	}
	options.Plant = shop.PlantNone
	_, err = shop.Generate(ctx, p.superuser(cleanShop), options)
	return err
}

func (p *place) stop() {
	if p.server != nil {
		p.server.Stop()
	}
}

func (p *place) superuser(database string) string { return p.server.DSN(database, pgproc.Superuser) }

// clone makes a database for one script and gives its name.
func (p *place) clone(from, databaseOwner string) (string, error) {
	p.mu.Lock() // Postgres clones one template at a time
	defer p.mu.Unlock()
	p.names++
	name := fmt.Sprintf("script_%d", p.names)
	return name, p.admin("CREATE DATABASE " + name + " TEMPLATE " + from + " OWNER " + databaseOwner)
}

func (p *place) drop(database string) error {
	return p.admin("DROP DATABASE IF EXISTS " + database + " WITH (FORCE)")
}

func (p *place) admin(statement string) error {
	_, err := ask(p.superuser(pgproc.Superuser), statement)
	return err
}

// planted is how many rows the truth says a check must find.
func (p *place) planted(check string) int {
	keys := map[string]bool{}
	for _, one := range p.truth.Plants {
		if one.Check == check && !one.Innocent {
			for _, key := range one.Keys {
				keys[key] = true
			}
		}
	}
	return len(keys)
}

// ask runs one statement and gives the first column of its rows as text.
func ask(dsn, statement string) ([]string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), statementLimit)
	defer cancel()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return nil, err
	}
	defer conn.Close(ctx)
	results, err := conn.PgConn().Exec(ctx, statement).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", statement, err)
	}
	var first []string
	for _, r := range results {
		for _, row := range r.Rows {
			first = append(first, string(slices.Clone(row[0])))
		}
	}
	return first, nil
}

// asSuperuser is the same database for whoever may do anything.
func asSuperuser(dsn string) (string, error) {
	u, err := url.Parse(dsn)
	if err != nil {
		return "", err
	}
	u.User = url.User(pgproc.Superuser)
	return u.String(), nil
}
