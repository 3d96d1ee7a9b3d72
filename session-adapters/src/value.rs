//! What tower-sessions keeps in a session, out of stored JSON: as serde_json reads it, and quicker.
//!
//! serde_json puts one entry after another into its place in a tree, and the search for it cannot be
//! predicted. A tree made of all of them at once finds them in order already, since they were stored so.

use std::collections::HashMap;
use std::fmt;

use serde::Deserialize;
use serde::de::value::MapDeserializer;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Values by name.
pub(crate) struct Values(pub(crate) HashMap<String, Value>);

/// A value.
struct Json(Value);

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ValuesVisitor).map(Self)
    }
}

struct ValuesVisitor;

impl<'de> Visitor<'de> for ValuesVisitor {
    type Value = HashMap<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("values by name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut values = HashMap::new();
        while let Some((name, Json(value))) = map.next_entry()? {
            values.insert(name, value);
        }
        Ok(values)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor).map(Self)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Json(value)) = list.next_element()? {
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = Vec::with_capacity(EXPECTED);
        while let Some((key, Json(value))) = map.next_entry::<String, _>()? {
            entries.push((key, value));
        }
        match &entries[..] {
            // How serde_json tells itself a number, if an application has it keep all digits.
            [(key, _)] if key.starts_with(PRIVATE) => {
                Value::deserialize(MapDeserializer::new(entries.into_iter()))
                    .map_err(|error: serde_json::Error| A::Error::custom(error))
            }
            _ => Ok(Value::Object(Map::from_iter(entries))),
        }
    }
}

/// For how many entries of a map room is made before the first: as many as a user of `session-core`
/// has, and the most that take less than 1 KiB, from where on glibc's allocator is slow.
const EXPECTED: usize = 17;
const PRIVATE: &str = "$serde_json::private::";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Any value, its maps with keys in any order and more than once.
    fn text() -> impl Strategy<Value = String> {
        let number = prop_oneof![
            any::<i64>().prop_map(|n| n.to_string()),
            any::<u64>().prop_map(|n| n.to_string()),
            any::<f64>().prop_map(|n| serde_json::to_string(&n).unwrap()),
        ];
        let string = ".{0,8}".prop_map(|s| serde_json::to_string(&s).unwrap());
        let word = prop_oneof![Just("null"), Just("true"), Just("false")];
        let leaf = prop_oneof![number, string, word.prop_map(str::to_owned)];
        leaf.prop_recursive(4, 64, 20, |inner| {
            let list = prop::collection::vec(inner.clone(), 0..4);
            let entries = prop::collection::vec(("[a-zA-Z]{0,2}", inner), 0..20);
            let entry = |(key, value)| format!("\"{key}\":{value}");
            prop_oneof![
                list.prop_map(|values| format!("[{}]", values.join(","))),
                entries.prop_map(move |entries| {
                    let entries: Vec<_> = entries.into_iter().map(entry).collect();
                    format!("{{{}}}", entries.join(","))
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn values_are_those_of_serde_json(text in text()) {
            let Json(value) = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(value, serde_json::from_str::<Value>(&text).unwrap());
        }
    }

    /// Says more with `--features serde_json/arbitrary_precision`, as the one above does.
    #[test]
    fn what_serde_json_tells_itself_is_left_to_it() {
        let text = r#"[{"$serde_json::private::Number":"1.50"},1.50]"#;
        let Json(value) = serde_json::from_str(text).unwrap();
        assert_eq!(value, serde_json::from_str::<Value>(text).unwrap());
    }

    #[test]
    fn what_is_nested_too_deep_is_an_error() {
        let text = "[".repeat(200) + &"]".repeat(200);
        assert!(serde_json::from_str::<Json>(&text).is_err());
    }
}
