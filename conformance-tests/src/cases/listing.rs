//! Keys that start with a prefix.

use super::prelude::*;

pub(crate) async fn a_prefix_is_literal_and_not_a_pattern(store: Store) {
    for key in ["a%b", "a_b", "a*b", "a?b", "a[b]", "a\\b", "a{}b", "axb"] {
        store.put(key, "").await;
    }
    for prefix in ["a%", "a_", "a*", "a?", "a[b]", "a\\", "a{}"] {
        let keys = ok(listed(&*store, prefix).await);
        assert_eq!(keys.len(), 1, "{prefix:?} listed {keys:?}");
        assert!(keys[0].starts_with(prefix), "{prefix:?} listed {keys:?}");
    }
    for prefix in ["%", "_", "*", "?", ".*", "[a]", "A"] {
        lists(listed(&*store, prefix).await, &[]);
    }
}
