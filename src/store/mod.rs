//! The database: schema, sessions, anchors, outbox and audit. Owned by the engine alone.
