-- Marks the file as Snug's ("Snug" in ASCII).
PRAGMA application_id = 0x536e7567;

-- Replicated rows. Each has its place in the local order of events as its rowid,
-- so that an index on any column also serves "… behind that place, in order", and
-- its origin: who wrote it last, and when. Rows may arrive in any order, so there
-- are no foreign keys; keys and tokens are checked by the writer, because two
-- nodes that cannot see each other may both give one away.

CREATE TABLE users (
    place    INTEGER PRIMARY KEY,
    stamp    INTEGER NOT NULL,
    feed     BLOB    NOT NULL,
    seq      INTEGER NOT NULL,
    id       BLOB    NOT NULL UNIQUE,
    name     TEXT    NOT NULL,
    key      TEXT    NOT NULL,
    password TEXT    NOT NULL,
    admin    INTEGER NOT NULL,
    disabled INTEGER NOT NULL,
    created  INTEGER NOT NULL,
    UNIQUE (feed, seq)
) STRICT;
CREATE INDEX users_by_key ON users (key);

CREATE TABLE seen (
    place INTEGER PRIMARY KEY,
    stamp INTEGER NOT NULL,
    feed  BLOB    NOT NULL,
    seq   INTEGER NOT NULL,
    user  BLOB    NOT NULL UNIQUE,
    at    INTEGER NOT NULL,
    UNIQUE (feed, seq)
) STRICT;

CREATE TABLE sessions (
    place   INTEGER PRIMARY KEY,
    stamp   INTEGER NOT NULL,
    feed    BLOB    NOT NULL,
    seq     INTEGER NOT NULL,
    id      BLOB    NOT NULL UNIQUE,
    token   BLOB    NOT NULL UNIQUE,
    user    BLOB    NOT NULL,
    created INTEGER NOT NULL,
    used    INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    agent   TEXT    NOT NULL,
    address TEXT    NOT NULL,
    revoked INTEGER NOT NULL,
    UNIQUE (feed, seq)
) STRICT;
CREATE INDEX sessions_by_user ON sessions (user);
CREATE INDEX sessions_by_expiry ON sessions (expires);

CREATE TABLE rooms (
    place   INTEGER PRIMARY KEY,
    stamp   INTEGER NOT NULL,
    feed    BLOB    NOT NULL,
    seq     INTEGER NOT NULL,
    id      BLOB    NOT NULL UNIQUE,
    name    TEXT    NOT NULL,
    key     TEXT    NOT NULL,
    creator BLOB,
    created INTEGER NOT NULL,
    guests  INTEGER NOT NULL,
    UNIQUE (feed, seq)
) STRICT;

CREATE TABLE messages (
    place   INTEGER PRIMARY KEY,
    stamp   INTEGER NOT NULL,
    feed    BLOB    NOT NULL,
    seq     INTEGER NOT NULL,
    id      BLOB    NOT NULL UNIQUE,
    room    BLOB    NOT NULL,
    author  BLOB,
    target  BLOB,
    posted  INTEGER NOT NULL,
    text    TEXT    NOT NULL,
    edited  INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    UNIQUE (feed, seq)
) STRICT;
CREATE INDEX messages_by_posting ON messages (room, posted, id);
CREATE INDEX messages_by_place ON messages (room);
CREATE INDEX messages_from ON messages (author) WHERE target IS NOT NULL;
CREATE INDEX messages_to ON messages (target) WHERE target IS NOT NULL;

-- How far this node has each feed.
CREATE TABLE feeds (
    feed BLOB    NOT NULL PRIMARY KEY,
    seq  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Local and derived: kept in the same transaction as the rows they follow from.

CREATE TABLE activity (
    room  BLOB    NOT NULL PRIMARY KEY,
    place INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX activity_by_place ON activity (place);

CREATE TABLE conversations (
    user    BLOB    NOT NULL,
    other   BLOB    NOT NULL,
    posted  INTEGER NOT NULL,
    message BLOB    NOT NULL,
    PRIMARY KEY (user, other)
) STRICT, WITHOUT ROWID;
CREATE INDEX conversations_by_posting ON conversations (user, posted, message);

-- Local, one row: the name of this order of events, its newest place, the clock.
CREATE TABLE state (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    log   BLOB    NOT NULL,
    place INTEGER NOT NULL,
    clock INTEGER NOT NULL
) STRICT;

CREATE TABLE meta (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
