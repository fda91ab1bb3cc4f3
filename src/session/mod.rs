//! Evidence and policy in, decision and outcome out.
