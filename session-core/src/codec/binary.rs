//! Bincode 2, standard configuration, written and read by a serializer and a deserializer of our own.
//!
//! Numbers, characters and long lengths are bincode's. What differs from its bridge to serde is what
//! is refused: lengths that the bytes cannot hold, nesting that would overflow the stack, endless
//! sequences of nothing, bytes after the end. All memory is asked for after the bytes were seen.
//! The writer (`writer.rs`) refuses what the reader (below) would.

mod source;
mod writer;

use std::fmt::{self, Display};

use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess,
    SeqAccess, VariantAccess, Visitor,
};

use super::{Fault, MAX_DEPTH};
use source::Source;

pub(super) use writer::write;

/// What stands before a value in bincode.
pub(super) const TAG: u8 = 0x01;

/// Reads a value from what stands after the tag, or makes an error of what is wrong with it.
pub(super) fn read<T: DeserializeOwned, E>(
    encoded: &[u8],
    refuse: impl Fn(Fault) -> E,
) -> Result<T, E> {
    let mut source = Source::new(encoded);
    read_all(&mut source).map_err(|Refused| refuse(source.fault()))
}

fn read_all<T: DeserializeOwned>(source: &mut Source<'_>) -> Result<T, Refused> {
    let value = T::deserialize(Binary {
        source,
        depth_left: MAX_DEPTH,
    });
    if value.is_ok() && source.bytes_left() > 0 {
        return Err(source.refuse(Fault::Trailing));
    }
    value
}

/// The next value of a source, with what nesting is left to it.
struct Binary<'s, 'de> {
    source: &'s mut Source<'de>,
    depth_left: u8,
}

impl<'s, 'de> Binary<'s, 'de> {
    #[inline]
    fn deeper(self, levels: u8) -> Result<Self, Refused> {
        let depth_left = self.source.deeper(self.depth_left, levels)?;
        Ok(Self { depth_left, ..self })
    }

    /// Elements whose number the type knows.
    #[inline]
    fn fields(self, len: usize) -> Elements<'s, 'de> {
        Elements {
            source: self.source,
            depth_left: self.depth_left,
            len,
            room: len,
            counted: false,
        }
    }

    /// Elements whose number the bytes say: each takes a byte or counts as empty.
    #[inline]
    fn elements(self) -> Result<Elements<'s, 'de>, Refused> {
        let len = self.source.take_len()?;
        let room = self.source.bytes_left();
        if len > room.saturating_add(self.source.empty_left) {
            return Err(self.source.refuse(Fault::Length));
        }
        Ok(Elements {
            room,
            counted: true,
            ..self.deeper(1)?.fields(len)
        })
    }
}

macro_rules! take {
    ($($deserialize:ident $visit:ident)*) => {$(
        #[inline]
        fn $deserialize<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
            visitor.$visit(self.source.take()?)
        }
    )*};
}

impl<'de> Deserializer<'de> for Binary<'_, 'de> {
    type Error = Refused;

    take! {
        deserialize_bool visit_bool
        deserialize_i8 visit_i8
        deserialize_i16 visit_i16
        deserialize_i32 visit_i32
        deserialize_i64 visit_i64
        deserialize_i128 visit_i128
        deserialize_u8 visit_u8
        deserialize_u16 visit_u16
        deserialize_u32 visit_u32
        deserialize_u64 visit_u64
        deserialize_u128 visit_u128
        deserialize_f32 visit_f32
        deserialize_f64 visit_f64
        deserialize_char visit_char
    }

    #[inline]
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_borrowed_str(self.source.take_text()?)
    }

    #[inline]
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.deserialize_str(visitor)
    }

    #[inline]
    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_borrowed_bytes(self.source.take_slice()?)
    }

    #[inline]
    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.deserialize_bytes(visitor)
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        match self.source.take::<u8>()? {
            0 => visitor.visit_none(),
            1 => visitor.visit_some(self.deeper(1)?),
            _ => Err(Refused),
        }
    }

    #[inline]
    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_unit()
    }

    #[inline]
    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        visitor.visit_unit()
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        visitor.visit_newtype_struct(self.deeper(1)?)
    }

    #[inline]
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_seq(self.elements()?)
    }

    #[inline]
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_map(Entries {
            elements: self.elements()?,
            taken_before: 0,
        })
    }

    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        visitor.visit_seq(self.deeper(1)?.fields(len))
    }

    #[inline]
    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.deserialize_tuple(len, visitor)
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.deserialize_tuple(fields.len(), visitor)
    }

    #[inline]
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        visitor.visit_enum(self)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Refused> {
        Err(self.source.refuse(Fault::NotSelfDescribing))
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Refused> {
        Err(self.source.refuse(Fault::NotSelfDescribing))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Refused> {
        Err(self.source.refuse(Fault::NotSelfDescribing))
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        false
    }
}

impl<'de> EnumAccess<'de> for Binary<'_, 'de> {
    type Error = Refused;
    type Variant = Self;

    #[inline]
    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Refused> {
        let index: u32 = self.source.take()?;
        let index: de::value::U32Deserializer<Refused> = index.into_deserializer();
        Ok((seed.deserialize(index)?, self))
    }
}

/// A variant with several fields counts two levels, as it takes two in JSON.
impl<'de> VariantAccess<'de> for Binary<'_, 'de> {
    type Error = Refused;

    #[inline]
    fn unit_variant(self) -> Result<(), Refused> {
        Ok(())
    }

    #[inline]
    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Refused> {
        seed.deserialize(self.deeper(1)?)
    }

    #[inline]
    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_seq(self.deeper(2)?.fields(len))
    }

    #[inline]
    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.tuple_variant(fields.len(), visitor)
    }
}

/// Values beside each other.
struct Elements<'s, 'de> {
    source: &'s mut Source<'de>,
    depth_left: u8,
    len: usize,
    /// How many elements the bytes justify to make room for.
    room: usize,
    /// Whether the bytes gave the length, and not the type.
    counted: bool,
}

impl<'de> Elements<'_, 'de> {
    #[inline]
    fn next<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Refused> {
        seed.deserialize(Binary {
            source: self.source,
            depth_left: self.depth_left,
        })
    }
}

impl<'de> SeqAccess<'de> for Elements<'_, 'de> {
    type Error = Refused;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Refused> {
        if self.len == 0 {
            return Ok(None);
        }
        self.len -= 1;
        let taken_before = self.source.taken();
        let element = self.next(seed)?;
        if self.counted {
            self.source.count(taken_before)?;
        }
        Ok(Some(element))
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        Some(self.len.min(self.room))
    }
}

/// Keys and values by turns.
struct Entries<'s, 'de> {
    elements: Elements<'s, 'de>,
    taken_before: usize,
}

impl<'de> MapAccess<'de> for Entries<'_, 'de> {
    type Error = Refused;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Refused> {
        if self.elements.len == 0 {
            return Ok(None);
        }
        self.elements.len -= 1;
        self.taken_before = self.elements.source.taken();
        self.elements.next(seed).map(Some)
    }

    #[inline]
    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Refused> {
        let value = self.elements.next(seed)?;
        self.elements.source.count(self.taken_before)?;
        Ok(value)
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        self.elements.size_hint()
    }
}

/// Reading or writing stopped; the [`Source`] or the target knows why.
///
/// It takes no room, so that a text and the reason why there is none are not moved in pieces.
#[derive(Debug)]
pub(super) struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("refused")
    }
}

impl std::error::Error for Refused {}

/// What a type says about bytes that it refuses is dropped, since it quotes them.
impl de::Error for Refused {
    fn custom<T: Display>(_: T) -> Self {
        Self
    }
}

/// The longest length that bincode writes as a single byte.
const LONGEST_IN_A_BYTE: u8 = 250;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fmt::Debug;

    use bincode::config::standard;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use serde::{Deserialize, Serialize};

    use crate::Codec;

    use super::*;

    type Numbers = (i8, i16, i32, i64, (i128, u8, u16, u32, u64, u128), f32, f64);
    type Part = Result<Option<BTreeMap<u32, (char, bool)>>, (String, [u16; 3])>;
    type Nested = Vec<Part>;

    proptest! {
        #[test]
        fn it_is_bincode_to_the_letter(
            numbers in any::<Numbers>(),
            nested in vec(any::<Part>(), 0..4),
        ) {
            assert_bincode(&numbers)?;
            assert_bincode(&nested)?;
        }

        #[test]
        fn it_takes_no_bytes_that_bincode_refuses(
            bytes in vec(0..5_u8, 0..64),
        ) {
            if let Ok(ours) = read_it::<Nested>(&bytes) {
                let (theirs, len) =
                    bincode::serde::decode_from_slice::<Nested, _>(&bytes, standard()).unwrap();
                prop_assert_eq!((ours, bytes.len()), (theirs, len));
            }
        }

        #[test]
        fn texts_are_read_wherever_they_stand(
            texts in vec((any::<String>(), any::<u16>()), 0..200),
            long in "[a-zäß€😀]{0,2000}",
        ) {
            assert_bincode(&(texts, long))?;
        }

        #[test]
        fn it_takes_no_text_that_bincode_refuses(
            bytes in vec(prop_oneof![0..4_u8, 0x7E..0x82_u8, 0xBE..=0xFF_u8], 0..64),
        ) {
            if let Ok(ours) = read_it::<Vec<(String, u16)>>(&bytes) {
                let theirs = bincode::serde::decode_from_slice(&bytes, standard()).unwrap();
                prop_assert_eq!((ours, bytes.len()), theirs);
            }
        }
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Form {
        Unit,
        Newtype(String),
        Tuple(u16, Id),
        Struct { unit: (), field: Option<Nothing> },
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Id(i64, char);

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Nothing;

    #[test]
    fn every_form_is_bincode_to_the_letter() -> Result<(), TestCaseError> {
        assert_bincode(&[Form::Unit, Form::Newtype("text".to_owned())])?;
        assert_bincode(&Form::Tuple(300, Id(-70_000, 'ß')))?;
        let (unit, field) = ((), Some(Nothing));
        assert_bincode(&Form::Struct { unit, field })?;
        assert_bincode(&c"bytes".to_owned())?;
        // Around the lengths that take a byte, two and four more.
        for len in [0, 1, 250, 251, 65_535, 65_536] {
            assert_bincode(&"x".repeat(len))?;
            assert_bincode(&vec![true; len])?;
        }
        Ok(())
    }

    fn read_it<T: DeserializeOwned>(encoded: &[u8]) -> Result<T, Fault> {
        read(encoded, |fault| fault)
    }

    fn assert_bincode<T>(value: &T) -> Result<(), TestCaseError>
    where
        T: Serialize + DeserializeOwned + PartialEq + Debug,
    {
        let theirs = bincode::serde::encode_to_vec(value, standard()).unwrap();
        let ours = Codec::Bincode.encode(value).unwrap();
        prop_assert_eq!(&ours[0], &TAG);
        prop_assert_eq!(&ours[1..], &theirs);
        prop_assert_eq!(&read_it::<T>(&theirs).unwrap(), value);
        Ok(())
    }
}
