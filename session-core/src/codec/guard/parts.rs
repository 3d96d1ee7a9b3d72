//! The parts of a value: elements, entries and fields.

use serde::ser::{
    Error, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant,
    SerializeTuple, SerializeTupleStruct, SerializeTupleVariant,
};

use super::super::Fault;
use super::{Guarded, Watch};

/// Values beside each other: elements, entries or fields.
pub(super) struct Parts<'w, P> {
    inner: P,
    watch: &'w Watch,
    depth_left: u8,
    /// Text gives every element a byte and every field a name.
    text: bool,
    written_before: usize,
}

impl<'w, P> Parts<'w, P> {
    #[inline]
    pub(super) fn new(inner: P, watch: &'w Watch, depth_left: u8, text: bool) -> Self {
        Self {
            inner,
            watch,
            depth_left,
            text,
            written_before: 0,
        }
    }

    #[inline]
    fn split<'v, T: ?Sized>(&'v mut self, value: &'v T) -> (&'v mut P, Guarded<'v, T, false>)
    where
        'w: 'v,
    {
        let guarded = Guarded {
            value,
            watch: self.watch,
            depth_left: self.depth_left,
        };
        (&mut self.inner, guarded)
    }

    #[inline]
    fn count<E: Error>(&self) -> Result<(), E> {
        if self.text {
            return Ok(());
        }
        self.watch.count(self.written_before)
    }

    #[inline]
    fn check_skip<E: Error>(&self) -> Result<(), E> {
        if self.text {
            return Ok(());
        }
        Err(self.watch.refuse(Fault::FieldLeftOut))
    }
}

impl<P: SerializeSeq> SerializeSeq for Parts<'_, P> {
    type Ok = P::Ok;
    type Error = P::Error;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), P::Error> {
        self.written_before = self.watch.written.get();
        let (inner, value) = self.split(value);
        inner.serialize_element(&value)?;
        self.count()
    }

    #[inline]
    fn end(self) -> Result<P::Ok, P::Error> {
        self.inner.end()
    }
}

impl<P: SerializeMap> SerializeMap for Parts<'_, P> {
    type Ok = P::Ok;
    type Error = P::Error;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), P::Error> {
        self.written_before = self.watch.written.get();
        let (inner, key) = self.split(key);
        inner.serialize_key(&key)
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), P::Error> {
        let (inner, value) = self.split(value);
        inner.serialize_value(&value)?;
        self.count()
    }

    #[inline]
    fn end(self) -> Result<P::Ok, P::Error> {
        self.inner.end()
    }
}

impl<P: SerializeTuple> SerializeTuple for Parts<'_, P> {
    type Ok = P::Ok;
    type Error = P::Error;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), P::Error> {
        let (inner, value) = self.split(value);
        inner.serialize_element(&value)
    }

    #[inline]
    fn end(self) -> Result<P::Ok, P::Error> {
        self.inner.end()
    }
}

macro_rules! fields {
    ($($trait:ident)*) => {$(
        impl<P: $trait> $trait for Parts<'_, P> {
            type Ok = P::Ok;
            type Error = P::Error;

            #[inline]
            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                value: &T,
            ) -> Result<(), P::Error> {
                let (inner, value) = self.split(value);
                inner.serialize_field(&value)
            }

            #[inline]
            fn end(self) -> Result<P::Ok, P::Error> {
                self.inner.end()
            }
        }
    )*};
}

macro_rules! named_fields {
    ($($trait:ident)*) => {$(
        impl<P: $trait> $trait for Parts<'_, P> {
            type Ok = P::Ok;
            type Error = P::Error;

            #[inline]
            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), P::Error> {
                let (inner, value) = self.split(value);
                inner.serialize_field(name, &value)
            }

            #[inline]
            fn skip_field(&mut self, name: &'static str) -> Result<(), P::Error> {
                self.check_skip()?;
                self.inner.skip_field(name)
            }

            #[inline]
            fn end(self) -> Result<P::Ok, P::Error> {
                self.inner.end()
            }
        }
    )*};
}

fields! { SerializeTupleStruct SerializeTupleVariant }
named_fields! { SerializeStruct SerializeStructVariant }
