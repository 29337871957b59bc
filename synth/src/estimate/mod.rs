// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a design will take of an FPGA, told before any tool runs.
//!
//! Multipliers and block RAMs are counted in the generated modules. LUTs and flip-flops are estimated from the operators in them
//! ([`Cost`]), each kind with a coefficient for its bits, which `cargo xtask fit` fits to designs that Yosys has mapped
//! (`points.json`, `coefficients.json`).

mod fit;
mod tally;

use std::collections::BTreeMap;

use sepstream_hdl::rtl::{Cost, Module};
use sepstream_spec::config::Config;
use serde::{Deserialize, Serialize};

use self::tally::{Tally, tally};
use crate::area::{Area, Unit};
use crate::hierarchy::is_open;
use crate::origin::Origin;
use crate::{Cells, Device, Family};

/// Yosys may need this share more or less LUTs than estimated.
pub const LUT_ERROR: f64 = 0.2;
/// Share by which one of multipliers or block RAMs may be wrong.
pub const BLOCK_ERROR: f64 = 0.1;

/// A design, before synthesis and after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Its name.
    pub name: String,
    /// Text of the configuration.
    pub config: String,
    /// Name of the device.
    pub device: String,
    /// What was mapped, and how.
    pub origin: Origin,
    /// Version of Yosys.
    pub tool: String,
    /// Its units.
    pub units: Vec<PointUnit>,
}

/// A unit of such a design.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PointUnit {
    name: String,
    /// In the order of [`Cost::NAMES`].
    operators: [u64; Cost::NAMES.len()],
    /// What is counted.
    blocks: Cells,
    /// Cells by Yosys.
    cells: Cells,
}

impl Point {
    /// The point of a design of today whose units Yosys has mapped.
    ///
    /// # Errors
    /// When there is no such device, or Yosys told of other units.
    pub fn new(
        name: String,
        config: &Config,
        device: String,
        area: &Area,
    ) -> Result<Self, EstimateError> {
        let wrong = || EstimateError::Point(name.clone());
        let has = Device::named(&device).ok_or_else(wrong)?;
        let top = sepstream_hdl::design(config, has.technology());
        let unit = |(unit, tally): (String, Tally)| {
            let mapped = area.units.iter().find(|mapped| mapped.name == unit);
            Ok(PointUnit {
                operators: tally.operators.values(),
                blocks: tally.blocks,
                cells: mapped.ok_or_else(wrong)?.cells,
                name: unit,
            })
        };
        let units: Result<Vec<_>, _> = units(&top, has.family).into_iter().map(unit).collect();
        Ok(Point {
            config: config.to_string(),
            origin: area.origin.clone(),
            tool: area.tool.clone(),
            units: units?,
            device,
            name,
        })
    }

    fn family(&self) -> Result<Family, EstimateError> {
        let device = Device::named(&self.device);
        let device = device.ok_or_else(|| EstimateError::Point(self.name.clone()))?;
        Ok(device.family)
    }

    fn design(&self) -> impl Iterator<Item = (Tally, Cells)> {
        self.units.iter().map(|unit| {
            let tally = Tally {
                blocks: unit.blocks,
                operators: Cost::of(unit.operators),
            };
            (tally, unit.cells)
        })
    }

    /// Cells by the estimate, and by Yosys.
    ///
    /// # Errors
    /// When there is no such device, or no coefficients for it.
    pub fn compare(&self, coefficients: &Coefficients) -> Result<(Cells, Cells), EstimateError> {
        let family = coefficients.of(self.family()?)?;
        let none = Cells::default();
        let sum = self.design().fold((none, none), |(a, b), (tally, cells)| {
            (a + family.cells(&tally), b + cells)
        });
        Ok(sum)
    }
}

/// Why there is no estimate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EstimateError {
    /// The coefficients are not what this program reads.
    #[error("coefficients.json: {0}; make it again with `cargo xtask fit`")]
    Coefficients(String),
    /// A point has another device or other units than there are.
    #[error(
        "the point {0} is of no device, or of other units; remove it and run `cargo xtask fit`"
    )]
    Point(String),
}

/// Cells for each bit of an operator, by the names of [`Cost::NAMES`].
type Weights = BTreeMap<String, f64>;

/// Coefficients by the names of the families.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Coefficients(BTreeMap<String, FamilyCoefficients>);

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct FamilyCoefficients {
    /// LUTs, or sites of LUTs where flip-flops take some.
    luts: Weights,
    flip_flops: Weights,
}

/// Cells that a design is expected to take.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// Of every unit. Multipliers and memories are exact; `luts` are all sites of LUTs.
    pub units: Vec<Unit>,
    /// Of all.
    pub total: Cells,
}

impl Estimate {
    /// What is exceeded on a device, in words.
    pub fn excess(&self, device: &Device) -> Vec<String> {
        self.total.excess(device)
    }
    /// What is exceeded even if Yosys needs as many LUTs and flip-flops less as the estimate may be wrong by.
    pub fn sure_excess(&self, device: &Device) -> Vec<String> {
        let least = |cells: u32| (f64::from(cells) * (1.0 - LUT_ERROR)) as u32;
        let total = Cells {
            luts: least(self.total.luts),
            flip_flops: least(self.total.flip_flops),
            ..self.total
        };
        total.excess(device)
    }
}

impl Coefficients {
    /// Those of the program.
    ///
    /// # Errors
    /// When the file in the source is none.
    pub fn embedded() -> Result<Self, EstimateError> {
        serde_json::from_str(include_str!("coefficients.json"))
            .map_err(|error| EstimateError::Coefficients(error.to_string()))
    }

    /// The ones that bring the points' estimates nearest to what Yosys said, as shares of the designs.
    ///
    /// # Errors
    /// When a point is none.
    pub fn fit(points: &[Point]) -> Result<Self, EstimateError> {
        let mut families: BTreeMap<String, Vec<fit::Design>> = BTreeMap::new();
        for point in points {
            let designs = families.entry(family_name(point.family()?)).or_default();
            designs.push(point.design().collect());
        }
        let fit = |(name, designs): (String, Vec<fit::Design>)| (name, fit::family(&designs));
        Ok(Coefficients(families.into_iter().map(fit).collect()))
    }

    fn of(&self, family: Family) -> Result<&FamilyCoefficients, EstimateError> {
        let name = family_name(family);
        let lacks = || EstimateError::Coefficients(format!("no {name}"));
        self.0.get(&name).ok_or_else(lacks)
    }

    /// What a design will take on a device.
    ///
    /// # Errors
    /// When the coefficients lack the family.
    pub fn estimate(&self, top: &Module, device: &Device) -> Result<Estimate, EstimateError> {
        let family = self.of(device.family)?;
        let units: Vec<Unit> = units(top, device.family)
            .into_iter()
            .map(|(name, tally)| Unit {
                name,
                cells: family.cells(&tally),
            })
            .collect();
        let total = units
            .iter()
            .fold(Cells::default(), |sum, unit| sum + unit.cells);
        Ok(Estimate { units, total })
    }
}

impl FamilyCoefficients {
    fn cells(&self, tally: &Tally) -> Cells {
        let sum = |weights: &Weights| {
            let values = tally.operators.values();
            let terms = Cost::NAMES.iter().zip(values).map(|(name, value)| {
                weights.get(*name).copied().unwrap_or_default() * value as f64
            });
            terms.sum::<f64>().round() as u32
        };
        Cells {
            luts: tally.blocks.luts + sum(&self.luts),
            flip_flops: sum(&self.flip_flops),
            ..tally.blocks
        }
    }
}

/// The units of a design, and what they are made of; the last is `top`, with what lies between them.
fn units(top: &Module, family: Family) -> Vec<(String, Tally)> {
    let mut units = Vec::new();
    let mut between = Tally::default();
    walk(top, family, &mut units, &mut between);
    units.push(("top".into(), between));
    units
}

fn walk(module: &Module, family: Family, units: &mut Vec<(String, Tally)>, between: &mut Tally) {
    between.operators += module.cost();
    for (name, child) in module.children() {
        if is_open(child.name()) {
            walk(child, family, units, between);
        } else {
            units.push((name.to_string(), tally(child, family)));
        }
    }
}

fn family_name(family: Family) -> String {
    format!("{family:?}").to_lowercase()
}
