// SPDX-License-Identifier: MIT OR Apache-2.0
//! What this crate's tests share, those of its modules too.

use sepstream_toolchain::Error;

/// What was looked for, `None` where it cannot be had. With `REQUIRE_TOOLS=1` it must be there. A tool that is there and fails is not
/// missing: that is for the test to find.
pub fn found<T>(tool: Result<T, Error>) -> Option<T> {
    match tool {
        Ok(tool) => Some(tool),
        Err(error) if std::env::var("REQUIRE_TOOLS").as_deref() != Ok("1") => {
            eprintln!("SKIPPED: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}
