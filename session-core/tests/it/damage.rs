//! What damage does to stored bytes: every truncation of them, and every bit of them turned.

/// Each beginning of these bytes, the whole left out.
pub(crate) fn truncated(stored: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..stored.len()).map(|len| stored[..len].to_vec())
}

/// These bytes with one bit turned, for each bit.
pub(crate) fn bits_turned(stored: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..stored.len() * 8).map(|bit| {
        let mut damaged = stored.to_vec();
        damaged[bit / 8] ^= 1 << (bit % 8);
        damaged
    })
}
