-- Tickets with deliveries in flight; a row goes when the last of them has its outcome.
CREATE TABLE notification_in_flight (
  tenant TEXT NOT NULL,
  ticket_id TEXT NOT NULL,
  deliveries BIGINT NOT NULL,
  PRIMARY KEY (tenant, ticket_id)
);
