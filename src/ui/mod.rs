//! The screens: a display, never an authority.
