//! The serializer: what a value becomes in bincode, within the limits that the reader has.

use std::fmt::{self, Display};

use bincode::Encode;
use bincode::config::{Configuration, standard};
use bincode::enc::write::Writer;
use bincode::enc::{Encoder, EncoderImpl};
use bincode::error::EncodeError;
use serde::ser::{
    self, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant,
    SerializeTuple, SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::super::integer::Integer;
use super::super::{Fault, MAX_DEPTH, MAX_EMPTY};
use super::{LONGEST_IN_A_BYTE, Refused, TAG};

/// Writes tag and value, or the digits of an integer, over what is in the buffer, and gives them.
pub(in super::super) fn write<'b, T: Serialize + ?Sized>(
    value: &T,
    buffer: &'b mut Vec<u8>,
) -> Result<&'b [u8], Fault> {
    let mut target = Target::new(buffer);
    let written = target.put(TAG).and_then(|()| {
        value.serialize(Binary::<true> {
            target: &mut target,
            depth_left: MAX_DEPTH,
        })
    });
    match written {
        Ok(()) => {
            let end = target.written();
            Ok(&buffer[..end])
        }
        Err(Refused) => Err(target.fault.unwrap_or(Fault::Unencodable)),
    }
}

/// What all parts of one value are written to.
struct Target<'b> {
    encoder: EncoderImpl<Output<'b>, Configuration>,
    /// How many elements may still take no bytes.
    empty_left: usize,
    fault: Option<Fault>,
}

/// A buffer and how much of it is written. The rest of it holds anything: a text and its length find
/// room there by one look.
struct Output<'b> {
    buffer: &'b mut Vec<u8>,
    at: usize,
}

impl Output<'_> {
    /// Makes room for so many bytes more.
    #[cold]
    fn grow(&mut self, len: usize) {
        let wanted = self.at + len;
        let len = wanted.max(2 * self.buffer.len()).max(SMALLEST_BUFFER);
        self.buffer.resize(len, 0);
    }

    /// Puts a length of one byte and what is so long.
    #[inline]
    fn put_short(&mut self, len: u8, slice: &[u8]) {
        let end = self.at + 1 + slice.len();
        let Some([first, rest @ ..]) = self.buffer.get_mut(self.at..end) else {
            self.grow(1 + slice.len());
            return self.put_short(len, slice);
        };
        *first = len;
        rest.copy_from_slice(slice);
        self.at = end;
    }
}

impl Writer for Output<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        let end = self.at + bytes.len();
        let Some(room) = self.buffer.get_mut(self.at..end) else {
            self.grow(bytes.len());
            return self.write(bytes);
        };
        room.copy_from_slice(bytes);
        self.at = end;
        Ok(())
    }
}

impl fmt::Write for Output<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.write(text.as_bytes()).map_err(|_| fmt::Error)
    }
}

impl<'b> Target<'b> {
    fn new(buffer: &'b mut Vec<u8>) -> Self {
        Self {
            encoder: EncoderImpl::new(Output { buffer, at: 0 }, standard()),
            empty_left: MAX_EMPTY,
            fault: None,
        }
    }

    #[cold]
    fn refuse(&mut self, fault: Fault) -> Refused {
        self.fault = Some(fault);
        Refused
    }

    #[inline]
    fn put<T: Encode>(&mut self, value: T) -> Result<(), Refused> {
        value.encode(&mut self.encoder).map_err(|_| Refused)
    }

    /// Most lengths are a byte, and bincode's way to it is a call for each text.
    #[inline]
    fn put_len(&mut self, len: usize) -> Result<(), Refused> {
        match u8::try_from(len) {
            Ok(len @ ..=LONGEST_IN_A_BYTE) => self.put(len),
            _ => self.put(len),
        }
    }

    #[inline]
    fn put_slice(&mut self, slice: &[u8]) -> Result<(), Refused> {
        match u8::try_from(slice.len()) {
            Ok(len @ ..=LONGEST_IN_A_BYTE) => {
                self.encoder.writer().put_short(len, slice);
                Ok(())
            }
            _ => {
                self.put(slice.len())?;
                self.encoder.writer().write(slice).map_err(|_| Refused)
            }
        }
    }

    /// Puts digits in place of everything.
    fn put_digits(&mut self, integer: Integer) -> Result<(), Refused> {
        let output = self.encoder.writer();
        output.at = 0;
        fmt::Write::write_fmt(output, format_args!("{integer}")).map_err(|_| Refused)
    }

    #[inline]
    fn written(&mut self) -> usize {
        self.encoder.writer().at
    }

    /// Counts an element as empty if as much is written as before it.
    #[inline]
    fn count(&mut self, written_before: usize) -> Result<(), Refused> {
        if self.written() == written_before {
            let left = self.empty_left.checked_sub(1);
            self.empty_left = left.ok_or_else(|| self.refuse(Fault::TooManyEmpty))?;
        }
        Ok(())
    }
}

/// The place of the next value, with what nesting is left to it; `TOP` while nothing but new types
/// is around it.
struct Binary<'t, 'b, const TOP: bool> {
    target: &'t mut Target<'b>,
    depth_left: u8,
}

impl<'t, 'b, const TOP: bool> Binary<'t, 'b, TOP> {
    #[inline]
    fn deeper<const STILL_TOP: bool>(
        self,
        levels: u8,
    ) -> Result<Binary<'t, 'b, STILL_TOP>, Refused> {
        let Binary { target, depth_left } = self;
        match depth_left.checked_sub(levels) {
            Some(depth_left) => Ok(Binary { target, depth_left }),
            None => Err(target.refuse(Fault::TooDeep)),
        }
    }

    #[inline]
    fn parts(self, levels: u8) -> Result<Parts<'t, 'b>, Refused> {
        let Binary { target, depth_left } = self.deeper::<false>(levels)?;
        Ok(Parts {
            target,
            depth_left,
            written_before: 0,
        })
    }

    /// Elements or entries, of which a reader has to know the number first.
    #[inline]
    fn counted(self, len: Option<usize>) -> Result<Parts<'t, 'b>, Refused> {
        self.target.put_len(len.ok_or(Refused)?)?;
        self.parts(1)
    }
}

macro_rules! put {
    ($($serialize:ident $type:ident)*) => {$(
        #[inline]
        fn $serialize(self, value: $type) -> Result<(), Refused> {
            self.target.put(value)
        }
    )*};
}

macro_rules! integers {
    ($($serialize:ident $integer:ident $width:ident)*) => {$(
        #[inline]
        fn $serialize(self, integer: $integer) -> Result<(), Refused> {
            if TOP {
                return self.target.put_digits(Integer::$width(integer.into()));
            }
            self.target.put(integer)
        }
    )*};
}

impl<'t, 'b, const TOP: bool> Serializer for Binary<'t, 'b, TOP> {
    type Ok = ();
    type Error = Refused;
    type SerializeSeq = Parts<'t, 'b>;
    type SerializeTuple = Parts<'t, 'b>;
    type SerializeTupleStruct = Parts<'t, 'b>;
    type SerializeTupleVariant = Parts<'t, 'b>;
    type SerializeMap = Parts<'t, 'b>;
    type SerializeStruct = Parts<'t, 'b>;
    type SerializeStructVariant = Parts<'t, 'b>;

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

    put! {
        serialize_bool bool
        serialize_f32 f32
        serialize_f64 f64
        serialize_char char
    }

    #[inline]
    fn serialize_str(self, text: &str) -> Result<(), Refused> {
        self.target.put_slice(text.as_bytes())
    }

    #[inline]
    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), Refused> {
        self.target.put_slice(bytes)
    }

    #[inline]
    fn serialize_none(self) -> Result<(), Refused> {
        self.target.put(0_u8)
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Refused> {
        self.target.put(1_u8)?;
        value.serialize(self.deeper::<false>(1)?)
    }

    #[inline]
    fn serialize_unit(self) -> Result<(), Refused> {
        Ok(())
    }

    #[inline]
    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), Refused> {
        Ok(())
    }

    #[inline]
    fn serialize_unit_variant(
        self,
        _name: &'static str,
        index: u32,
        _variant: &'static str,
    ) -> Result<(), Refused> {
        self.target.put(index)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<(), Refused> {
        value.serialize(self.deeper::<TOP>(1)?)
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        index: u32,
        _variant: &'static str,
        value: &T,
    ) -> Result<(), Refused> {
        self.target.put(index)?;
        value.serialize(self.deeper::<false>(1)?)
    }

    #[inline]
    fn serialize_seq(self, len: Option<usize>) -> Result<Parts<'t, 'b>, Refused> {
        self.counted(len)
    }

    #[inline]
    fn serialize_tuple(self, _len: usize) -> Result<Parts<'t, 'b>, Refused> {
        self.parts(1)
    }

    #[inline]
    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        _len: usize,
    ) -> Result<Parts<'t, 'b>, Refused> {
        self.parts(1)
    }

    #[inline]
    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        index: u32,
        _variant: &'static str,
        _len: usize,
    ) -> Result<Parts<'t, 'b>, Refused> {
        self.target.put(index)?;
        self.parts(2)
    }

    #[inline]
    fn serialize_map(self, len: Option<usize>) -> Result<Parts<'t, 'b>, Refused> {
        self.counted(len)
    }

    #[inline]
    fn serialize_struct(self, _name: &'static str, _len: usize) -> Result<Parts<'t, 'b>, Refused> {
        self.parts(1)
    }

    #[inline]
    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Parts<'t, 'b>, Refused> {
        self.serialize_tuple_variant(name, index, variant, len)
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        false
    }
}

/// Values beside each other: elements, entries or fields.
struct Parts<'t, 'b> {
    target: &'t mut Target<'b>,
    depth_left: u8,
    written_before: usize,
}

impl Parts<'_, '_> {
    #[inline]
    fn put<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
        value.serialize(Binary::<false> {
            target: self.target,
            depth_left: self.depth_left,
        })
    }
}

impl SerializeSeq for Parts<'_, '_> {
    type Ok = ();
    type Error = Refused;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
        let written_before = self.target.written();
        self.put(value)?;
        self.target.count(written_before)
    }

    #[inline]
    fn end(self) -> Result<(), Refused> {
        Ok(())
    }
}

impl SerializeMap for Parts<'_, '_> {
    type Ok = ();
    type Error = Refused;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Refused> {
        self.written_before = self.target.written();
        self.put(key)
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
        self.put(value)?;
        self.target.count(self.written_before)
    }

    #[inline]
    fn end(self) -> Result<(), Refused> {
        Ok(())
    }
}

impl SerializeTuple for Parts<'_, '_> {
    type Ok = ();
    type Error = Refused;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
        self.put(value)
    }

    #[inline]
    fn end(self) -> Result<(), Refused> {
        Ok(())
    }
}

macro_rules! fields {
    ($($trait:ident)*) => {$(
        impl $trait for Parts<'_, '_> {
            type Ok = ();
            type Error = Refused;

            #[inline]
            fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
                self.put(value)
            }

            #[inline]
            fn end(self) -> Result<(), Refused> {
                Ok(())
            }
        }
    )*};
}

macro_rules! named_fields {
    ($($trait:ident)*) => {$(
        impl $trait for Parts<'_, '_> {
            type Ok = ();
            type Error = Refused;

            #[inline]
            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                _name: &'static str,
                value: &T,
            ) -> Result<(), Refused> {
                self.put(value)
            }

            /// A reader counts the fields.
            fn skip_field(&mut self, _name: &'static str) -> Result<(), Refused> {
                Err(self.target.refuse(Fault::FieldLeftOut))
            }

            #[inline]
            fn end(self) -> Result<(), Refused> {
                Ok(())
            }
        }
    )*};
}

fields! { SerializeTupleStruct SerializeTupleVariant }
named_fields! { SerializeStruct SerializeStructVariant }

/// What a type says about a value that it refuses is dropped, since it may quote it.
impl ser::Error for Refused {
    fn custom<T: Display>(_: T) -> Self {
        Self
    }
}

/// Room for most values.
const SMALLEST_BUFFER: usize = 256;
