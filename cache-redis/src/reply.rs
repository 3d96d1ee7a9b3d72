//! What answers mean. Anything that is no answer to the question is a failure, never a miss.

use std::ops::RangeInclusive;
use std::time::Duration;

use bytes::Bytes;
use redis::Value;
use session_core::{Outcome, TimeToLive};

use crate::error::{self, Failure};
use crate::options::Address;
use crate::slot::SLOTS;

/// The answer, or the failure that an error of the server is.
pub(crate) fn checked(answer: Value) -> Result<Value, Failure> {
    match answer {
        Value::ServerError(error) => Err(error::server(&error)),
        answer => Ok(answer),
    }
}

/// What is wrong with anything else than the answers that were looked for.
fn no_answer(answer: &Value) -> Failure {
    match answer {
        Value::ServerError(error) => error::server(error),
        _ => Failure::unexpected(),
    }
}

/// A value, or nothing.
pub(crate) fn value(answer: Value) -> Result<Option<Bytes>, Failure> {
    match answer {
        Value::BulkString(bytes) => Ok(Some(bytes.into())),
        Value::Nil => Ok(None),
        answer => Err(no_answer(&answer)),
    }
}

/// The answer to `GET`: as for `MGET`, what is no text of bytes is no entry of the cache.
pub(crate) fn read(answer: Value) -> Result<Option<Bytes>, Failure> {
    match answer {
        Value::ServerError(error) if error.code() == "WRONGTYPE" => Ok(None),
        answer => value(answer),
    }
}

/// The answers of a list of commands, or those within an answer.
pub(crate) fn list(answer: Value) -> Result<Vec<Value>, Failure> {
    match answer {
        Value::Array(answers) => Ok(answers),
        answer => Err(no_answer(&answer)),
    }
}

/// A number that counts.
pub(crate) fn count(answer: Value) -> Result<u64, Failure> {
    match answer {
        Value::Int(count) => u64::try_from(count).map_err(|_| Failure::unexpected()),
        answer => Err(no_answer(&answer)),
    }
}

/// The sum of what the answers to a batch count. If some of them fail where others count, a part of
/// the batch was applied.
pub(crate) fn sum(
    answers: Vec<Value>,
    count: impl Fn(Value) -> Result<u64, Failure>,
) -> Result<u64, Failure> {
    let (mut sum, mut is_applied, mut failure) = (0, false, None);
    for answer in answers {
        match count(answer) {
            Ok(more) => sum += more,
            Err(other) => {
                is_applied |= other.outcome == Outcome::Unknown;
                failure.get_or_insert(other);
            }
        }
    }
    match failure {
        None => Ok(sum),
        Some(failure) => Err(failure.in_part(is_applied || sum > 0)),
    }
}

/// Whether something happened: a number that is not 0.
pub(crate) fn happened(answer: Value) -> Result<bool, Failure> {
    count(answer).map(|count| count > 0)
}

/// Whether a `SET` wrote: `OK`, or nothing if its condition did not hold.
pub(crate) fn wrote(answer: Value) -> Result<bool, Failure> {
    match answer {
        Value::Okay => Ok(true),
        Value::Nil => Ok(false),
        answer => Err(no_answer(&answer)),
    }
}

/// What `PTTL` tells: -2 without an entry, -1 without a deadline, milliseconds otherwise.
pub(crate) fn time_to_live(answer: Value) -> Result<Option<TimeToLive>, Failure> {
    match answer {
        Value::Int(-2) => Ok(None),
        Value::Int(-1) => Ok(Some(TimeToLive::Never)),
        // Redis keeps an entry to the end of its last millisecond, in which it tells 0.
        Value::Int(millis) => match u64::try_from(millis.max(1)) {
            Ok(millis) => Ok(Some(TimeToLive::Remaining(Duration::from_millis(millis)))),
            Err(_) => Err(Failure::unexpected()),
        },
        answer => Err(no_answer(&answer)),
    }
}

/// A page of `SCAN`: the cursor of the next one, 0 after the last, and the keys. What is no text
/// is no key of the contract, and nobody's to list.
pub(crate) fn page(answer: Value) -> Result<(u64, Vec<String>), Failure> {
    let [cursor, keys] =
        <[Value; 2]>::try_from(list(answer)?).map_err(|_| Failure::unexpected())?;
    let Value::BulkString(cursor) = cursor else {
        return Err(Failure::unexpected());
    };
    let cursor = std::str::from_utf8(&cursor)
        .ok()
        .and_then(|cursor| cursor.parse().ok());
    let keys = list(keys)?.into_iter().filter_map(|key| match key {
        Value::BulkString(key) => String::from_utf8(key).ok(),
        _ => None,
    });
    Ok((cursor.ok_or_else(Failure::unexpected)?, keys.collect()))
}

/// What the script that reads both gives.
pub(crate) fn value_and_time_to_live(
    answer: Value,
) -> Result<Option<(Bytes, TimeToLive)>, Failure> {
    if answer == Value::Nil {
        return Ok(None);
    }
    let [found, left] = <[Value; 2]>::try_from(list(answer)?).map_err(|_| Failure::unexpected())?;
    Ok(value(found)?.zip(time_to_live(left)?))
}

/// A text.
pub(crate) fn text(answer: Value) -> Result<String, Failure> {
    match answer {
        Value::BulkString(bytes) => String::from_utf8(bytes).map_err(|_| Failure::unexpected()),
        Value::SimpleString(text) => Ok(text),
        _ => Err(Failure::unexpected()),
    }
}

/// The slots of a cluster, as `CLUSTER SLOTS` tells them, with the primary of each range.
pub(crate) fn slots(
    answer: Value,
    asked: Option<&Address>,
) -> Result<Vec<(RangeInclusive<usize>, Address)>, Failure> {
    let range = |entry: Value| {
        let mut parts = list(entry)?.into_iter();
        let (Some(first), Some(last), Some(primary)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(Failure::unexpected());
        };
        let mut parts = list(primary)?.into_iter();
        let host = parts
            .next()
            .and_then(|host| text(host).ok())
            .unwrap_or_default();
        let port = parts.next().ok_or_else(Failure::unexpected)?;
        let slot = |slot| usize::try_from(count(slot)?).map_err(|_| Failure::unexpected());
        let port = u16::try_from(count(port)?).map_err(|_| Failure::unexpected())?;
        let address = address(&host, port, asked).ok_or_else(Failure::unexpected)?;
        let (first, last) = (slot(first)?, slot(last)?);
        if first > last || last >= usize::from(SLOTS) {
            return Err(Failure::unexpected());
        }
        Ok((first..=last, address))
    };
    list(answer)?.into_iter().map(range).collect()
}

/// Whether a server of a cluster says with `CLUSTER INFO` that it does not see enough of the others.
/// Of one that does not say it, or may not be asked, it is not known.
pub(crate) fn is_cut_off(info: Value) -> bool {
    let state = |line: &str| {
        line.strip_prefix("cluster_state:")
            .map(|state| state.trim() != "ok")
    };
    text(info).is_ok_and(|info| info.lines().find_map(state).unwrap_or(false))
}

/// An address as a server of a cluster tells it; without a host it is that of the server itself.
pub(crate) fn address(host: &str, port: u16, told_by: Option<&Address>) -> Option<Address> {
    let host = match (host, told_by) {
        ("" | "?", Some(Address::Tcp { host, .. })) => host.clone(),
        ("" | "?", _) => return None,
        (host, _) => host.to_owned(),
    };
    Some(Address::Tcp { host, port })
}

/// The version in the text of `INFO server`, if it is one of Redis before 6.2.
pub(crate) fn old_version(info: &str) -> Option<&str> {
    let version = info
        .lines()
        .find_map(|line| line.strip_prefix("redis_version:"))?
        .trim();
    let mut parts = version.split('.').map(|part| part.parse::<u32>().ok());
    let (major, minor) = (parts.next()??, parts.next()??);
    ((major, minor) < (6, 2)).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_version_that_is_known_to_be_old_is_old() {
        assert_eq!(
            old_version("# Server\r\nredis_version:6.0.16\r\n"),
            Some("6.0.16")
        );
        assert_eq!(old_version("redis_version:5.0.3\n"), Some("5.0.3"));
        for info in [
            "redis_version:6.2.0\n",
            "redis_version:7.0.15",
            "redis_version:255.255.255",
        ] {
            assert_eq!(old_version(info), None);
        }
        assert_eq!(old_version("redis_version:unstable"), None);
        assert_eq!(old_version(""), None);
    }
}
