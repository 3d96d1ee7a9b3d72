//! What is done to a store when it is measured, and how long it takes.
//!
//! Apart from `benches`, and without any store, because peers that need another version of SQLite
//! than ours must be programs of their own: one program can hold one only. They are given their
//! turns by [`worker`].

// A bench that cannot go on has nothing better to do than to stop and say where.
#![allow(clippy::expect_used)]
// Figures are printed with three digits.
#![allow(clippy::cast_precision_loss)]

pub mod entries;
#[cfg(feature = "records")]
pub mod records;
pub mod sample;
pub mod sql;
pub mod turns;
pub mod user;
pub mod work;
pub mod worker;
