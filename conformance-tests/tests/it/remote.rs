//! The whole suite on the reference behind a port, whose network and server fail as they are told.

use conformance_tests::reference::RemoteHarness;

conformance_tests::conformance_tests!(RemoteHarness, probation: deny, lacking: {
    reopening: "proved on the reference itself",
    sharing: "proved on the reference itself",
});
