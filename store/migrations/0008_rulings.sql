-- What counts of a user follows from the user's own row and from records of its own kinds, the rulings; see Standing. Records of nodes that were upgraded
-- before this one are among the strange rows, and are taken up at the start.
ALTER TABLE users ADD COLUMN ruled_password TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN ruled_admin INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN ruled_disabled INTEGER NOT NULL DEFAULT 0;
UPDATE users SET ruled_password = password, ruled_admin = admin, ruled_disabled = disabled;
