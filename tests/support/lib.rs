//! Rigs and fakes.
