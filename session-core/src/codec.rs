//! How a value becomes bytes. The only place that names bincode.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind, Result};

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

/// What marks bincode 2 with serde in its standard configuration.
const BINCODE: u8 = 0x01;

impl Codec {
    /// Encodes a value.
    ///
    /// # Errors
    ///
    /// `Codec` if the value cannot be encoded.
    pub fn encode<T: Serialize + ?Sized>(self, value: &T) -> Result<Bytes> {
        self.try_encode(value)
            .map_err(|fault| fault.into_error("codec", "encode"))
    }

    /// Decodes a value, whatever codec wrote it.
    ///
    /// # Errors
    ///
    /// `Codec` if the bytes are no value of this type.
    pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
        Self::try_decode(bytes).map_err(|fault| fault.into_error("codec", "decode"))
    }

    pub(crate) fn try_encode<T: Serialize + ?Sized>(self, value: &T) -> Result<Bytes, Fault> {
        let json = serde_json::to_vec(value).map_err(|_| Fault("the value cannot be encoded"))?;
        let integer = json.iter().all(|b| b.is_ascii_digit() || *b == b'-');
        if integer || self == Self::Json {
            return Ok(json.into());
        }
        let mut bytes = vec![BINCODE];
        bincode::serde::encode_into_std_write(value, &mut bytes, bincode::config::standard())
            .map_err(|_| Fault("the value cannot be encoded"))?;
        Ok(bytes.into())
    }

    pub(crate) fn try_decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Fault> {
        match bytes.split_first() {
            Some((&BINCODE, rest)) => {
                let config = bincode::config::standard().with_limit::<{ 16 << 20 }>();
                match bincode::serde::decode_from_slice(rest, config) {
                    Ok((value, read)) if read == rest.len() => Ok(value),
                    _ => Err(Fault("what is stored cannot be decoded")),
                }
            }
            Some((..0x09, _)) => Err(Fault("what is stored has an unknown encoding")),
            _ => {
                serde_json::from_slice(bytes).map_err(|_| Fault("what is stored cannot be decoded"))
            }
        }
    }
}

/// Why a value was not encoded or decoded, in words that hold nothing of it.
pub(crate) struct Fault(&'static str);

impl Fault {
    pub(crate) fn into_error(self, backend: &'static str, operation: &'static str) -> Error {
        Error::new(ErrorKind::Codec, backend, operation).with_message(self.0)
    }
}
