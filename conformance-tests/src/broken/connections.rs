//! Clients that are right as long as their network is.

use crate::reference::{Flawed, Flaws};

macro_rules! flawed {
    ($($name:ident: $($flaw:ident),*;)*) => {$(
        #[derive(Debug)]
        pub(super) struct $name;

        impl Flawed for $name {
            const FLAWS: Flaws = Flaws { $($flaw: true,)* ..Flaws::NONE };
        }
    )*};
}

flawed! {
    OutageIsMiss: misses;
    LostIsRepeated: repeats;
    LostIsDenied: denies;
    WaitsForEver: waits;
    OutageIsNotLearnt: insists;
    NeverConnectsAgain: gives_up;
    LateReplyIsTaken: takes_late_replies;
    GarbledIsBelieved: believes;
    DroppedKeepsItsPlace: leaks;
    AsksOneByOne: one_by_one;
    ListingEndsEarly: ends_early;
}
