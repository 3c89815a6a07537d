package shop

import (
	"fmt"
	"strings"
	"time"
)

// Customers that share an email, and emails that only look shared.
func duplicates() []seed {
	return []seed{
		{
			kind: "email-twice", times: 10, about: "registered twice; the older one is kept",
			sow: func(b *bed) []mark { return b.twins(b.recently(), same) },
		},
		{
			kind: "email-tie", times: 5, about: "registered twice in the same microsecond; the smaller id is kept",
			sow: func(b *bed) []mark { return b.twins(time.Time{}, same) },
		},
		{
			kind: "email-conflict", times: 4, about: "one email, but different names and phones: a duplicate that must not be merged blindly",
			sow: func(b *bed) []mark { return b.twins(b.recently(), different) },
		},
		{
			kind: "email-crowd", times: 1, about: "one email very many times, some of them at the same moment",
			sow: sowCrowd,
		},
		{
			kind: "email-case", times: 4, innocent: true, about: "emails that differ in case only",
			sow: func(b *bed) []mark {
				return b.lookAlikes(func(email string) string { return strings.ToUpper(email[:1]) + email[1:] })
			},
		},
		{
			kind: "email-accent", times: 2, innocent: true, about: "the same letter composed and decomposed: different texts",
			sow: func(b *bed) []mark {
				return b.lookAlikes(func(email string) string { return "re\u0301" + email }, func(email string) string { return "r\u00e9" + email })
			},
		},
		{
			kind: "email-plus", times: 2, innocent: true, about: "two addresses of one mailbox are two addresses",
			sow: func(b *bed) []mark {
				return b.lookAlikes(func(email string) string { return strings.Replace(email, "@", "+shop@", 1) })
			},
		},
		{
			kind: "email-space", times: 2, innocent: true, about: "a space at the end makes another text",
			sow: func(b *bed) []mark { return b.lookAlikes(func(email string) string { return email + " " }) },
		},
		{
			kind: "email-null", times: 8, innocent: true, about: "no email, many times",
			sow: func(b *bed) []mark {
				c := b.plantCustomer()
				c.email = nil
				return customerMark("", "", c)
			},
		},
	}
}

// The classes of duplicate-emails.
const (
	Duplicate = "duplicate"
	Conflict  = "conflict"
)

const (
	same      = true
	different = false
)

// twins plants two customers with one email, the second registered at a later time; zero: at the same time.
func (b *bed) twins(later time.Time, alike bool) []mark {
	kept, extra := b.plantCustomer(), b.plantCustomer()
	if later.IsZero() && extra.id < kept.id {
		kept, extra = extra, kept
	}
	if later.IsZero() {
		later = kept.created
	}
	extra.email, extra.created, extra.updated = kept.email, later, later
	if !alike {
		kept.phone, extra.name, extra.phone = ptr("+1-555-0100"), kept.name+" Jr.", ptr("+1-555-0199")
		return customerMark(Conflict, kept.id, extra)
	}
	extra.name, extra.phone, extra.referredBy = kept.name, kept.phone, kept.referredBy
	return customerMark(Duplicate, kept.id, extra)
}

// sowCrowd gives one email to a crowd. Every third of them is as old as the one before it.
func sowCrowd(b *bed) []mark {
	kept := b.plantCustomer()
	email := fmt.Sprintf("no-reply-%d@example.com", b.number())
	kept.email = &email
	at := kept.created
	var extra []*customer
	for i := 1; i < b.crowd(); i++ {
		if i%3 != 0 {
			at = at.Add(time.Minute)
		}
		c := b.plantCustomer()
		c.email, c.name, c.phone, c.referredBy, c.created, c.updated = &email, kept.name, kept.phone, kept.referredBy, at, at
		extra = append(extra, c)
	}
	return customerMark(Duplicate, kept.id, extra...)
}

// lookAlikes plants two customers, the second with a changed form of the first one's email, or both changed.
func (b *bed) lookAlikes(forms ...func(string) string) []mark {
	one, other := b.plantCustomer(), b.plantCustomer()
	email := *one.email
	other.email = ptr(forms[0](email))
	if len(forms) > 1 {
		one.email = ptr(forms[1](email))
	}
	return customerMark("", "", one, other)
}
