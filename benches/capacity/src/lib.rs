//! What so many sessions ask of a store, what a node of each backend carries, and so how many
//! nodes it takes.
//!
//! [`slides`] is the arithmetic of sliding expiry, as a formula and as a simulation; [`plan`] adds
//! up operations and bytes; [`figures`] is what was measured; [`page`] keeps the tables of
//! `benches/CAPACITY.md` those of the program. Nothing here asks a store: the example `measure` does.

pub mod figures;
pub mod page;
pub mod plan;
pub mod report;
pub mod slides;
pub mod table;
