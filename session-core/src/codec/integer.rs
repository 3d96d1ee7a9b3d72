//! Integers at the top of a value: decimal text whatever the codec.

use std::fmt::{self, Display};

use serde::de::value::Error;
use serde::de::{DeserializeOwned, Deserializer, Visitor};
use serde::forward_to_deserialize_any;

/// An integer of any width.
#[derive(Clone, Copy)]
pub(super) enum Integer {
    Signed(i128),
    Unsigned(u128),
}

/// Reads canonical decimal text for a type that is an integer only where no person reads.
pub(super) fn read<T: DeserializeOwned>(text: &[u8]) -> Option<T> {
    let text = std::str::from_utf8(text).ok()?;
    let integer = match text.parse() {
        Ok(signed) => Integer::Signed(signed),
        Err(_) => Integer::Unsigned(text.parse().ok()?),
    };
    // Neither `+7` nor `007` is a number of ours.
    if integer.to_string() != text {
        return None;
    }
    T::deserialize(integer).ok()
}

impl Display for Integer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signed(integer) => integer.fmt(f),
            Self::Unsigned(integer) => integer.fmt(f),
        }
    }
}

impl<'de> Deserializer<'de> for Integer {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        // Visitors of the usual widths do not know 128 bits.
        match self {
            Self::Signed(integer) => match (i64::try_from(integer), u64::try_from(integer)) {
                (Ok(integer), _) => visitor.visit_i64(integer),
                (_, Ok(integer)) => visitor.visit_u64(integer),
                _ => visitor.visit_i128(integer),
            },
            Self::Unsigned(integer) => visitor.visit_u128(integer),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}
