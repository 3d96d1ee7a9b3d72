//! The whole suite on the reference client.

use conformance_tests::reference::ReferenceHarness;

conformance_tests::conformance_tests!(ReferenceHarness, probation: deny, lacking: {
    networked: "no server",
    outage: "no server",
});
