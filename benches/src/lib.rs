//! What the programs of this package share: how something is sampled, in what order those that are
//! compared take their turns, and what is made of it.
//!
//! `README.md` says what is compared and how to read it.

// A bench that cannot go on has nothing better to do than to stop and say where.
#![allow(clippy::expect_used)]
// Figures are printed with three digits.
#![allow(clippy::cast_precision_loss)]

pub mod chart;
pub mod dots;
pub mod page;
pub mod place;
pub mod rounds;
pub mod store;
pub mod table;
