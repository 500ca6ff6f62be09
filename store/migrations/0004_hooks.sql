-- What a program posts by a webhook is no person's: hook is the name that the webhook
-- has, and author its id. Of people's messages it is empty.
ALTER TABLE messages ADD COLUMN hook TEXT NOT NULL DEFAULT '';

-- For lists of rooms by name.
CREATE INDEX rooms_by_key ON rooms (key);
