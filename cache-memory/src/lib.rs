//! The cache contract in the memory of one process.
