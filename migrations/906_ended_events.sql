-- Migration 906: which commands ended how and when, a row for each tenant and outcome of a batch. What counts them by the minute, by
-- site or by answer time reads these rows and takes them out, and looks up the rest by the command ids (times, word of the answer and device in
-- device_commands, the reason in the journal). Until then the sweeper trims them. For the console's functions only.

CREATE TABLE device_console.ended_events (
    event_id        BIGINT      NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id       TEXT        NOT NULL,
    outcome         TEXT        NOT NULL CHECK (outcome IN ('acked', 'late', 'missed', 'expired')),
    ended_at        TIMESTAMPTZ NOT NULL,
    command_ids     TEXT[]      NOT NULL
);
-- Ids do not get shorter by compression, and a batch of 500 would pay for the try.
ALTER TABLE device_console.ended_events ALTER COLUMN command_ids SET STORAGE EXTERNAL;

ALTER TABLE device_console.ended_events ENABLE ROW LEVEL SECURITY;

-- Other signatures took their places.
DROP FUNCTION IF EXISTS device_console.sweep(TIMESTAMPTZ, INTEGER);
DROP FUNCTION IF EXISTS device_console.settle(TID[], INTEGER, TIMESTAMPTZ);
DROP FUNCTION IF EXISTS device_console.settle_each(TEXT, TID[], INTEGER, TIMESTAMPTZ);
DROP FUNCTION IF EXISTS device_console.next_deadline();
