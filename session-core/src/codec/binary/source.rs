//! Where bincode reads from.

use bincode::Decode;
use bincode::config::{Configuration, standard};
use bincode::de::read::{BorrowReader, Reader};
use bincode::de::{BorrowDecoder, DecoderImpl};
use bincode::error::DecodeError;

use super::super::{Fault, MAX_EMPTY};
use super::{LONGEST_IN_A_BYTE, Refused};

/// The bytes not yet read; unlike bincode's own, it can be asked how many.
struct Input<'de>(&'de [u8]);

impl Reader for Input<'_> {
    #[inline]
    fn read(&mut self, bytes: &mut [u8]) -> Result<(), DecodeError> {
        bytes.copy_from_slice(self.take_bytes(bytes.len())?);
        Ok(())
    }

    #[inline]
    fn peek_read(&mut self, len: usize) -> Option<&[u8]> {
        self.0.get(..len)
    }

    #[inline]
    fn consume(&mut self, len: usize) {
        self.0 = self.0.get(len..).unwrap_or_default();
    }
}

impl<'de> BorrowReader<'de> for Input<'de> {
    #[inline]
    fn take_bytes(&mut self, len: usize) -> Result<&'de [u8], DecodeError> {
        let Some((taken, rest)) = self.0.split_at_checked(len) else {
            let additional = len - self.0.len();
            return Err(DecodeError::UnexpectedEnd { additional });
        };
        self.0 = rest;
        Ok(taken)
    }
}

/// What all parts of one value are read from.
pub(super) struct Source<'de> {
    decoder: DecoderImpl<Input<'de>, Configuration, ()>,
    /// How many elements may still take no bytes.
    pub(super) empty_left: usize,
    /// What was seen to be UTF-8, and how many bytes were left where it begins.
    text: &'de str,
    left_at_text: usize,
    fault: Option<Fault>,
}

impl<'de> Source<'de> {
    pub(super) fn new(encoded: &'de [u8]) -> Self {
        Self {
            decoder: DecoderImpl::new(Input(encoded), standard(), ()),
            empty_left: MAX_EMPTY,
            text: "",
            left_at_text: encoded.len(),
            fault: None,
        }
    }

    /// Why decoding stopped.
    pub(super) fn fault(&self) -> Fault {
        self.fault.unwrap_or(Fault::Malformed)
    }

    #[cold]
    pub(super) fn refuse(&mut self, fault: Fault) -> Refused {
        self.fault = Some(fault);
        Refused
    }

    /// The nesting that is left this much deeper.
    #[inline]
    pub(super) fn deeper(&mut self, depth_left: u8, levels: u8) -> Result<u8, Refused> {
        depth_left
            .checked_sub(levels)
            .ok_or_else(|| self.refuse(Fault::TooDeep))
    }

    #[inline]
    pub(super) fn take<T: Decode<()>>(&mut self) -> Result<T, Refused> {
        T::decode(&mut self.decoder).map_err(|_| Refused)
    }

    #[inline]
    pub(super) fn take_len(&mut self) -> Result<usize, Refused> {
        let input = self.decoder.borrow_reader();
        match input.0.split_first() {
            Some((&len @ ..=LONGEST_IN_A_BYTE, rest)) => {
                input.0 = rest;
                Ok(len.into())
            }
            _ => self.take(),
        }
    }

    /// Takes a length and as many bytes, which are looked at before any memory is asked for.
    #[inline]
    pub(super) fn take_slice(&mut self) -> Result<&'de [u8], Refused> {
        let len = self.take_len()?;
        let input = self.decoder.borrow_reader();
        let (slice, rest) = input.0.split_at_checked(len).ok_or(Refused)?;
        input.0 = rest;
        Ok(slice)
    }

    /// Takes a length and as much text.
    ///
    /// Texts mostly stand close together with small numbers between them, all of it UTF-8: one look
    /// at the next stretch costs a fraction of a look at each.
    #[inline]
    pub(super) fn take_text(&mut self) -> Result<&'de str, Refused> {
        let len = self.take_len()?;
        let input = self.decoder.borrow_reader();
        let before = input.0;
        input.0 = before.get(len..).ok_or(Refused)?;
        let start = self.left_at_text - before.len();
        match self.text.get(start..start + len) {
            Some(text) => Ok(text),
            None => self.look_ahead(before, len),
        }
    }

    /// The text of this length at the start of `rest`, having looked at what comes after it too.
    #[cold]
    fn look_ahead(&mut self, rest: &'de [u8], len: usize) -> Result<&'de str, Refused> {
        let ahead = &rest[..rest.len().min(len.max(LOOK_AHEAD))];
        self.text = std::str::from_utf8(ahead).or_else(|error| {
            let valid = &ahead[..error.valid_up_to()];
            std::str::from_utf8(valid).map_err(|_| Refused)
        })?;
        self.left_at_text = rest.len();
        self.text.get(..len).ok_or(Refused)
    }

    #[inline]
    pub(super) fn bytes_left(&mut self) -> usize {
        self.decoder.borrow_reader().0.len()
    }

    /// Counts an element as empty if the bytes left are still as many as before it.
    #[inline]
    pub(super) fn count(&mut self, left_before: usize) -> Result<(), Refused> {
        if self.bytes_left() == left_before {
            let left = self.empty_left.checked_sub(1);
            self.empty_left = left.ok_or_else(|| self.refuse(Fault::TooManyEmpty))?;
        }
        Ok(())
    }
}

/// How many bytes are looked at for UTF-8 at once, at least where there are so many.
const LOOK_AHEAD: usize = 1_024;
