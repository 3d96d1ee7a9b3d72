//! Where bincode reads from.

use bincode::Decode;
use bincode::config::{Configuration, standard};
use bincode::de::read::{BorrowReader, Reader};
use bincode::de::{BorrowDecoder, DecoderImpl};
use bincode::error::DecodeError;

use super::super::{Fault, MAX_EMPTY};
use super::{LONGEST_IN_A_BYTE, Refused};

/// The bytes and how many of them are read; unlike bincode's own, it can be asked.
struct Input<'de> {
    bytes: &'de [u8],
    at: usize,
}

impl<'de> Input<'de> {
    #[inline]
    fn left(&self) -> &'de [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }
}

impl Reader for Input<'_> {
    #[inline]
    fn read(&mut self, bytes: &mut [u8]) -> Result<(), DecodeError> {
        bytes.copy_from_slice(self.take_bytes(bytes.len())?);
        Ok(())
    }

    #[inline]
    fn peek_read(&mut self, len: usize) -> Option<&[u8]> {
        self.left().get(..len)
    }

    #[inline]
    fn consume(&mut self, len: usize) {
        self.at += len.min(self.left().len());
    }
}

impl<'de> BorrowReader<'de> for Input<'de> {
    #[inline]
    fn take_bytes(&mut self, len: usize) -> Result<&'de [u8], DecodeError> {
        let left = self.left();
        let Some(taken) = left.get(..len) else {
            let additional = len - left.len();
            return Err(DecodeError::UnexpectedEnd { additional });
        };
        self.at += len;
        Ok(taken)
    }
}

/// What all parts of one value are read from.
pub(super) struct Source<'de> {
    decoder: DecoderImpl<Input<'de>, Configuration, ()>,
    /// How many elements may still take no bytes.
    pub(super) empty_left: usize,
    /// What was seen to be UTF-8, and where it begins.
    text: &'de str,
    text_at: usize,
    fault: Option<Fault>,
}

impl<'de> Source<'de> {
    pub(super) fn new(bytes: &'de [u8]) -> Self {
        Self {
            decoder: DecoderImpl::new(Input { bytes, at: 0 }, standard(), ()),
            empty_left: MAX_EMPTY,
            text: "",
            text_at: 0,
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
        match input.left().first() {
            Some(&len @ ..=LONGEST_IN_A_BYTE) => {
                input.at += 1;
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
        input.take_bytes(len).map_err(|_| Refused)
    }

    /// Takes a length and as much text.
    ///
    /// Texts mostly stand close together with small numbers between them, all of it UTF-8: one look
    /// at the next stretch costs a fraction of a look at each.
    #[inline]
    pub(super) fn take_text(&mut self) -> Result<&'de str, Refused> {
        let input = self.decoder.borrow_reader();
        let at = input.at - self.text_at;
        if let Some(&len @ ..=LONGEST_IN_A_BYTE) = self.text.as_bytes().get(at)
            && let Some(text) = self.text.get(at + 1..at + 1 + usize::from(len))
        {
            input.at += 1 + text.len();
            return Ok(text);
        }
        self.look_ahead()
    }

    /// Takes a length of any size and as much text; looks at what comes after it too, unless it is
    /// known already.
    #[cold]
    fn look_ahead(&mut self) -> Result<&'de str, Refused> {
        let len = self.take_len()?;
        let input = self.decoder.borrow_reader();
        let left = input.left();
        if len > left.len() {
            return Err(Refused);
        }
        let at = input.at - self.text_at;
        let known = self.text.get(at..at + len);
        let text = match known {
            Some(text) => text,
            None => {
                let ahead = &left[..left.len().min(len.max(LOOK_AHEAD))];
                self.text = std::str::from_utf8(ahead).or_else(|error| {
                    let valid = &ahead[..error.valid_up_to()];
                    std::str::from_utf8(valid).map_err(|_| Refused)
                })?;
                self.text_at = input.at;
                self.text.get(..len).ok_or(Refused)?
            }
        };
        input.at += len;
        Ok(text)
    }

    #[inline]
    pub(super) fn bytes_left(&mut self) -> usize {
        self.decoder.borrow_reader().left().len()
    }

    /// How many bytes are read.
    #[inline]
    pub(super) fn taken(&mut self) -> usize {
        self.decoder.borrow_reader().at
    }

    /// Counts an element as empty if no more bytes are read than before it.
    #[inline]
    pub(super) fn count(&mut self, taken_before: usize) -> Result<(), Refused> {
        if self.taken() == taken_before {
            let left = self.empty_left.checked_sub(1);
            self.empty_left = left.ok_or_else(|| self.refuse(Fault::TooManyEmpty))?;
        }
        Ok(())
    }
}

/// How many bytes are looked at for UTF-8 at once, at least where there are so many.
const LOOK_AHEAD: usize = 1_024;
