// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tools that a test needs. With `REQUIRE_TOOLS=1` they must be there; without, a test that has to do without says so.

use std::fmt::Display;
use std::sync::OnceLock;

use sepstream_toolchain as tools;

/// Whether what is missing is a failure.
pub fn required() -> bool {
    std::env::var_os("REQUIRE_TOOLS").is_some_and(|value| value == "1")
}

/// What was looked for; `None`, and a line that says so, where it cannot be had and need not be.
#[track_caller]
pub fn found<T, E: Display>(what: Result<T, E>) -> Option<T> {
    match what {
        Ok(what) => Some(what),
        Err(error) => {
            assert!(!required(), "{error}");
            println!("SKIPPED: {error}");
            None
        }
    }
}

/// Whether Verilator (installed if need be) and a C++ compiler are there.
pub fn tools_present() -> bool {
    static PRESENT: OnceLock<bool> = OnceLock::new();
    *PRESENT.get_or_init(|| found(tools::setup(&mut |_| {})).is_some())
}
