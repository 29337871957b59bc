// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sepstream area`: the cells that a configuration takes on an FPGA, unit by unit.

use sepstream_spec::config::Config;
use sepstream_synth::origin::Origin;
use sepstream_synth::{Area, Cells, Device, Unit, area};
use serde::Serialize;

use super::cells::cell_table;
use crate::cli;
use crate::error::Error;
use crate::outcome::Outcome;
use crate::progress::{describe, spinner};
use crate::report::{json, percent, thousands};

/// Synthesises, and prints the table.
pub fn run(args: &cli::Area) -> Result<Outcome, Error> {
    let config = super::load_config(&args.config)?;
    let device = Device::named(&args.device)
        .ok_or_else(|| Error::Input(format!("there is no device `{}`", args.device)))?;
    let spinner = spinner();
    spinner.set_message("Yosys maps the design to cells");
    let area = area(&config, device, &mut |event| {
        spinner.set_message(describe(event))
    })?;
    spinner.finish_and_clear();
    let report = Report::new(args, &config, device, area);
    println!(
        "{}",
        if args.json {
            json(&report)
        } else {
            report.text()
        }
    );
    Ok(Outcome::Ok)
}

#[derive(Serialize)]
struct Report {
    config: String,
    fingerprint: u32,
    /// What was synthesised, and how.
    origin: Origin,
    products_per_cycle: u32,
    tool: String,
    device: &'static Device,
    usable_luts: u32,
    units: Vec<Unit>,
    total: Cells,
    /// What is exceeded, in words; nothing when the design fits.
    excess: Vec<String>,
}

impl Report {
    fn new(args: &cli::Area, config: &Config, device: &'static Device, area: Area) -> Self {
        Report {
            config: args.config.display().to_string(),
            fingerprint: config.fingerprint(),
            origin: area.origin.clone(),
            products_per_cycle: config.multipliers(),
            device,
            usable_luts: device.usable_luts(),
            total: area.total(),
            excess: area.over_budget(device),
            tool: area.tool,
            units: area.units,
        }
    }

    fn text(&self) -> String {
        let device = [
            self.usable_luts,
            0,
            self.device.luts,
            self.device.multipliers,
            self.device.block_rams,
        ];
        let mut has = vec![self.device.name.to_string()];
        has.extend(device.map(|n| {
            if n == 0 {
                String::new()
            } else {
                thousands(n.into())
            }
        }));
        let [site, ..] = self.device.family.cell_names();
        let verdict = if self.excess.is_empty() {
            "it fits".to_string()
        } else {
            format!("it does not fit: {}", self.excess.join(", "))
        };
        format!(
            "{}\n\n{} on {}, {} products per cycle: {verdict}\n{} of {} {}, of which {} may be used; {}",
            cell_table(self.device, &self.units, &self.total, vec![has]),
            self.config,
            self.device.name,
            self.products_per_cycle,
            percent(f64::from(self.total.sites()) / f64::from(self.device.luts)),
            thousands(self.device.luts.into()),
            site,
            percent(f64::from(self.usable_luts) / f64::from(self.device.luts)),
            self.tool,
        )
    }
}
