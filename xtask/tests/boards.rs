// SPDX-License-Identifier: MIT OR Apache-2.0
//! The published bitstreams are of the Verilog of today.

use std::path::Path;

#[test]
fn published_bitstreams_hold() {
    let member = Path::new(env!("CARGO_MANIFEST_DIR"));
    let faults = sepstream_xtask::boards::check(member.parent().unwrap()).unwrap();
    assert!(faults.is_empty(), "run\n{}", faults.join("\n"));
}
