//! How a value becomes bytes. The only file that names bincode.

/// How [`TypedCache`](crate::TypedCache) encodes what it writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Codec {
    /// A tag byte and bincode 2.
    #[default]
    Bincode,
    /// JSON text.
    Json,
}
