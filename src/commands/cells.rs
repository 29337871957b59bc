// SPDX-License-Identifier: MIT OR Apache-2.0
//! The table of cells by unit, which `area` and `synth` show.

use sepstream_synth::{Cells, Device, Unit};

use crate::report::{Column, table, thousands};

/// Cells of units and of all; `more` are rows behind them.
pub fn cell_table(
    device: &Device,
    units: &[Unit],
    total: &Cells,
    more: Vec<Vec<String>>,
) -> String {
    use Column::{Number, Text};
    let [site, multiplier, block_ram] = device.family.cell_names();
    let columns = [
        Text("unit"),
        Number(site),
        Number("carry cells"),
        Number("flip-flops"),
        Number(multiplier),
        Number(block_ram),
    ];
    let rows = units
        .iter()
        .map(|unit| row(&unit.name, &unit.cells))
        .chain([row("total", total)]);
    table(&columns, rows.chain(more))
}

/// An estimate beside what a device has.
pub fn estimate_line(total: &Cells, device: &Device) -> String {
    let [site, multiplier, block_ram] = device.family.cell_names();
    let of =
        |used: u32, has: u32| format!("{} of {}", thousands(used.into()), thousands(has.into()));
    format!(
        "{} {site}, {} flip-flops, {} {multiplier}, {} {block_ram} of {}",
        of(total.sites(), device.luts),
        thousands(total.flip_flops.into()),
        of(total.multipliers, device.multipliers),
        of(total.block_rams, device.block_rams),
        device.name
    )
}

fn row(name: &str, c: &Cells) -> Vec<String> {
    let numbers = [
        c.sites(),
        c.carries,
        c.flip_flops,
        c.multipliers,
        c.block_rams,
    ];
    let mut row = vec![name.to_string()];
    row.extend(numbers.map(|n| thousands(n.into())));
    row
}
