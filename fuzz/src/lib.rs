//! The parsers of documents, out of the program's own sources but without the rest of it: the camera, models and window
//! would take most of an hour to build with the search's instrumentation, and are not searched.
//!
//! Always holds: the code that is searched is the program's own files, not a copy. What those files name of rooms that
//! are left out has a stand-in here.
#![allow(dead_code, unused_imports, missing_docs, reason = "most of what the files hold is not searched")]

pub mod document;
pub mod imaging;
pub mod privacy;
pub mod session;
