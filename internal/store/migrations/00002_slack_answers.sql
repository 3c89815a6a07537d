-- +goose Up

-- What Slack answered about user groups, people and channels, so that not each replica asks for itself: ids and flags,
-- no names. asked is when Slack was asked, never when the answer came; claimed is when somebody last took the right to
-- ask, until asking_until, and names that claim. Unlogged: losing them costs one call each, and no look-up waits for a disk.
CREATE UNLOGGED TABLE slack_answers (
    method       text NOT NULL,
    key          text NOT NULL,
    answer       json,
    asked        timestamptz,
    claimed      timestamptz NOT NULL,
    asking_until timestamptz NOT NULL,
    PRIMARY KEY (method, key)
) WITH (fillfactor = 50);

-- Until when Slack wants no calls of a method (429, Retry-After).
CREATE UNLOGGED TABLE slack_waits (
    method text PRIMARY KEY,
    until  timestamptz NOT NULL
) WITH (fillfactor = 50);

-- +goose Down
DROP TABLE slack_waits, slack_answers;
