-- Passkeys, recovery codes, tokens, webhooks, invitations, the audit log, settings:
-- small rows of many kinds, each looked up by its id, by its key, by its owner, or
-- walked along the time of its making. What else one says is in its body, a JSON
-- object. Two nodes that did not see each other may have given away the same key, so
-- it is not unique.
CREATE TABLE records (
    place   INTEGER PRIMARY KEY,
    stamp   INTEGER NOT NULL,
    feed    BLOB    NOT NULL,
    seq     INTEGER NOT NULL,
    extra   TEXT    NOT NULL,
    kind    TEXT    NOT NULL,
    id      BLOB    NOT NULL,
    owner   BLOB,
    key     TEXT    NOT NULL,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    final   INTEGER NOT NULL,
    body    TEXT    NOT NULL,
    UNIQUE (kind, id)
) STRICT;
CREATE INDEX records_by_origin ON records (feed, seq);
CREATE INDEX records_by_key ON records (kind, key, final, created, id) WHERE key <> '';
CREATE INDEX records_by_owner ON records (kind, owner, created, id);
CREATE INDEX records_by_creation ON records (kind, created, id);
CREATE INDEX records_by_expiry ON records (kind, expires) WHERE expires <> 0;
CREATE INDEX records_ended ON records (kind, stamp) WHERE final <> 0;
