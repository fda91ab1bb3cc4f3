//! The AAMVA payload of North American licences and identity cards.
