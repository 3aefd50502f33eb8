//! Whole stories.

mod tidy;
