//! The JSON form of a record, letter by letter as this version writes it.
//!
//! Every request reads a record, and nearly always one that this code wrote. So it is taken apart
//! here without being looked through: the data is what stands between the fields that are known and
//! the last brace. Anything that differs by a letter is read by serde_json, which also says what is
//! wrong.

use std::collections::BTreeMap;
use std::str::from_utf8;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Meta, Record, VERSION};
use crate::codec::{self, Fault};
use crate::error::Result;
use crate::session::index::UserKey;

/// Writes a record, its data as it is.
pub(super) fn write(record: &Record) -> Result<Bytes> {
    let Meta {
        v,
        created,
        saved,
        lifetime,
        until,
        permanent,
        bag,
        user,
    } = &record.meta;
    codec::with_buffer(|text| {
        text.clear();
        field(text, b"{\"v\":", v)?;
        field(text, b",\"created\":", created)?;
        field(text, b",\"saved\":", saved)?;
        field(text, b",\"lifetime\":", lifetime)?;
        field(text, b",\"until\":", until)?;
        field(text, b",\"permanent\":", permanent)?;
        field(text, b",\"bag\":", bag)?;
        if let Some(user) = user {
            field(text, b",\"user\":", user)?;
        }
        text.extend_from_slice(DATA);
        text.extend_from_slice(&record.data);
        text.push(b'}');
        Ok(Bytes::copy_from_slice(text))
    })
}

fn field(text: &mut Vec<u8>, name: &[u8], value: &impl Serialize) -> Result<()> {
    text.extend_from_slice(name);
    serde_json::to_writer(text, value)
        .map_err(|_| Fault::Unencodable.into_error("session", "encode"))
}

/// Reads a record; `None` if it is not as [`write`] writes it.
///
/// The data is taken to be the last field. If a program wrote others after it, they are in the
/// data, and [`data_alone`] takes them off.
pub(super) fn read(bytes: &Bytes) -> Option<Record> {
    let mut rest = Rest(bytes);
    rest.pass(b"{\"v\":1,\"created\":")?;
    let created = rest.integer()?;
    rest.pass(b",\"saved\":")?;
    let saved = rest.integer()?;
    rest.pass(b",\"lifetime\":")?;
    let lifetime = rest.integer()?;
    rest.pass(b",\"until\":")?;
    let until = rest.integer()?;
    rest.pass(b",\"permanent\":")?;
    let permanent = rest.truth()?;
    rest.pass(b",\"bag\":")?;
    let bag = rest.bag()?;
    let user = match rest.pass(b",\"user\":\"") {
        Some(()) => Some(rest.user()?),
        None => None,
    };
    rest.pass(DATA)?;
    let data = rest.0.strip_suffix(b"}")?;
    if !data.starts_with(b"{") || !data.ends_with(b"}") {
        return None;
    }
    let data = bytes.slice_ref(data);
    let meta = Meta {
        v: VERSION,
        created,
        saved,
        lifetime,
        until,
        permanent,
        bag,
        user,
    };
    Some(Record { meta, data })
}

/// The data without fields that stand after it; `None` if there are none.
pub(super) fn data_alone(data: &[u8]) -> Option<Bytes> {
    #[derive(Deserialize)]
    struct Only<'t> {
        #[serde(borrow)]
        data: &'t RawValue,
    }
    let text = [&b"{\"data\":"[..], data, b"}"].concat();
    let Only { data: alone } = codec::read_json(&text, drop).ok()?;
    let alone = alone.get().as_bytes();
    (alone.len() < data.len()).then(|| Bytes::copy_from_slice(alone))
}

/// What was not yet read.
struct Rest<'t>(&'t [u8]);

impl<'t> Rest<'t> {
    fn pass(&mut self, expected: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(expected)?;
        Some(())
    }

    /// An integer of so few digits that it fits, written as JSON asks.
    fn integer(&mut self) -> Option<i64> {
        let is_negative = self.pass(b"-").is_some();
        let len = self
            .0
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let (digits, rest) = self.0.split_at_checked(len)?;
        if len == 0 || len > 18 || (len > 1 && digits[0] == b'0') {
            return None;
        }
        self.0 = rest;
        let value = digits
            .iter()
            .fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
        Some(if is_negative { -value } else { value })
    }

    fn truth(&mut self) -> Option<bool> {
        match self.pass(b"true") {
            Some(()) => Some(true),
            None => self.pass(b"false").map(|()| false),
        }
    }

    fn bag(&mut self) -> Option<BTreeMap<String, Option<i64>>> {
        if self.pass(b"{}").is_some() {
            return Some(BTreeMap::new());
        }
        let mut values = serde_json::Deserializer::from_slice(self.0).into_iter();
        let bag = values.next()?.ok()?;
        self.0 = self.0.get(values.byte_offset()..)?;
        Some(bag)
    }

    fn user(&mut self) -> Option<UserKey> {
        let (digits, rest) = self.0.split_at_checked(UserKey::LEN)?;
        let is_digit = |digit: &u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
        self.0 = rest.strip_prefix(b"\"")?;
        let digits = digits.iter().all(is_digit).then_some(digits)?;
        Some(UserKey::from_stored(from_utf8(digits).ok()?))
    }
}

const DATA: &[u8] = b",\"data\":";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::options::Lifetime;
    use std::time::Duration;

    fn record(data: &'static str) -> Record {
        let meta = Meta::new(
            1_700_000_000_000,
            Duration::from_secs(9),
            Lifetime::Permanent,
        );
        let meta = meta.saved(1_700_000_000_001, Duration::from_secs(3));
        Record {
            meta,
            data: Bytes::from_static(data.as_bytes()),
        }
    }

    #[track_caller]
    fn assert_read_alike(record: &Record) {
        let written = write(record).unwrap();
        let quickly = read(&written).unwrap();
        let slowly = Record::decode_text(&written).unwrap();
        assert!(quickly.meta == record.meta && quickly.data == record.data);
        assert!(slowly.meta == record.meta && slowly.data == record.data);
    }

    #[test]
    fn what_is_written_is_read_alike_by_both() {
        let mut record = record(r#"{"visits":3,"note":"a } \" {"}"#);
        assert_read_alike(&record);
        record.meta.created = -5;
        record.meta.until = 0;
        assert_read_alike(&record);
        record.meta.user = Some(UserKey::of("alice"));
        assert_read_alike(&record);
        record
            .meta
            .bag
            .insert("a \"quoted\" key, ä".to_owned(), None);
        record.meta.bag.insert("code".to_owned(), Some(7));
        assert_read_alike(&record);
    }

    #[test]
    fn what_differs_by_a_letter_is_left_to_the_other_reader() {
        let mut record = record(r#"{"visits":3}"#);
        record.meta.user = Some(UserKey::of("alice"));
        let written = write(&record).unwrap();
        let text = from_utf8(&written).unwrap();
        for (was, is) in [
            (r#"{"v":1,"#, r#"{ "v":1,"#),
            (r#"{"v":1,"#, r#"{"v":2,"#),
            (r#""saved":"#, r#""kept":"#),
            (r#":17000"#, r#":017000"#),
            (r#":17000"#, r#":00000000017000"#),
            (r#":17000"#, r#":1.7000"#),
            ("true", "null"),
            (r#""bag":{}"#, r#""bag":[]"#),
            (r#""user":"2"#, r#""user":"g"#),
            (r#","data""#, r#", "data""#),
            (r#"{"visits":3}}"#, "3}"),
            (r#"{"visits":3}}"#, r#"{"visits":3},"new":4}"#),
            (r#"{"visits":3}}"#, "{\"visits\":3}}\n"),
        ] {
            let other = Bytes::from(text.replacen(was, is, 1));
            assert_ne!(other, written);
            assert!(read(&other).is_none(), "{was} {is}");
        }
    }

    #[test]
    fn fields_after_the_data_are_taken_off_and_nothing_else() {
        for (data, alone) in [
            (r#"{"a":1},"new":{"b":2}"#, Some(r#"{"a":1}"#)),
            (r#"{"a":1}"#, None),
            (r#"{"a":1}},{"b":2}"#, None),
            (r#"{"a":1"#, None),
        ] {
            assert_eq!(
                data_alone(data.as_bytes()).as_deref(),
                alone.map(str::as_bytes)
            );
        }
    }
}
