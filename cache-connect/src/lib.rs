//! A URL decides the cache backend.
