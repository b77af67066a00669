-- Migration 901: what stands beside a command's row: its place in the queue, what happened to it, and what an operator should see.
-- Operators fill some columns only, and the tables refuse what cannot be: no value of one tenant's rows may break a statement
-- that serves all. Ids that no index entry holds cannot be published.

-- What waits for publication. due_at is also the end of a lease while holder is set; 'infinity' parks a row that can never be
-- published. outcome: how the newest attempt ended; blocked_by: what the newest look at the row found against an attempt; last_error:
-- the words of the one or the other. held_back: it waits for an earlier command of its device and is not looked at again before that, or before due_at.
CREATE TABLE device_console.outbox (
    tenant_id       TEXT        NOT NULL,
    command_id      TEXT        NOT NULL,
    device_id       TEXT        NOT NULL,
    seq             BIGINT      NOT NULL GENERATED ALWAYS AS IDENTITY,
    due_at          TIMESTAMPTZ NOT NULL DEFAULT now(),
    holder          UUID,
    attempt         INTEGER     NOT NULL DEFAULT 0,
    last_error      TEXT,
    created_at      TIMESTAMPTZ NOT NULL DEFAULT now(),  -- of the command: the order of one device's commands
    held_back       BOOLEAN     NOT NULL DEFAULT false,
    outcome         TEXT        CHECK (outcome IN ('refused', 'unknown', 'not tried')),
    blocked_by      TEXT        CHECK (blocked_by IN ('tenant', 'device', 'batch', 'other program', 'content', 'database')),
    PRIMARY KEY (tenant_id, command_id),
    CONSTRAINT outbox_attempt CHECK (attempt BETWEEN 0 AND 1000000),
    CONSTRAINT outbox_due_at CHECK (due_at >= '2000-01-01'),
    CONSTRAINT outbox_created_at CHECK (created_at BETWEEN '2000-01-01' AND '9999-12-31'),
    CONSTRAINT outbox_seq CHECK (seq > 0),
    CONSTRAINT outbox_last_error CHECK (length(last_error) <= 1000),
    CONSTRAINT outbox_ids CHECK (octet_length(tenant_id) <= 1000 AND octet_length(command_id) <= 1000
                                 AND octet_length(device_id) <= 1000)
);
CREATE INDEX outbox_device_order ON device_console.outbox (tenant_id, device_id, created_at, seq);
-- What is due of one tenant is found without looking at the others', nor at what is leased or parked.
CREATE INDEX outbox_due ON device_console.outbox (tenant_id, due_at, seq) WHERE due_at < 'infinity';
CREATE INDEX outbox_parked ON device_console.outbox (tenant_id, command_id) WHERE due_at = 'infinity';

-- Our record of what happened to a command beyond its row: cancels, retries, attempts, words of progress, later answers.
-- attempt is its number, or for 'unsent' how many there were; outcome and blocked_by are why it was not published, detail is what the
-- device, the broker or a person said. No sentence of ours is stored that anything is decided by.
CREATE TABLE device_console.journal (
    tenant_id       TEXT        NOT NULL,
    command_id      TEXT        NOT NULL,
    entry_id        BIGINT      NOT NULL GENERATED ALWAYS AS IDENTITY,
    at              TIMESTAMPTZ NOT NULL DEFAULT now(),
    kind            TEXT        NOT NULL CHECK (kind IN
                    ('cancelled', 'retry_of', 'attempt', 'nobody_listens', 'late_ack', 'unsent', 'adopted', 'progress', 'conflict')),
    by_name         TEXT,
    detail          TEXT,
    attempt         INTEGER     CHECK (attempt BETWEEN 0 AND 1000000),
    outcome         TEXT        CHECK (outcome IN ('confirmed', 'refused', 'unknown', 'not tried')),
    blocked_by      TEXT        CHECK (blocked_by IN
                    ('tenant', 'device', 'batch', 'other program', 'content', 'database', 'broker', 'earlier command')),
    PRIMARY KEY (tenant_id, command_id, entry_id),
    CONSTRAINT journal_attempts CHECK (kind <> 'attempt' OR attempt IS NOT NULL AND outcome IS NOT NULL),
    CONSTRAINT journal_texts CHECK (octet_length(command_id) <= 1000 AND length(by_name) <= 1000 AND length(detail) <= 20000),
    CONSTRAINT journal_entry_id CHECK (entry_id > 0)
);
CREATE INDEX journal_progress ON device_console.journal (tenant_id, entry_id) WHERE kind = 'progress';

-- What an operator should see. Equal problems are counted on one row.
CREATE TABLE device_console.problems (
    tenant_id       TEXT        NOT NULL,
    kind            TEXT        NOT NULL,
    device_id       TEXT        NOT NULL,
    command_id      TEXT        NOT NULL,
    detail          TEXT        NOT NULL,
    count           BIGINT      NOT NULL DEFAULT 1,
    first_at        TIMESTAMPTZ NOT NULL DEFAULT now(),
    last_at         TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, kind, device_id, command_id)
);
CREATE INDEX problems_newest ON device_console.problems (tenant_id, last_at DESC);

-- Answers to commands that another session had locked: kept until the lock is gone, so that one tenant's open transaction does not
-- hold up the answers of all. For the console's functions only.
CREATE TABLE device_console.kept_answers (
    answer_id       BIGINT      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id       TEXT        NOT NULL,
    device_id       TEXT        NOT NULL,
    command_id      TEXT        NOT NULL,
    ack             TEXT        NOT NULL,
    kept_at         TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE INDEX kept_answers_of ON device_console.kept_answers (tenant_id, command_id);

ALTER TABLE device_console.outbox ENABLE ROW LEVEL SECURITY;
ALTER TABLE device_console.journal ENABLE ROW LEVEL SECURITY;
ALTER TABLE device_console.problems ENABLE ROW LEVEL SECURITY;
ALTER TABLE device_console.kept_answers ENABLE ROW LEVEL SECURITY;

DO $$
DECLARE
    operator_role TEXT := current_setting('device_console.operator_role');
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = operator_role) THEN
        EXECUTE format('GRANT SELECT ON device_console.outbox, device_console.journal, device_console.problems TO %I', operator_role);
        EXECUTE format('GRANT INSERT (tenant_id, command_id, device_id) ON device_console.outbox TO %I', operator_role);
        EXECUTE format('GRANT INSERT (tenant_id, command_id, kind, by_name, detail, attempt, outcome) '
                       'ON device_console.journal TO %I',
                       operator_role);
    END IF;
END
$$;
