-- A deleted room stays as a row, so that it stays deleted. A room that is made later under its
-- key is another one: life counts them, see RoomLifeID.
ALTER TABLE rooms ADD COLUMN life INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rooms ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0;
DROP INDEX rooms_by_key;
CREATE INDEX rooms_by_key ON rooms (key, life);
