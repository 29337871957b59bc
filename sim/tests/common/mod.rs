// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the co-simulation tests share.

use sepstream_toolchain as tools;
use std::sync::OnceLock;

/// Whether Verilator (installed if need be) and a C++ compiler are there. With `REQUIRE_TOOLS=1` they must be.
pub fn tools_present() -> bool {
    static PRESENT: OnceLock<bool> = OnceLock::new();
    *PRESENT.get_or_init(|| match tools::setup(&mut |_| {}) {
        Ok(_) => true,
        Err(error) if std::env::var_os("REQUIRE_TOOLS").is_some_and(|value| value == "1") => {
            panic!("{error}")
        }
        Err(error) => {
            println!("SKIPPED: verilator: {error}");
            false
        }
    })
}
