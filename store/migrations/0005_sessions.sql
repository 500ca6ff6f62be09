-- Sessions that last only until the browser closes, and when their owners proved last who they are. Rows of nodes that were upgraded before this one have
-- it already, among what was not understood.
ALTER TABLE sessions ADD COLUMN brief INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN proven INTEGER NOT NULL DEFAULT 0;
UPDATE sessions SET
    brief  = coalesce(json_extract(extra, '$.brief'), 0) = 1,
    proven = CASE json_type(extra, '$.proven') WHEN 'integer' THEN json_extract(extra, '$.proven') ELSE 0 END,
    extra  = json_remove(extra, '$.brief', '$.proven')
    WHERE extra <> '';
UPDATE sessions SET extra = '' WHERE extra = '{}';
