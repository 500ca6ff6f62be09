-- Rows of other nodes are merged with those of this one. Two nodes that did not see
-- each other may have given away the same token, and one that was set back while it
-- ran may have used a number of its feed twice: neither may stop a merge, so neither
-- is unique any longer. extra holds the fields that only newer versions know, as a
-- JSON object, or nothing.

-- name and key are what the user claimed, and when; shown and shown_key follow from
-- the claims of all users.
CREATE TABLE new_users (
    place     INTEGER PRIMARY KEY,
    stamp     INTEGER NOT NULL,
    feed      BLOB    NOT NULL,
    seq       INTEGER NOT NULL,
    extra     TEXT    NOT NULL,
    id        BLOB    NOT NULL UNIQUE,
    name      TEXT    NOT NULL,
    key       TEXT    NOT NULL,
    claimed   INTEGER NOT NULL,
    shown     TEXT    NOT NULL,
    shown_key TEXT    NOT NULL,
    password  TEXT    NOT NULL,
    admin     INTEGER NOT NULL,
    disabled  INTEGER NOT NULL,
    created   INTEGER NOT NULL
) STRICT;
INSERT INTO new_users (place, stamp, feed, seq, extra, id, name, key, claimed, shown, shown_key, password, admin, disabled, created)
    SELECT place, stamp, feed, seq, '', id, name, key, min(max(created, 0) << 16, stamp), name, key, password, admin, disabled, created FROM users;
DROP TABLE users;
ALTER TABLE new_users RENAME TO users;
CREATE INDEX users_by_origin ON users (feed, seq);
CREATE INDEX users_by_key ON users (key);
CREATE INDEX users_by_shown_key ON users (shown_key);

CREATE TABLE new_seen (
    place INTEGER PRIMARY KEY,
    stamp INTEGER NOT NULL,
    feed  BLOB    NOT NULL,
    seq   INTEGER NOT NULL,
    extra TEXT    NOT NULL,
    user  BLOB    NOT NULL UNIQUE,
    at    INTEGER NOT NULL
) STRICT;
INSERT INTO new_seen (place, stamp, feed, seq, extra, user, at)
    SELECT place, stamp, feed, seq, '', user, at FROM seen;
DROP TABLE seen;
ALTER TABLE new_seen RENAME TO seen;
CREATE INDEX seen_by_origin ON seen (feed, seq);

CREATE TABLE new_sessions (
    place   INTEGER PRIMARY KEY,
    stamp   INTEGER NOT NULL,
    feed    BLOB    NOT NULL,
    seq     INTEGER NOT NULL,
    extra   TEXT    NOT NULL,
    id      BLOB    NOT NULL UNIQUE,
    token   BLOB    NOT NULL,
    user    BLOB    NOT NULL,
    created INTEGER NOT NULL,
    used    INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    agent   TEXT    NOT NULL,
    address TEXT    NOT NULL,
    revoked INTEGER NOT NULL
) STRICT;
INSERT INTO new_sessions (place, stamp, feed, seq, extra, id, token, user, created, used, expires, agent, address, revoked)
    SELECT place, stamp, feed, seq, '', id, token, user, created, used, expires, agent, address, revoked FROM sessions;
DROP TABLE sessions;
ALTER TABLE new_sessions RENAME TO sessions;
CREATE INDEX sessions_by_origin ON sessions (feed, seq);
CREATE INDEX sessions_by_token ON sessions (token);
CREATE INDEX sessions_by_user ON sessions (user);
CREATE INDEX sessions_by_expiry ON sessions (expires);

CREATE TABLE new_rooms (
    place   INTEGER PRIMARY KEY,
    stamp   INTEGER NOT NULL,
    feed    BLOB    NOT NULL,
    seq     INTEGER NOT NULL,
    extra   TEXT    NOT NULL,
    id      BLOB    NOT NULL UNIQUE,
    name    TEXT    NOT NULL,
    key     TEXT    NOT NULL,
    creator BLOB,
    created INTEGER NOT NULL,
    guests  INTEGER NOT NULL
) STRICT;
INSERT INTO new_rooms (place, stamp, feed, seq, extra, id, name, key, creator, created, guests)
    SELECT place, stamp, feed, seq, '', id, name, key, creator, created, guests FROM rooms;
DROP TABLE rooms;
ALTER TABLE new_rooms RENAME TO rooms;
CREATE INDEX rooms_by_origin ON rooms (feed, seq);

CREATE TABLE new_messages (
    place   INTEGER PRIMARY KEY,
    stamp   INTEGER NOT NULL,
    feed    BLOB    NOT NULL,
    seq     INTEGER NOT NULL,
    extra   TEXT    NOT NULL,
    id      BLOB    NOT NULL UNIQUE,
    room    BLOB    NOT NULL,
    author  BLOB,
    target  BLOB,
    posted  INTEGER NOT NULL,
    text    TEXT    NOT NULL,
    edited  INTEGER NOT NULL,
    deleted INTEGER NOT NULL
) STRICT;
INSERT INTO new_messages (place, stamp, feed, seq, extra, id, room, author, target, posted, text, edited, deleted)
    SELECT place, stamp, feed, seq, '', id, room, author, target, posted, text, edited, deleted FROM messages;
DROP TABLE messages;
ALTER TABLE new_messages RENAME TO messages;
CREATE INDEX messages_by_origin ON messages (feed, seq);
CREATE INDEX messages_by_posting ON messages (room, posted, id);
CREATE INDEX messages_by_place ON messages (room);
CREATE INDEX messages_from ON messages (author) WHERE target IS NOT NULL;
CREATE INDEX messages_to ON messages (target) WHERE target IS NOT NULL;

-- Rows of kinds that only newer versions know, whole as they came.
CREATE TABLE strange (
    place INTEGER PRIMARY KEY,
    stamp INTEGER NOT NULL,
    feed  BLOB    NOT NULL,
    seq   INTEGER NOT NULL,
    kind  TEXT    NOT NULL,
    id    TEXT    NOT NULL,
    final INTEGER NOT NULL,
    body  TEXT    NOT NULL,
    UNIQUE (kind, id)
) STRICT;
CREATE INDEX strange_by_origin ON strange (feed, seq);

-- Rows stamped too far ahead of this node's clock: they wait until it has come
-- nearer, and are passed on meanwhile.
CREATE TABLE early (
    place INTEGER PRIMARY KEY,
    stamp INTEGER NOT NULL,
    feed  BLOB    NOT NULL,
    seq   INTEGER NOT NULL,
    body  TEXT    NOT NULL,
    UNIQUE (feed, seq)
) STRICT;
CREATE INDEX early_by_stamp ON early (stamp);

-- Local: what came as a row and could not be read, the latest of it.
CREATE TABLE damaged (
    id   INTEGER PRIMARY KEY AUTOINCREMENT,
    at   INTEGER NOT NULL,
    feed BLOB,
    seq  INTEGER NOT NULL,
    why  TEXT    NOT NULL,
    body BLOB    NOT NULL
) STRICT;

-- Local: how far this node has read the order of events of others.
CREATE TABLE cursors (
    log   TEXT    NOT NULL PRIMARY KEY,
    place INTEGER NOT NULL,
    used  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Activity follows from the rows themselves: the stamp of the latest message, or the
-- making of the room, and so is the same in whatever order they came.
DROP TABLE activity;
CREATE TABLE activity (
    room BLOB    NOT NULL PRIMARY KEY,
    at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX activity_by_time ON activity (at);
INSERT INTO activity (room, at)
    SELECT room, max(at) FROM (
        SELECT room, posted AS at FROM messages WHERE target IS NULL
        UNION ALL
        SELECT id, max(created, 0) << 16 FROM rooms)
    GROUP BY room;
