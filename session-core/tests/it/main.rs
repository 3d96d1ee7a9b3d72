//! What callers see of `session-core`, over a plain map in place of a store.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod api_keys;
mod codec;
mod damage;
mod map;
mod sessions;
mod typed;
