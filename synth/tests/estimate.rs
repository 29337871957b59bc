// SPDX-License-Identifier: MIT OR Apache-2.0
//! The estimate before synthesis against what Yosys made of the same designs.

use sepstream_spec::config::Config;
use sepstream_synth::estimate::{BLOCK_ERROR, Coefficients, LUT_ERROR, Point};
use sepstream_synth::flow::{self, Request};
use sepstream_synth::{Area, Board, Error};

fn points() -> Vec<Point> {
    serde_json::from_str(include_str!("../src/estimate/points.json")).unwrap()
}

fn is_near(estimate: u32, said: u32, share: f64) -> bool {
    (f64::from(estimate) - f64::from(said)).abs() <= share * f64::from(said)
}

#[test]
fn estimates_are_near_what_yosys_says() {
    let coefficients = Coefficients::embedded().unwrap();
    let points = points();
    for device in ["ecp5-85", "ice40-hx8k"] {
        assert!(points.iter().any(|point| point.device == device));
    }
    for point in &points {
        let (estimate, said) = point.compare(&coefficients).unwrap();
        let told = format!("{}: {estimate:?}, {said:?}", point.name);
        assert!(is_near(estimate.sites(), said.sites(), LUT_ERROR), "{told}");
        assert!(is_near(estimate.flip_flops, said.flip_flops, 0.1), "{told}");
        assert!(
            is_near(estimate.multipliers, said.multipliers, BLOCK_ERROR),
            "{told}"
        );
        assert!(
            is_near(estimate.block_rams, said.block_rams, BLOCK_ERROR),
            "{told}"
        );
    }
}

/// A design is estimated as well from the others alone.
#[test]
fn designs_that_were_not_fitted_are_estimated_as_well() {
    let points = points();
    for left_out in 0..points.len() {
        let mut others = points.clone();
        let point = others.remove(left_out);
        let coefficients = Coefficients::fit(&others).unwrap();
        let (estimate, said) = point.compare(&coefficients).unwrap();
        println!(
            "{}: {} LUTs, estimated {}",
            point.name,
            said.sites(),
            estimate.sites()
        );
        assert!(
            is_near(estimate.sites(), said.sites(), LUT_ERROR),
            "{}: {estimate:?}, {said:?}",
            point.name
        );
    }
}

/// The large configurations, none of which was fitted.
#[test]
fn the_published_budgets_are_estimated_as_well() {
    let coefficients = Coefficients::embedded().unwrap();
    for (config, area) in [
        (
            include_str!("../../configs/vww_16x8.yaml"),
            include_str!("../../docs/results/area_vww_16x8.json"),
        ),
        (
            include_str!("../../configs/vww_16x16.yaml"),
            include_str!("../../docs/results/area_vww_16x16.json"),
        ),
    ] {
        let config = Config::from_yaml(config, "config.yaml").unwrap();
        let area: Area = serde_json::from_str(area).unwrap();
        let point = Point::new("budget".into(), &config, "ecp5-85".into(), &area).unwrap();
        let (estimate, said) = point.compare(&coefficients).unwrap();
        println!("{said:?}, estimated {estimate:?}");
        assert!(is_near(estimate.sites(), said.sites(), LUT_ERROR));
        assert!(is_near(estimate.multipliers, said.multipliers, BLOCK_ERROR));
        assert!(is_near(estimate.block_rams, said.block_rams, BLOCK_ERROR));
    }
}

#[test]
fn what_cannot_fit_is_refused_before_any_tool() {
    let board = Board::find("ulx3s-12f").unwrap();
    let config = include_str!("../../configs/vww_16x16.yaml");
    let config = Config::from_yaml(config, "vww_16x16.yaml").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let request = Request::new(&board, &config, folder.path());
    let error = flow::run(&request, &mut |step| panic!("{step:?}")).unwrap_err();
    assert!(matches!(error, Error::SurelyTooBig { .. }) && error.is_input());
    let text = error.to_string();
    assert!(text.contains("156 MULT18X18D of 28"), "{text}");
}
