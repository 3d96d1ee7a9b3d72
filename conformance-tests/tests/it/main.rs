//! The suite, tested: it passes on a plain map and catches clients broken on purpose.

mod conformance;
mod lacking;
