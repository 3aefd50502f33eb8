//! Whole stories.

mod kill_nine;
mod real_openclaw;
mod tidy;
