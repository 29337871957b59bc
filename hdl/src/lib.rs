// SPDX-License-Identifier: MIT OR Apache-2.0
//! The accelerator's RTL: a file per block, `top` wires them.
//!
//! [`generate`] gives the Verilog of the whole accelerator. Each block is also open by itself, as the module of its name with
//! a constructor of its name, so that a test can build it alone:
//!
//! ```
//! # let file = "pointwise: { tn: 4, tm: 4 }
//! # depthwise: { lanes: 4, taps: 3 }
//! # memory: { activation_kib: 8, weight_kib: 8 }";
//! # let config = sepstream_spec::config::Config::from_yaml(file, "example.yaml").unwrap();
//! let fill = sepstream_hdl::fill::fill(&config); // its ports: fill.ports()
//! let verilog = sepstream_hdl::rtl::verilog(&fill, "The fill unit alone.");
//! assert!(verilog.contains("module fill ("));
//! ```

pub mod columns;
mod counter;
pub mod depthwise;
mod engine;
pub mod expand;
pub mod feed;
pub mod fill;
pub mod host;
pub mod line_buffer;
pub mod line_writer;
pub mod link;
pub mod memory;
pub mod merge;
pub mod multiplier;
pub mod packer;
pub mod pixel_buffer;
pub mod pointwise;
pub mod pointwise_control;
pub mod post;
mod prefix;
mod row_gate;
mod select;
pub mod sequencer;
pub mod technology;
pub mod top;
pub mod walk;
pub mod window;

pub use prefix::Prefix;
pub use sepstream_rtl as rtl;
pub use technology::Technology;

use sepstream_spec::config::Config;
use std::rc::Rc;

/// Waivers for `verilator --lint-only -Wall`, each with its reason: a Verilator configuration file, given beside the Verilog.
pub const LINT_WAIVERS: &str = include_str!("waivers.vlt");

/// The Verilog text of the accelerator of a configuration; its top module is `sepstream`.
pub fn generate(config: &Config) -> String {
    generate_for(config, Technology::Generic)
}

/// The same, with the multipliers and memories of a family of FPGAs.
pub fn generate_for(config: &Config, technology: Technology) -> String {
    let printed = print(&design(config, technology), config, &Prefix::default());
    printed.text
}

/// The same before it is text.
pub fn design(config: &Config, technology: Technology) -> Rc<rtl::Module> {
    technology.map(&top::top(config))
}

/// The Verilog text of the accelerator with its host link; its top module is `sepstream_board`, for a board's own top with clock,
/// reset and pins.
///
/// # Errors
/// When the link cannot be built with that clock.
pub fn board(
    config: &Config,
    options: &link::LinkOptions,
    technology: Technology,
) -> Result<String, link::LinkError> {
    options.check()?;
    let board = board_design(config, options, technology);
    Ok(print(&board, config, &Prefix::default()).text)
}

/// The Verilog of a [`design`] or a [`board_design`], with the names of its modules.
pub fn print(design: &Rc<rtl::Module>, config: &Config, prefix: &Prefix) -> rtl::Printed {
    let what = match design.name() {
        top::NAME => "accelerator",
        _ => "accelerator with host link",
    };
    let banner = format!(
        "sepstream {what}, generated from this configuration:\n{}",
        config.hardware()
    );
    rtl::Printed::new(design, &banner, &|name| prefix.of(name))
}

/// The same before it is text, of a link that [`LinkOptions::check`](link::LinkOptions::check) passes.
pub fn board_design(
    config: &Config,
    options: &link::LinkOptions,
    technology: Technology,
) -> Rc<rtl::Module> {
    technology.map(&link::board::board(config, options))
}
