// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where the multiplier blocks of a large array go.
//!
//! nextpnr puts each block into the nearest one that is free when its turn comes, so the last ones lie away from those that they belong
//! to; where nearly all of an FPGA are taken, at its other end. Here all get their places at once. The blocks of two output channels,
//! whose products are added up, lie side by side; those of the next two, whose weights come out of the same block RAMs, beside them; a
//! requantiser lane's two blocks in a gap near the channels whose sums it takes. nextpnr places everything else around.

use sepstream_spec::config::{Config, Multiplier, WIDE_SUM};
use sepstream_spec::regs::Memory;
use sepstream_spec::timing;

use crate::Device;

/// Path of the accelerator in a board.
const ACCELERATOR: &str = "board.accelerator";
/// Products of the smallest array that gets a plan: no smaller one has been placed with it (docs/boards.md).
const LARGE: u32 = 128;
/// Rows of MULT18X18D of an ECP5-85.
const ROWS: [u32; 3] = [10, 34, 58];
/// First columns of the groups of blocks in a row ..
const GROUPS: [u32; 13] = [4, 13, 22, 31, 40, 49, 58, 69, 78, 87, 96, 105, 114];
/// .. and where the four of a group lie, which is the number of each as well.
const IN_GROUP: [u32; 4] = [0, 1, 4, 5];
/// Blocks in a row.
const IN_ROW: u32 = (GROUPS.len() * IN_GROUP.len()) as u32;
/// Most blocks of two output channels: three times as many, and two gaps of two, are a row.
const RUN: u32 = 16;
/// Where those of channels 0 and 1 begin, of 2 and 3, and so on: row, and place in it. Each two lie side by side or one above the
/// other, as their weights come out of the same block RAMs.
const RUNS: [Site; 8] = [
    site(34, 0),
    site(34, 18),
    site(10, 36),
    site(10, 18),
    site(58, 0),
    site(58, 18),
    site(34, 36),
    site(58, 36),
];
/// Where the depthwise engine's requantiser is: no channels are near.
const DEPTHWISE: Site = site(10, 0);

/// A cell of the flattened netlist, and the site that it goes to, as nextpnr names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fixed {
    pub(crate) cell: String,
    pub(crate) site: String,
}

/// CRC-32 of a plan: figures of a design with another one are of another design. None without a plan.
pub(crate) fn crc32(plan: &[Fixed]) -> Option<u32> {
    let lines = plan
        .iter()
        .flat_map(|Fixed { cell, site }| [cell, " ", site, "\n"].map(str::as_bytes));
    (!plan.is_empty()).then(|| sepstream_spec::crc32(&lines.collect::<Vec<_>>()))
}

/// A site of a multiplier block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Site {
    row: u32,
    /// Place in the row.
    at: u32,
}

const fn site(row: u32, at: u32) -> Site {
    Site { row, at }
}

impl Site {
    fn column(self) -> u32 {
        GROUPS[(self.at / 4) as usize] + IN_GROUP[(self.at % 4) as usize]
    }
    fn name(self) -> String {
        let number = IN_GROUP[(self.at % 4) as usize];
        format!("X{}/Y{}/MULT18_{number}", self.column(), self.row)
    }
    /// How far it is from some others, all in all.
    fn distance(self, others: &[Site]) -> u32 {
        let one =
            |other: &Site| self.column().abs_diff(other.column()) + self.row.abs_diff(other.row);
        others.iter().map(one).sum()
    }
}

/// Sites for the multiplier blocks of an accelerator in a board; none where nextpnr does well by itself, or the array has another shape
/// than is known here.
pub(crate) fn multipliers(config: &Config, device: &Device) -> Vec<Fixed> {
    let v = config.values();
    let in_blocks = v.tm - v.pw_lut_channels;
    let known = device.name == "ecp5-85"
        && v.tn * v.tm >= LARGE
        && timing::far(config, Memory::Weight)
        && config.pw_multiplier() == Multiplier::Packed
        && v.tp == 1
        && v.tn <= RUN
        && in_blocks / 2 <= RUNS.len() as u32;
    if !known {
        return Vec::new();
    }
    let mut plan = Plan::default();
    for (pair, run) in (0..in_blocks / 2).zip(RUNS) {
        for i in 0..v.tn {
            let cell = format!("pointwise.pair_{}_{i}.both.block", 2 * pair);
            plan.fix(&cell, site(run.row, run.at + i));
        }
    }
    if v.pw_sum_bits < WIDE_SUM && v.pw_requant_cycles == 1 {
        for lane in 0..v.pw_requant {
            let channels = (lane..in_blocks).step_by(v.pw_requant as usize);
            // the last of an odd number has no partner, and blocks of other sorts
            let runs = channels.filter_map(|channel| RUNS.get((channel / 2) as usize));
            let near: Vec<Site> = runs.map(|run| site(run.row, run.at + v.tn / 2)).collect();
            plan.lane("pointwise_requant", lane, &near);
        }
    }
    if v.dw_sum_bits < WIDE_SUM && v.dw_requant_cycles == 1 {
        for lane in 0..v.dw_requant {
            plan.lane("depthwise_requant", lane, &[DEPTHWISE]);
        }
    }
    plan.fixed
}

#[derive(Default)]
struct Plan {
    fixed: Vec<Fixed>,
    taken: Vec<Site>,
}

impl Plan {
    fn fix(&mut self, cell: &str, site: Site) {
        self.taken.push(site);
        self.fixed.push(Fixed {
            cell: format!("{ACCELERATOR}.{cell}"),
            site: site.name(),
        });
    }
    /// The two blocks of a lane side by side on free sites, nearest to others; left to nextpnr when there are no more.
    fn lane(&mut self, unit: &str, lane: u32, near: &[Site]) {
        let twos = ROWS.into_iter().flat_map(|row| {
            (0..IN_ROW)
                .step_by(2)
                .map(move |at| [site(row, at), site(row, at + 1)])
        });
        let free = twos.filter(|two| two.iter().all(|site| !self.taken.contains(site)));
        let Some(two) = free.min_by_key(|[first, _]| first.distance(near)) else {
            return;
        };
        for (part, site) in ["low", "high"].into_iter().zip(two) {
            self.fix(
                &format!("{unit}.lane_{lane}.blocks_{part}_block.block"),
                site,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sepstream_hdl::Technology;
    use sepstream_hdl::link::{Link, LinkOptions};
    use std::collections::BTreeSet;

    fn large() -> Config {
        let text = include_str!("../../configs/vww_16x16.yaml");
        Config::from_yaml(text, "vww_16x16.yaml").unwrap()
    }

    fn half() -> Config {
        let text = include_str!("../../configs/vww_16x8.yaml");
        Config::from_yaml(text, "vww_16x8.yaml").unwrap()
    }

    fn planned(config: &Config) -> Vec<Fixed> {
        multipliers(config, Device::named("ecp5-85").unwrap())
    }

    #[test]
    fn every_block_has_a_site_of_its_own() {
        let plan = planned(&large());
        assert_eq!(plan.len(), 128 + 2 * (8 + 6));
        let sites: BTreeSet<&str> = plan.iter().map(|fixed| &*fixed.site).collect();
        let cells: BTreeSet<&str> = plan.iter().map(|fixed| &*fixed.cell).collect();
        assert_eq!((sites.len(), cells.len()), (plan.len(), plan.len()));
        let first = &plan[0];
        assert_eq!(
            first.cell,
            "board.accelerator.pointwise.pair_0_0.both.block"
        );
        assert_eq!(first.site, "X4/Y34/MULT18_0");
        assert!(sites.contains("X119/Y10/MULT18_5"));
    }

    /// The modules down to each cell are those of the generated board, and the last one holds a block.
    #[test]
    fn the_cells_are_those_of_the_board() {
        let mut odd = large().values().clone();
        (odd.tn, odd.tm, odd.pw_requant, odd.dw_requant) = (13, 11, 3, 5);
        let mut shared = large().values().clone();
        (shared.tm, shared.pw_lut_channels, shared.pw_requant) = (19, 4, 7);
        let configs = [large(), half()].into_iter();
        for config in configs.chain([odd, shared].map(|values| values.check().unwrap())) {
            assert!(!planned(&config).is_empty());
            let options = LinkOptions { link: Link::Spi };
            let board = sepstream_hdl::board_design(&config, &options, Technology::Ecp5);
            for Fixed { cell, .. } in planned(&config) {
                let path = cell.strip_prefix("board.").unwrap();
                let (path, block) = path.rsplit_once('.').unwrap();
                let unit = path.split('.').fold(board.clone(), |module, name| {
                    let child = module.children().find(|child| child.0 == name);
                    child
                        .unwrap_or_else(|| panic!("{cell}: no {name}"))
                        .1
                        .clone()
                });
                let cells: Vec<_> = unit
                    .cells()
                    .map(|cell| (cell.kind(), cell.name()))
                    .collect();
                assert_eq!(cells, [("MULT18X18D", block)], "{cell}");
            }
        }
    }

    #[test]
    fn any_shape_is_planned_or_left_to_nextpnr() {
        for (tn, tm) in [
            (9, 15),
            (13, 12),
            (16, 7),
            (16, 8),
            (16, 9),
            (16, 16),
            (17, 10),
            (16, 18),
            (64, 4),
        ] {
            let mut values = large().values().clone();
            (values.tn, values.tm) = (tn, tm);
            values.pw_requant = tm.min(5);
            values.lanes = 4;
            values.dw_requant = 2;
            let config = values.check().unwrap();
            let plan = planned(&config);
            let fits = tn <= 16 && tm <= 16 && tn * tm >= LARGE;
            let blocks = if fits {
                tm / 2 * tn + 2 * (tm.min(5) + 2)
            } else {
                0
            };
            assert_eq!(plan.len() as u32, blocks, "{tn} x {tm}");
            let sites: BTreeSet<&str> = plan.iter().map(|fixed| &*fixed.site).collect();
            assert_eq!(sites.len(), plan.len(), "{tn} x {tm}");
        }
        let other = Device::named("ecp5-45").unwrap();
        assert_eq!(multipliers(&half(), other), []);
        let mut near = half().values().clone();
        near.weight_kib = 32;
        assert_eq!(planned(&near.check().unwrap()), []);
    }

    /// Figures of one plan are not those of another, or of none.
    #[test]
    fn a_plan_has_a_checksum() {
        let plan = planned(&half());
        assert_eq!(plan.len(), 64 + 2 * (8 + 3));
        let mut other = plan.clone();
        let (first, rest) = other.split_at_mut(1);
        std::mem::swap(&mut first[0].site, &mut rest[0].site);
        assert_eq!(crc32(&[]), None);
        assert_ne!(crc32(&plan), None);
        assert_ne!(crc32(&plan), crc32(&other));
    }
}
