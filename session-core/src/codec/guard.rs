//! What stands between a value and the serializer of a codec.
//!
//! It refuses what the reader would refuse, so that nothing is stored that cannot be read: nesting
//! that is too deep, too many elements that take no bytes, fields left out where a reader counts
//! them, numbers that JSON cannot say. And it sees integers at the top. All of it is decided by
//! the type at compile time but for a counter and a comparison or two for each part.

mod parts;

use std::cell::Cell;
use std::fmt::Display;

use serde::ser::{Error, Serialize, Serializer};

use super::integer::Integer;
use super::{Fault, MAX_DEPTH, MAX_EMPTY};
use parts::Parts;

/// What is learned of one value while it is encoded.
#[derive(Default)]
pub(super) struct Watch {
    fault: Cell<Option<Fault>>,
    integer: Cell<Option<Integer>>,
    empty: Cell<usize>,
    written: Cell<usize>,
}

impl Watch {
    /// Why encoding stopped.
    pub(super) fn fault(&self) -> Fault {
        self.fault.get().unwrap_or(Fault::Unencodable)
    }

    /// The integer that the value is, if it is one. Then nothing of use was written.
    pub(super) fn integer(&self) -> Option<Integer> {
        self.integer.get()
    }

    #[cold]
    fn refuse<E: Error>(&self, fault: Fault) -> E {
        self.fault.set(Some(fault));
        E::custom(fault)
    }

    #[inline]
    fn deeper<E: Error>(&self, depth_left: u8, levels: u8) -> Result<u8, E> {
        depth_left
            .checked_sub(levels)
            .ok_or_else(|| self.refuse(Fault::TooDeep))
    }

    /// Counts an element as empty if as much is written as before it.
    #[inline]
    fn count<E: Error>(&self, written_before: usize) -> Result<(), E> {
        if self.written.get() == written_before {
            self.empty.set(self.empty.get() + 1);
            if self.empty.get() > MAX_EMPTY {
                return Err(self.refuse(Fault::TooManyEmpty));
            }
        }
        Ok(())
    }
}

/// A value that is serialized under watch; `TOP` while nothing but new types is around it.
pub(super) struct Guarded<'w, T: ?Sized, const TOP: bool> {
    value: &'w T,
    watch: &'w Watch,
    depth_left: u8,
}

impl<'w, T: ?Sized> Guarded<'w, T, true> {
    pub(super) fn top(value: &'w T, watch: &'w Watch) -> Self {
        Self {
            value,
            watch,
            depth_left: MAX_DEPTH,
        }
    }

    /// Where the output tells how much was written; needed for codecs with empty elements only.
    pub(super) fn written(&self) -> &'w Cell<usize> {
        &self.watch.written
    }
}

impl<T: Serialize + ?Sized, const TOP: bool> Serialize for Guarded<'_, T, TOP> {
    #[inline]
    fn serialize<S: Serializer>(&self, inner: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(Guard::<S, TOP> {
            inner,
            watch: self.watch,
            depth_left: self.depth_left,
        })
    }
}

/// The serializer that a value sees.
struct Guard<'w, S, const TOP: bool> {
    inner: S,
    watch: &'w Watch,
    depth_left: u8,
}

impl<'w, S: Serializer, const TOP: bool> Guard<'w, S, TOP> {
    /// Takes levels off and wraps the content.
    #[inline]
    fn content<'v, T: ?Sized, const STILL_TOP: bool>(
        &self,
        value: &'v T,
    ) -> Result<Guarded<'v, T, STILL_TOP>, S::Error>
    where
        'w: 'v,
    {
        Ok(Guarded {
            value,
            watch: self.watch,
            depth_left: self.watch.deeper(self.depth_left, 1)?,
        })
    }

    #[inline]
    fn parts<P>(
        self,
        levels: u8,
        open: impl FnOnce(S) -> Result<P, S::Error>,
    ) -> Result<Parts<'w, P>, S::Error> {
        let depth_left = self.watch.deeper(self.depth_left, levels)?;
        let text = self.inner.is_human_readable();
        Ok(Parts::new(open(self.inner)?, self.watch, depth_left, text))
    }

    #[inline]
    fn check_finite(&self, finite: bool) -> Result<(), S::Error> {
        if !finite && self.inner.is_human_readable() {
            return Err(self.watch.refuse(Fault::NotFinite));
        }
        Ok(())
    }
}

macro_rules! integers {
    ($($serialize:ident $integer:ident $width:ident)*) => {$(
        #[inline]
        fn $serialize(self, integer: $integer) -> Result<S::Ok, S::Error> {
            if TOP {
                self.watch.integer.set(Some(Integer::$width(integer.into())));
                return self.inner.serialize_unit();
            }
            self.inner.$serialize(integer)
        }
    )*};
}

impl<'w, S: Serializer, const TOP: bool> Serializer for Guard<'w, S, TOP> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Parts<'w, S::SerializeSeq>;
    type SerializeTuple = Parts<'w, S::SerializeTuple>;
    type SerializeTupleStruct = Parts<'w, S::SerializeTupleStruct>;
    type SerializeTupleVariant = Parts<'w, S::SerializeTupleVariant>;
    type SerializeMap = Parts<'w, S::SerializeMap>;
    type SerializeStruct = Parts<'w, S::SerializeStruct>;
    type SerializeStructVariant = Parts<'w, S::SerializeStructVariant>;

    integers! {
        serialize_i8 i8 Signed
        serialize_i16 i16 Signed
        serialize_i32 i32 Signed
        serialize_i64 i64 Signed
        serialize_i128 i128 Signed
        serialize_u8 u8 Unsigned
        serialize_u16 u16 Unsigned
        serialize_u32 u32 Unsigned
        serialize_u64 u64 Unsigned
        serialize_u128 u128 Unsigned
    }

    #[inline]
    fn serialize_bool(self, value: bool) -> Result<S::Ok, S::Error> {
        self.inner.serialize_bool(value)
    }

    #[inline]
    fn serialize_f32(self, value: f32) -> Result<S::Ok, S::Error> {
        self.check_finite(value.is_finite())?;
        self.inner.serialize_f32(value)
    }

    #[inline]
    fn serialize_f64(self, value: f64) -> Result<S::Ok, S::Error> {
        self.check_finite(value.is_finite())?;
        self.inner.serialize_f64(value)
    }

    #[inline]
    fn serialize_char(self, value: char) -> Result<S::Ok, S::Error> {
        self.inner.serialize_char(value)
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result<S::Ok, S::Error> {
        self.inner.serialize_str(value)
    }

    #[inline]
    fn serialize_bytes(self, value: &[u8]) -> Result<S::Ok, S::Error> {
        self.inner.serialize_bytes(value)
    }

    #[inline]
    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_none()
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        let content = self.content::<T, false>(value)?;
        self.inner.serialize_some(&content)
    }

    #[inline]
    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit()
    }

    #[inline]
    fn serialize_unit_struct(self, name: &'static str) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit_struct(name)
    }

    #[inline]
    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit_variant(name, index, variant)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let content = self.content::<T, TOP>(value)?;
        self.inner.serialize_newtype_struct(name, &content)
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let content = self.content::<T, false>(value)?;
        self.inner
            .serialize_newtype_variant(name, index, variant, &content)
    }

    #[inline]
    fn serialize_seq(self, len: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        self.parts(1, |inner| inner.serialize_seq(len))
    }

    #[inline]
    fn serialize_tuple(self, len: usize) -> Result<Self::SerializeTuple, S::Error> {
        self.parts(1, |inner| inner.serialize_tuple(len))
    }

    #[inline]
    fn serialize_tuple_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleStruct, S::Error> {
        self.parts(1, |inner| inner.serialize_tuple_struct(name, len))
    }

    #[inline]
    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        self.parts(2, |inner| {
            inner.serialize_tuple_variant(name, index, variant, len)
        })
    }

    #[inline]
    fn serialize_map(self, len: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        self.parts(1, |inner| inner.serialize_map(len))
    }

    #[inline]
    fn serialize_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStruct, S::Error> {
        self.parts(1, |inner| inner.serialize_struct(name, len))
    }

    #[inline]
    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        self.parts(2, |inner| {
            inner.serialize_struct_variant(name, index, variant, len)
        })
    }

    #[inline]
    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.inner.collect_str(value)
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}
