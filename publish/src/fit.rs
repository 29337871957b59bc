// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask fit`: the coefficients of the estimate before synthesis, from designs that Yosys mapped; both lie in
//! `synth/src/estimate`.
//!
//! The configurations are small and medium ones of all kinds of multipliers, requantisers and memories, written down here so
//! that everybody fits the same.

use std::fs;
use std::path::Path;

use sepstream_spec::config::Config;
use sepstream_synth::estimate::{Coefficients, EstimateError, Point};
use sepstream_synth::origin::Origin;
use sepstream_synth::{Area, Device};
use sepstream_toolchain as tools;

use crate::error::Error;
use crate::markers::replace;
use crate::project::{Project, finish};

/// A name, the fields of `pointwise`, of `depthwise`, of `memory`.
type Row = (&'static str, &'static str, &'static str, &'static str);

#[rustfmt::skip]
const CONFIGS: [Row; 11] = [
    ("smallest", "tn: 2, tm: 1, multiplier: lut, requant: 1, sum_bits: 18, residual: 0",
     "lanes: 1, taps: 1, multiplier: lut, requant: 1, sum_bits: 18",
     "activation_kib: 3, weight_kib: 4, depthwise_kib: 2, pointwise_channels: 160, depthwise_channels: 160, line_words: 128, pixel_words: 32, expand_words: 0, commands: 8"),
    ("residual", "tn: 3, tm: 2, requant: 2, sum_bits: 20, residual: 2",
     "lanes: 2, taps: 3, requant: 1, sum_bits: 18",
     "activation_kib: 8, weight_kib: 6, depthwise_kib: 2, pointwise_channels: 300, depthwise_channels: 200, line_words: 64, pixel_words: 64, expand_words: 0, commands: 16"),
    ("small", "tn: 4, tm: 4, multiplier: packed, requant: 1, sum_bits: 24, residual: 0",
     "lanes: 4, taps: 3, multiplier: lut, requant: 1, sum_bits: 22, gather_rows: 3",
     "activation_kib: 16, weight_kib: 16, depthwise_kib: 4, pointwise_channels: 512, depthwise_channels: 512, line_words: 256, pixel_words: 128, expand_words: 0, commands: 16"),
    ("pixels_2", "tn: 4, tm: 3, tp: 2, multiplier: plain, requant: 1, sum_bits: 18, residual: 0",
     "lanes: 2, taps: 1, multiplier: plain, requant: 1, sum_bits: 18",
     "activation_kib: 10, weight_kib: 10, depthwise_kib: 2, pointwise_channels: 200, depthwise_channels: 200, line_words: 96, pixel_words: 64, expand_words: 0, commands: 10"),
    ("windows", "tn: 5, tm: 3, multiplier: packed, requant: 1, sum_bits: 18, residual: 0",
     "lanes: 2, taps: 9, multiplier: lut, requant: 1, sum_bits: 20",
     "activation_kib: 7, weight_kib: 12, depthwise_kib: 4, pointwise_channels: 256, depthwise_channels: 128, line_words: 64, pixel_words: 48, expand_words: 0, commands: 8"),
    ("wide_sums", "tn: 4, tm: 2, multiplier: plain, requant: 1, residual: 0",
     "lanes: 2, taps: 3, requant: 1",
     "activation_kib: 6, weight_kib: 8, depthwise_kib: 3, pointwise_channels: 256, depthwise_channels: 256, line_words: 128, pixel_words: 32, expand_words: 0, commands: 12"),
    ("expanding", "tn: 6, tm: 4, multiplier: lut, requant: 2, sum_bits: 21, residual: 2",
     "lanes: 3, taps: 3, multiplier: plain, requant: 1, sum_bits: 19",
     "activation_kib: 12, weight_kib: 20, depthwise_kib: 3, pointwise_channels: 400, depthwise_channels: 300, line_words: 200, pixel_words: 100, expand_words: 32, commands: 24"),
    ("pixels_4", "tn: 8, tm: 2, tp: 4, multiplier: lut, requant: 1, sum_bits: 18, residual: 1",
     "lanes: 4, taps: 3, multiplier: lut, requant: 2, sum_bits: 18",
     "activation_kib: 20, weight_kib: 24, depthwise_kib: 6, pointwise_channels: 512, depthwise_channels: 256, line_words: 256, pixel_words: 128, expand_words: 0, commands: 16"),
    ("lut_8x8", "tn: 8, tm: 8, multiplier: lut, requant: 2, sum_bits: 20, residual: 0",
     "lanes: 4, taps: 3, multiplier: lut, requant: 2, sum_bits: 20, gather_rows: 3",
     "activation_kib: 32, weight_kib: 48, depthwise_kib: 8, pointwise_channels: 1024, depthwise_channels: 512, line_words: 512, pixel_words: 256, expand_words: 0, commands: 32"),
    ("packed_12x5", "tn: 12, tm: 5, multiplier: packed, requant: 3, sum_bits: 22, residual: 3",
     "lanes: 6, taps: 3, multiplier: plain, requant: 2, sum_bits: 18, gather_rows: 3",
     "activation_kib: 40, weight_kib: 60, depthwise_kib: 8, pointwise_channels: 900, depthwise_channels: 700, line_words: 300, pixel_words: 200, expand_words: 64, commands: 40"),
    ("plain_16x4", "tn: 16, tm: 4, multiplier: plain, requant: 4, residual: 0",
     "lanes: 8, taps: 1, multiplier: plain, requant: 2",
     "activation_kib: 64, weight_kib: 40, depthwise_kib: 4, pointwise_channels: 1024, depthwise_channels: 1024, line_words: 512, pixel_words: 256, expand_words: 0, commands: 32"),
];

/// Devices, and how many of the configurations are mapped to each: large ones are not for an iCE40.
const DEVICES: [(&str, usize); 2] = [("ecp5-85", 11), ("ice40-hx8k", 5)];
const FOLDER: &str = "synth/src/estimate";
const POINTS: &str = "points.json";
const COEFFICIENTS: &str = "coefficients.json";
const PAGE: &str = "docs/boards.md";

fn config((name, pointwise, depthwise, memory): &Row) -> Result<Config, Error> {
    // the points were made of lanes that round twice
    let text = format!(
        "pointwise: {{ {pointwise}, rounding: twice }}\ndepthwise: {{ {depthwise} }}\nmemory: {{ {memory} }}\n"
    );
    Config::from_yaml(&text, name).map_err(|violations| {
        let lines: Vec<_> = violations.iter().map(ToString::to_string).collect();
        Error::Config(lines.join("\n"))
    })
}

/// Configurations and the devices that they are mapped to.
fn designs() -> impl Iterator<Item = (&'static Row, &'static str)> {
    DEVICES
        .iter()
        .flat_map(|(device, count)| CONFIGS[..*count].iter().map(|row| (row, *device)))
}

fn name(row: &Row, device: &str) -> String {
    format!("{} on {device}", row.0)
}

fn named(device: &str) -> Result<&'static Device, Error> {
    Device::named(device).ok_or_else(|| Error::Field(device.into()))
}

/// What a point follows from today.
fn origin(config: &Config, device: &Device) -> Origin {
    Origin::new(&sepstream_hdl::design(config, device.technology()), device)
}

/// Whether a point is of this design, and of the Yosys that the project installs.
fn is_of(point: &Point, name: &str, origin: &Origin) -> bool {
    point.name == name && point.origin == *origin && tools::is_pinned(&point.tool)
}

/// Maps the designs that are others than at the last fit, and fits.
///
/// # Errors
/// When a run fails, or a file cannot be read or written.
pub fn run(project: &Project) -> Result<(), Error> {
    let folder = project.root.join(FOLDER);
    let file = folder.join(POINTS);
    let mut known = points(project.root)?;
    let mut points = Vec::new();
    for (row, device) in designs() {
        let (config, name) = (config(row)?, name(row, device));
        let origin = origin(&config, named(device)?);
        let is_current = |point: &Point| is_of(point, &name, &origin);
        let point = match known.iter().position(is_current) {
            Some(at) => known.swap_remove(at),
            None => {
                println!("{name}: Yosys maps the design to cells");
                measure(project, name, device, &config)?
            }
        };
        points.push(point);
        write(&file, &lines(points.iter().chain(&known)))?;
    }
    write(&file, &lines(&points))?;
    write(&folder.join(COEFFICIENTS), &fitted(&points)?)?;
    let (path, page) = (project.root.join(PAGE), page(project.root)?);
    write(&path, &page)
}

/// What the committed files say wrongly, in words.
///
/// # Errors
/// When a file cannot be read.
pub fn check(root: &Path) -> Result<Vec<String>, Error> {
    let path = root.join(PAGE);
    let text = fs::read_to_string(&path).map_err(|e| Error::io(&path, e))?;
    let mut faults = Vec::new();
    if text != page(root)? {
        faults.push(format!("{PAGE}: another table"));
    }
    let points = points(root)?;
    for (row, device) in designs() {
        let (name, has) = (name(row, device), named(device)?);
        let origin = origin(&config(row)?, has);
        if !points.iter().any(|point| is_of(point, &name, &origin)) {
            faults.push(format!("{name}: of another design, script or Yosys"));
        }
    }
    let file = root.join(FOLDER).join(COEFFICIENTS);
    let committed = fs::read_to_string(&file).map_err(|e| Error::io(&file, e))?;
    if committed != fitted(&points)? {
        faults.push(format!("{COEFFICIENTS}: of other points"));
    }
    Ok(faults)
}

/// The text of the coefficients.
fn fitted(points: &[Point]) -> Result<String, Error> {
    let coefficients = Coefficients::fit(points).map_err(no_estimate)?;
    let text = serde_json::to_string_pretty(&coefficients).map_err(|e| Error::json(FOLDER, e))?;
    Ok(text + "\n")
}

/// The committed points; none where there is no file.
fn points(root: &Path) -> Result<Vec<Point>, Error> {
    let file = root.join(FOLDER).join(POINTS);
    match fs::read_to_string(&file) {
        Ok(text) => serde_json::from_str(&text).map_err(|e| Error::json(&file, e)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(Error::io(&file, error)),
    }
}

/// The page with the table as it must be: the errors of the committed points, with the coefficients that are fitted to them.
fn page(root: &Path) -> Result<String, Error> {
    let points = points(root)?;
    let mut table = String::from(
        "| device | designs | LUTs, by Yosys | largest error | of a design left out of the fit | flip-flops, largest error | multipliers, block RAMs: largest error |\n\
         |---|--:|--:|--:|--:|--:|--:|\n",
    );
    for (device, _) in DEVICES {
        let of: Vec<&Point> = points.iter().filter(|p| p.device == device).collect();
        let all: Vec<Point> = of.iter().map(|point| (*point).clone()).collect();
        let whole = Coefficients::fit(&all).map_err(no_estimate)?;
        let (mut sizes, mut errors) = (Vec::new(), [0.0_f64; 4]);
        for (at, point) in of.iter().enumerate() {
            let mut others = all.clone();
            others.remove(at);
            let others = Coefficients::fit(&others).map_err(no_estimate)?;
            let (fitted, said) = point.compare(&whole).map_err(no_estimate)?;
            let (foreign, _) = point.compare(&others).map_err(no_estimate)?;
            let share = |a: u32, b: u32| (f64::from(a) / f64::from(b.max(1)) - 1.0).abs();
            let blocks = share(fitted.multipliers.max(1), said.multipliers)
                .max(share(fitted.block_rams, said.block_rams));
            sizes.push(said.sites());
            let own = [
                share(fitted.sites(), said.sites()),
                share(foreign.sites(), said.sites()),
                share(fitted.flip_flops, said.flip_flops),
                blocks,
            ];
            errors
                .iter_mut()
                .zip(own)
                .for_each(|(all, own)| *all = all.max(own));
        }
        let [luts, foreign, flip_flops, blocks] = errors.map(|e| format!("{:.1} %", e * 100.0));
        table += &format!(
            "| {device} | {} | {} to {} | {luts} | {foreign} | {flip_flops} | {blocks} |\n",
            of.len(),
            sizes.iter().min().unwrap_or(&0),
            sizes.iter().max().unwrap_or(&0),
        );
    }
    let path = root.join(PAGE);
    let text = fs::read_to_string(&path).map_err(|e| Error::io(&path, e))?;
    replace(&text, "estimate", "cargo xtask fit", &table)
        .map_err(|fault| Error::Marker(format!("{PAGE}: {fault}")))
}

/// A point each line.
fn lines<'a>(points: impl IntoIterator<Item = &'a Point>) -> String {
    let lines: Vec<String> = points
        .into_iter()
        .filter_map(|point| serde_json::to_string(point).ok())
        .collect();
    format!("[\n{}\n]\n", lines.join(",\n"))
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    fs::write(path, text).map_err(|e| Error::io(path, e))
}

fn measure(project: &Project, name: String, device: &str, config: &Config) -> Result<Point, Error> {
    let folder = project.root.join("target/fit");
    fs::create_dir_all(&folder).map_err(|e| Error::io(&folder, e))?;
    let file = folder.join("config.yaml");
    write(&file, &config.to_string())?;
    let mut command = (project.sepstream)();
    command.current_dir(project.root).arg("area").arg(&file);
    let output = finish(command.args(["--device", device, "--json"]))?;
    let area: Area = serde_json::from_str(&output).map_err(|e| Error::json(&name, e))?;
    Point::new(name, config, device.into(), &area).map_err(no_estimate)
}

fn no_estimate(error: EstimateError) -> Error {
    Error::Field(error.to_string())
}
