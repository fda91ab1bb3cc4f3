//! Use case and jurisdiction in, rule out.
