-- +goose Up

-- Which records of other systems plans have taken for themselves, or have sent on: places (offsets) of one part (a
-- partition) of a source (a topic; "of" is its id, so that a later one of the same name is another). A place is in at most
-- one plan. A plan's rows are written in the transaction that begins it; what it turns out not to have sent is removed
-- in the one that ends it. What was sent stays, as the plan does: it must never be sent again. Spans that touch are one,
-- so that a plan has a few numbers here and not one for each record.
CREATE TABLE sent_records (
    plan   bigint NOT NULL REFERENCES plans,
    source text NOT NULL,
    of     text NOT NULL,
    part   integer NOT NULL CHECK (part >= 0),
    hold   text NOT NULL CHECK (hold IN ('taken', 'sent')),
    spans  int8multirange NOT NULL CHECK (NOT isempty(spans)),
    at     timestamptz NOT NULL,
    PRIMARY KEY (plan, source, of, part, hold)
);
CREATE INDEX sent_records_source ON sent_records (source, of, part);
CREATE INDEX sent_records_taken ON sent_records (plan) WHERE hold = 'taken';

-- +goose Down
DROP TABLE sent_records;
