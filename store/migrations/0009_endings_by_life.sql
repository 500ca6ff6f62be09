-- The endings that the node knew of where a session began, by their IDs; see Ending. Where it is empty an older version began the session. Rows of nodes that
-- were upgraded before this one have it already, among what was not understood.
ALTER TABLE sessions ADD COLUMN known TEXT NOT NULL DEFAULT '';
UPDATE sessions SET
    known = CASE json_type(extra, '$.known') WHEN 'object' THEN json_extract(extra, '$.known') ELSE '' END,
    extra = json_remove(extra, '$.known')
    WHERE extra <> '';
UPDATE sessions SET extra = '' WHERE extra = '{}';
