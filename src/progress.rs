// SPDX-License-Identifier: MIT OR Apache-2.0
//! Progress of long work, on standard error and only when that is a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use sepstream_toolchain::Event;

/// A bar over a known number of steps.
pub fn bar(what: &'static str, steps: usize) -> ProgressBar {
    let bar = ProgressBar::new(steps as u64).with_prefix(what);
    match ProgressStyle::with_template("{prefix} {bar:40} {pos}/{len} {eta}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// A spinner that follows the events of tools and builds.
pub fn spinner() -> ProgressBar {
    let spinner = ProgressBar::new_spinner();
    spinner.enable_steady_tick(Duration::from_millis(100));
    spinner
}

/// The line for an event.
pub fn describe(event: Event) -> String {
    match event {
        Event::Install(wheel) => format!("installing {} {} from PyPI", wheel.name, wheel.version),
        Event::Unpack(packages) => format!("unpacking {} of Debian", packages.packages.join(", ")),
        Event::Wait => "waiting for another process that builds the same".into(),
        Event::Verilate => "Verilator translates the design".into(),
        Event::Compile { done, total } => format!("C++ compiler, {done} of {total} files"),
        Event::Cached => "built before".into(),
        _ => "working".into(),
    }
}
