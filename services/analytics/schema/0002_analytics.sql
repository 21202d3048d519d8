-- One row per ticket that has been opened: what picks the tickets of a query, and their facts beside it, so that a
-- report reads them in long chunks. All of it follows from the ticket's facts (analytics_store.cc).
CREATE TABLE analytics_ticket (
  tenant TEXT NOT NULL,
  ticket_id TEXT NOT NULL,
  import_source TEXT NOT NULL,  -- '' = not imported
  opened_at BIGINT NOT NULL,    -- microseconds
  finished BIGINT NOT NULL,     -- 1 = its ImportFinished was applied
  settled BIGINT NOT NULL,      -- 1 = its settlement up to there was applied
  facts BYTEA NOT NULL,
  PRIMARY KEY (tenant, ticket_id)
);
-- Holds all that progress and its chunks ask for.
CREATE INDEX analytics_ticket_by_import
  ON analytics_ticket (tenant, import_source, ticket_id, opened_at, finished, settled);
CREATE INDEX analytics_ticket_by_opening ON analytics_ticket (tenant, opened_at, ticket_id);
