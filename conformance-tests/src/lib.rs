//! One suite that proves every backend of the cache contract the same.
