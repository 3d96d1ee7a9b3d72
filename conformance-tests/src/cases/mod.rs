//! The cases, a file for each group. The table says what each proves.
//!
//! A case takes a fresh store and panics where it does not behave.

pub(crate) mod batches;
pub(crate) mod counters;
pub(crate) mod efficiency;
pub(crate) mod expiry;
pub(crate) mod faults;
pub(crate) mod histories;
pub(crate) mod histories_through_cuts;
pub(crate) mod keys;
pub(crate) mod listing;
pub(crate) mod namespaces;
pub(crate) mod network;
pub(crate) mod outages;
pub(crate) mod overlaps;
pub(crate) mod races;
pub(crate) mod reads;
pub(crate) mod reopening;
pub(crate) mod sequences;
pub(crate) mod sessions;
pub(crate) mod sharing;
pub(crate) mod states;
pub(crate) mod typed;
pub(crate) mod values;
pub(crate) mod writes;

/// What most cases need.
mod prelude {
    pub(crate) use std::time::Duration;

    pub(crate) use bytes::Bytes;
    pub(crate) use session_core::Condition::{Absent, Always, Present};
    pub(crate) use session_core::Expiry::{At, Keep};
    pub(crate) use session_core::{CacheClient, CacheClientExtended, ErrorKind, TimeToLive};

    pub(crate) use crate::expect::*;
    pub(crate) use crate::store::Store;
}
