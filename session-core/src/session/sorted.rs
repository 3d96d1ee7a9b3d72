//! Maps out of stored data, where their keys stand in order.
//!
//! Serde puts one element after another into its place in the tree, and the search for it cannot be
//! predicted: it takes half of the time of the whole map. A tree made of all of them at once finds
//! them in order already. What stands in another order, or twice, becomes the same as by serde.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

pub(super) fn map<'de, D, K, V>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
where
    D: Deserializer<'de>,
    K: Deserialize<'de> + Ord,
    V: Deserialize<'de>,
{
    deserializer.deserialize_map(Entries(PhantomData))
}

struct Entries<K, V>(PhantomData<(K, V)>);

impl<'de, K, V> Visitor<'de> for Entries<K, V>
where
    K: Deserialize<'de> + Ord,
    V: Deserialize<'de>,
{
    type Value = BTreeMap<K, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let expected = map.size_hint().unwrap_or_default();
        let mut entries = Vec::with_capacity(expected.min(MOST_EXPECTED));
        while let Some(key) = map.next_key()? {
            entries.push((key, map.next_value()?));
        }
        Ok(entries.into_iter().collect())
    }
}

/// For how many entries room is made because the data says so.
const MOST_EXPECTED: usize = 1_024;

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use serde::{Deserialize, Serialize};

    use crate::Codec;

    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Notes {
        #[serde(deserialize_with = "map")]
        notes: BTreeMap<String, u8>,
    }

    proptest! {
        #[test]
        fn a_map_is_the_same_in_whatever_order_and_however_often_its_keys_stand(
            entries in vec(("[a-d]", any::<u8>()), 0..40),
        ) {
            let expected: BTreeMap<_, _> = entries.iter().cloned().collect();
            let bincode = Codec::Bincode.encode(&entries)?;
            let pairs: Vec<_> = entries.iter().map(|(key, n)| format!("{key:?}:{n}")).collect();
            let json = format!("{{\"notes\":{{{}}}}}", pairs.join(","));
            for bytes in [&bincode[..], json.as_bytes()] {
                prop_assert_eq!(&Codec::decode::<Notes>(bytes)?.notes, &expected);
            }
        }
    }
}
