//! Hints of what is looked at next, for which nobody waits.

/// Has the processor fetch what lies at these places, which need not be memory.
#[inline]
#[allow(unsafe_code)]
pub(crate) fn fetch<const N: usize>(places: [*const u8; N]) {
    #[cfg(target_arch = "x86_64")]
    for place in places {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a hint, which reads nothing and is ignored for an address of no memory.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(place.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = places;
}

/// How far apart the places are that a processor fetches on their own.
pub(crate) const CACHE_LINE: usize = 64;
