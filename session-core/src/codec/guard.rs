//! What stands between a value and the serializer of JSON.
//!
//! It refuses what the reader would refuse, so that nothing is stored that cannot be read: nesting
//! that is too deep, and numbers that JSON cannot say. It costs a comparison for each part.

mod parts;

use std::cell::Cell;
use std::fmt::Display;

use serde::ser::{Error, Serialize, Serializer};

use super::{Fault, MAX_DEPTH};
use parts::Parts;

/// What is learned of one value while it is encoded.
#[derive(Default)]
pub(super) struct Watch {
    fault: Cell<Option<Fault>>,
}

impl Watch {
    /// Why encoding stopped.
    pub(super) fn fault(&self) -> Fault {
        self.fault.get().unwrap_or(Fault::Unencodable)
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
}

/// A value that is serialized under watch.
pub(super) struct Guarded<'w, T: ?Sized> {
    value: &'w T,
    watch: &'w Watch,
    depth_left: u8,
}

impl<'w, T: ?Sized> Guarded<'w, T> {
    pub(super) fn top(value: &'w T, watch: &'w Watch) -> Self {
        Self {
            value,
            watch,
            depth_left: MAX_DEPTH,
        }
    }
}

impl<T: Serialize + ?Sized> Serialize for Guarded<'_, T> {
    #[inline]
    fn serialize<S: Serializer>(&self, inner: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(Guard {
            inner,
            watch: self.watch,
            depth_left: self.depth_left,
        })
    }
}

/// The serializer that a value sees.
struct Guard<'w, S> {
    inner: S,
    watch: &'w Watch,
    depth_left: u8,
}

impl<'w, S: Serializer> Guard<'w, S> {
    /// Takes levels off and wraps the content.
    #[inline]
    fn content<'v, T: ?Sized>(&self, value: &'v T) -> Result<Guarded<'v, T>, S::Error>
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
        Ok(Parts {
            inner: open(self.inner)?,
            watch: self.watch,
            depth_left,
        })
    }

    #[inline]
    fn check_finite(&self, finite: bool) -> Result<(), S::Error> {
        if !finite {
            return Err(self.watch.refuse(Fault::NotFinite));
        }
        Ok(())
    }
}

macro_rules! forward {
    ($($serialize:ident $type:ty)*) => {$(
        #[inline]
        fn $serialize(self, value: $type) -> Result<S::Ok, S::Error> {
            self.inner.$serialize(value)
        }
    )*};
}

impl<'w, S: Serializer> Serializer for Guard<'w, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Parts<'w, S::SerializeSeq>;
    type SerializeTuple = Parts<'w, S::SerializeTuple>;
    type SerializeTupleStruct = Parts<'w, S::SerializeTupleStruct>;
    type SerializeTupleVariant = Parts<'w, S::SerializeTupleVariant>;
    type SerializeMap = Parts<'w, S::SerializeMap>;
    type SerializeStruct = Parts<'w, S::SerializeStruct>;
    type SerializeStructVariant = Parts<'w, S::SerializeStructVariant>;

    forward! {
        serialize_bool bool
        serialize_i8 i8
        serialize_i16 i16
        serialize_i32 i32
        serialize_i64 i64
        serialize_i128 i128
        serialize_u8 u8
        serialize_u16 u16
        serialize_u32 u32
        serialize_u64 u64
        serialize_u128 u128
        serialize_char char
        serialize_str &str
        serialize_bytes &[u8]
        serialize_unit_struct &'static str
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
    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_none()
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        let content = self.content(value)?;
        self.inner.serialize_some(&content)
    }

    #[inline]
    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit()
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
        let content = self.content(value)?;
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
        let content = self.content(value)?;
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
