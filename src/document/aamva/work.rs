//! How much reading a payload looks at, counted where a reader could look at the same characters again and again: at
//! every look for an identifier, every run of blanks that is skipped, every count of characters and every search of the
//! elements. Counts in tests only; elsewhere nothing of it is left.

#[cfg(test)]
thread_local! {
    static LOOKED_AT: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Notes that so many characters, or so many entries of a list, were looked at.
#[cfg(test)]
pub(super) fn looked_at(count: usize) {
    LOOKED_AT.set(LOOKED_AT.get() + count);
}

/// Notes nothing.
#[cfg(not(test))]
pub(super) const fn looked_at(_count: usize) {}

/// What some work looked at.
#[cfg(test)]
pub(super) fn count(work: impl FnOnce()) -> usize {
    LOOKED_AT.set(0);
    work();
    LOOKED_AT.get()
}
