//! The small page for people at `/`: what this is, every address, and every error code. It loads nothing and runs nothing.

use std::fmt::Write as _;

use super::error::ErrorCode;
use super::routes::routes;
use crate::session::{Dialect, ReasonCode};

const HEAD: &str = r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>carded: the API of this device</title>
<style>
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
code { font-family: ui-monospace, monospace; font-size: .9em; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; }
th, td { text-align: left; vertical-align: top; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid #8886; }
</style>
</head>
<body>
<h1>carded</h1>
<p>This device checks ages and identities. It speaks the session API of Stripe Identity and that of Stile; both see the same
sessions. Point the client that you have at this address, with a key made by <code>carded keys create</code>.</p>
<p>The whole API is described in <a href="/openapi.json">/openapi.json</a> (OpenAPI 3.1). Event streams are unsigned hints:
only a webhook with a good signature, a retrieval with a secret key, or the attestation in an outcome grants anything.</p>
"#;

/// What a person sees who opens the device's address in a browser.
#[must_use]
pub(super) fn page() -> String {
    let mut page = HEAD.to_owned();
    // Writing to a text cannot fail.
    let _ = write_tables(&mut page);
    page.push_str("</body>\n</html>\n");
    page
}

fn write_tables(page: &mut String) -> std::fmt::Result {
    for (dialect, title) in [(Dialect::Stripe, "In Stripe's words"), (Dialect::Stile, "In Stile's words")] {
        write!(page, "<h2>{title}</h2>\n<table>\n")?;
        for route in routes().iter().filter(|route| route.dialect == dialect) {
            writeln!(page, "<tr><td><code>{}</code></td><td><code>{}</code></td></tr>", route.method, route.path)?;
        }
        page.push_str("</table>\n");
    }
    page.push_str("<h2 id=\"errors\">Errors</h2>\n<table>\n<tr><th>Status</th><th>Code</th></tr>\n");
    for code in ErrorCode::ALL {
        writeln!(page, "<tr><td>{}</td><td><code>{}</code></td></tr>", code.status().as_u16(), code.as_str())?;
    }
    page.push_str("</table>\n<h2 id=\"reasons\">Why a person was not verified</h2>\n<table>\n");
    page.push_str("<tr><th>Reason</th><th>Stripe</th><th>What helps</th></tr>\n");
    for entry in ReasonCode::all().map(ReasonCode::entry) {
        writeln!(
            page,
            "<tr><td><code>{}</code><br>{}</td><td><code>{}</code></td><td>{}</td></tr>",
            entry.stile, entry.staff, entry.stripe, entry.remedy
        )?;
    }
    page.push_str("</table>\n");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_every_address_and_every_code_and_loads_nothing() {
        let page = page();
        for route in routes() {
            assert!(page.contains(route.path), "{}", route.path);
        }
        for code in ErrorCode::ALL {
            assert!(page.contains(&format!("<code>{}</code>", code.as_str())), "{}", code.as_str());
        }
        for loaded in ["<script", "src=", "http://", "https://", "@import"] {
            assert!(!page.contains(loaded), "{loaded}");
        }
    }
}
