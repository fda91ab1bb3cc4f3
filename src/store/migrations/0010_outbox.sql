-- What is newest for one endpoint: a backlog does not hold up what is new.
CREATE INDEX outbox_newest_of_endpoint ON outbox (endpoint, delivery) WHERE state = 'waiting';

-- The dead letters of one endpoint, for whoever looks after them.
CREATE INDEX outbox_dead_of_endpoint ON outbox (endpoint, delivery) WHERE state = 'dead';
