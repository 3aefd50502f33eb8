//! The rule of the second claim, over both handles of a code.

thread_local! {
    /// A second device takes the code over: what the product must never do.
    pub(super) static FORGIVING: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}
