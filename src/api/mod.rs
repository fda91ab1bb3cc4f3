//! The local HTTP API: one session service, two dialects.
