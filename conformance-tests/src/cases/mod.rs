//! The cases, a file for each group. The table says what each proves.
//!
//! A case takes a fresh store and panics where it does not behave.

pub(crate) mod listing;
pub(crate) mod namespaces;
pub(crate) mod races;
pub(crate) mod reads;
pub(crate) mod reopening;
pub(crate) mod sharing;
pub(crate) mod writes;

/// What most cases need.
mod prelude {
    pub(crate) use bytes::Bytes;
    pub(crate) use session_core::{CacheClient, Condition, Expiry};

    pub(crate) use crate::expect::*;
    pub(crate) use crate::store::Store;
}
