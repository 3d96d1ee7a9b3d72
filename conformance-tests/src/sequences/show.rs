//! Steps as a person would type them.

use std::fmt;

use bytes::Bytes;
use session_core::Condition;

use super::operation::{Operation, Step};

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.view {
            0 => write!(f, "{}", self.operation),
            view => write!(f, "view {view}: {}", self.operation),
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(key) => write!(f, "read({})", text(key)),
            Self::ReadAll(keys) => write!(f, "read_all({})", list(keys)),
            Self::ReadWithTimeToLive(key) => write!(f, "read_with_time_to_live({})", text(key)),
            Self::GetTimeToLive(key) => write!(f, "get_time_to_live({})", text(key)),
            Self::List(prefix) => write!(f, "keys_starting_with({})", text(prefix)),
            Self::Write(key, value, condition, life) => {
                let condition = match condition {
                    Condition::Equals(expected) => format!("Equals({})", bytes(expected)),
                    other => format!("{other:?}"),
                };
                let (key, value) = (text(key), bytes(value));
                write!(f, "write({key}, {value}, {condition}, {life:?})")
            }
            Self::WriteAll(entries, life) => {
                let entries = entries.iter();
                let entries: Vec<String> = entries
                    .map(|(key, value)| format!("({}, {})", text(key), bytes(value)))
                    .collect();
                write!(f, "write_all([{}], {life:?})", entries.join(", "))
            }
            Self::Increment(key, by, life) => {
                write!(f, "increment({}, {by}, {life:?})", text(key))
            }
            Self::SetTimeToLive(key, life) => {
                write!(f, "set_time_to_live({}, {life:?})", text(key))
            }
            Self::Copy(from, to) => write!(f, "write({1}, read({0}))", text(from), text(to)),
            Self::Remove(key) => write!(f, "remove({})", text(key)),
            Self::RemoveAll(keys) => write!(f, "remove_all({})", list(keys)),
            Self::RemoveStartingWith(prefix) => {
                write!(f, "remove_starting_with({})", text(prefix))
            }
            Self::RemoveExpired => f.write_str("remove_expired()"),
            Self::FlushAll => f.write_str("flush_all()"),
            Self::Pass(units) => write!(f, "pass({units})"),
        }
    }
}

/// A key; of a long one the length and the end, where long keys differ.
fn text(key: &str) -> String {
    const SHOWN: usize = 12;
    let count = key.chars().count();
    if count <= 4 * SHOWN {
        return format!("{key:?}");
    }
    let end: String = key.chars().skip(count - SHOWN).collect();
    format!("<{} bytes ending in {end:?}>", key.len())
}

fn bytes(value: &Bytes) -> String {
    format!("b\"{}\"", value.escape_ascii())
}

fn list(keys: &[String]) -> String {
    let keys: Vec<String> = keys.iter().map(|key| text(key)).collect();
    format!("[{}]", keys.join(", "))
}
