//! Machine-readable zones by ICAO Doc 9303.
