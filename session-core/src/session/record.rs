//! The stored form of a session.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::options::Lifetime;

/// A session as it is stored, its data still encoded.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) permanent: bool,
    pub(super) bag: BTreeMap<String, Option<i64>>,
    pub(super) data: Bytes,
}

impl Record {
    pub(super) fn lifetime(&self) -> Lifetime {
        match self.permanent {
            true => Lifetime::Permanent,
            false => Lifetime::Temporary,
        }
    }
}
