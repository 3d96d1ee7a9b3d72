//! The suite, tested: it passes on a plain map and catches clients broken on purpose.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod broken;
mod conformance;
mod lacking;
mod prefixed;
mod table;
