//! What the hot paths cost, as far as a plain test can tell.

mod allocations;
#[path = "../../src/paths.rs"]
mod paths;
