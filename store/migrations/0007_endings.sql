-- The ending of all sessions of a user that the node knew of where a session began; see Ending. Rows of nodes that were upgraded before this one have it
-- already, among what was not understood.
ALTER TABLE sessions ADD COLUMN knew INTEGER NOT NULL DEFAULT 0;
UPDATE sessions SET
    knew  = CASE json_type(extra, '$.knew') WHEN 'integer' THEN json_extract(extra, '$.knew') ELSE 0 END,
    extra = json_remove(extra, '$.knew')
    WHERE extra <> '';
UPDATE sessions SET extra = '' WHERE extra = '{}';
