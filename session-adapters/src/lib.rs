#![doc = include_str!("../README.md")]

mod store;

#[cfg(feature = "actix-session")]
mod actix;
#[cfg(any(
    feature = "actix-session",
    feature = "tower-sessions",
    feature = "tower-sessions-0_14"
))]
mod operations;
#[cfg(any(feature = "tower-sessions", feature = "tower-sessions-0_14"))]
mod tower;
#[cfg(any(feature = "tower-sessions", feature = "tower-sessions-0_14"))]
mod value;

pub use store::{ACTIX_KEY_PREFIX, CacheSessionStore, TOWER_KEY_PREFIX, WhenGone};
