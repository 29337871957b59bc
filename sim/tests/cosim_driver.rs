// SPDX-License-Identifier: MIT OR Apache-2.0
//! The driver for boards on the Verilated accelerator, by registers and streams alone: no interrupt, no view inside.

use sepstream_compiler::{compile, tflite};
use sepstream_firmware::{Driver, Error, ImageView};
use sepstream_sim::cosim::{BuildOptions, Optimise, Rtl, RtlBus};
use sepstream_sim::model::{self, Machine};
use sepstream_spec::config::Config;
use sepstream_spec::regs::Reg;
use sepstream_testkit::{seeds, tools_present};

const CONFIG: &str = "
pointwise: { tn: 3, tm: 5 }
depthwise: { lanes: 2, taps: 3 }
memory: { activation_kib: 16, weight_kib: 32 }
";

#[test]
fn an_image_runs_as_on_a_board() {
    if !tools_present() {
        return;
    }
    let config = Config::from_yaml(CONFIG, "test").unwrap();
    let file = include_bytes!("../../models/digits.tflite");
    let compiled = compile(&tflite::load(file, "digits").unwrap(), &config).unwrap();
    let mut machine = Machine::new(&compiled.program, &config).unwrap();
    let cycles: u64 = model::cycles(&compiled.program, &config)
        .iter()
        .map(|command| command.total)
        .sum();
    let bytes = compiled.program.to_bytes();
    let image = ImageView::parse(&bytes).unwrap();
    let run = image.runs().next().unwrap();
    let (input, output) = (run.inputs.get(0).unwrap(), run.outputs.get(0).unwrap());

    let verilog = sepstream_hdl::generate(&config);
    let options = BuildOptions {
        optimise: Optimise::Build,
        ..BuildOptions::default()
    };
    let mut rtl = Rtl::build(&verilog, config.word_bytes(), &options, &mut |_| {}).unwrap();
    rtl.stalls(7, 40);
    let mut driver = Driver::new(RtlBus::new(&mut rtl, image.word_bytes));
    assert_eq!(driver.identify().unwrap(), config.fingerprint());
    assert!(matches!(driver.wait(1), Err(Error::Idle)));
    assert!(matches!(driver.start(), Err(Error::NoProgram)));
    let mut other = image;
    other.fingerprint = !image.fingerprint;
    assert!(matches!(
        driver.load(&other),
        Err(Error::Configuration { .. })
    ));
    driver.load(&image).unwrap();

    for frame in 0..3u8 {
        let element = |n: usize| (n as u8).wrapping_mul(13).wrapping_add(frame);
        let tensor: Vec<u8> = (0..input.elements()).map(element).collect();
        machine.load(&[&tensor]).unwrap();
        (0..compiled.commands.len()).for_each(|command| machine.step(command));

        driver.feed(&input, &tensor).unwrap();
        driver.start().unwrap();
        // the frame is running from the first poll on
        assert!(matches!(driver.wait(2), Err(Error::Timeout { polls: 2 })));
        assert!(matches!(driver.load(&image), Err(Error::Busy)));
        driver.wait(1_000_000).unwrap();
        assert_eq!(u64::from(driver.cycles().unwrap()), cycles);
        assert_eq!(driver.command().unwrap() as usize, compiled.commands.len());
        let mut result = vec![0; output.elements()];
        driver.fetch(&output, &mut result).unwrap();
        assert_eq!(result, machine.map(&output), "frame {frame}");
        assert!(!driver.status().unwrap().sending);
    }
}

/// A reset in the middle of anything: nothing runs behind it, nothing is sent, and after loading again bytes and cycles are those
/// of a first run.
#[test]
fn a_reset_under_a_frame_leaves_nothing_behind() {
    if !tools_present() {
        return;
    }
    let config = Config::from_yaml(CONFIG, "test").unwrap();
    let file = include_bytes!("../../models/digits.tflite");
    let compiled = compile(&tflite::load(file, "digits").unwrap(), &config).unwrap();
    let bytes = compiled.program.to_bytes();
    let image = ImageView::parse(&bytes).unwrap();
    let run = image.runs().next().unwrap();
    let (input, output) = (run.inputs.get(0).unwrap(), run.outputs.get(0).unwrap());
    let tensor: Vec<u8> = (0..input.elements()).map(|n| n as u8 ^ 0x5c).collect();
    let mut machine = Machine::new(&compiled.program, &config).unwrap();
    machine.load(&[&tensor]).unwrap();
    (0..compiled.commands.len()).for_each(|command| machine.step(command));
    let wanted = machine.map(&output);
    let commands = model::cycles(&compiled.program, &config);
    let cycles: u64 = commands.iter().map(|command| command.total).sum();

    let options = BuildOptions {
        optimise: Optimise::Build,
        ..BuildOptions::default()
    };
    let verilog = sepstream_hdl::generate(&config);
    let mut rtl = Rtl::build(&verilog, config.word_bytes(), &options, &mut |_| {}).unwrap();
    let seeds = seeds!(0, 1);
    let seed = seeds.iter().next().unwrap();
    println!("{}", seeds.repeat(seed)); // shown when it fails
    let mut rng = fastrand::Rng::with_seed(seed);
    for round in 0..40 {
        if round % 4 == 0 {
            rtl.restart(round + 1).unwrap();
        }
        let mut driver = Driver::new(RtlBus::new(&mut rtl, image.word_bytes));
        driver.load(&image).unwrap();
        driver.feed(&input, &tensor).unwrap();
        driver.start().unwrap();
        // under the frame, at every stage of every command, and in the last rounds under what is sent behind it
        let until = match round {
            0..30 => rng.u64(0..cycles),
            _ => cycles + 100,
        };
        driver.bus().rtl().idle(until).unwrap();
        if round >= 30 {
            let rtl = driver.bus().rtl();
            rtl.write_reg(Reg::SendWords as u32, 50).unwrap();
            rtl.expect_output(rng.usize(0..100));
            rtl.idle(rng.u64(0..60)).unwrap();
        }
        rtl.reset().unwrap();
        let mut driver = Driver::new(RtlBus::new(&mut rtl, image.word_bytes));
        let status = driver.status().unwrap();
        assert!(
            !status.busy && !status.done && !status.sending,
            "{status:?}"
        );
        assert!(matches!(driver.wait(1), Err(Error::Idle)));
        driver.bus().rtl().idle(200).unwrap();
        driver.load(&image).unwrap();
        driver.feed(&input, &tensor).unwrap();
        driver.start().unwrap();
        driver.wait(1_000_000).unwrap();
        let mut result = vec![0; output.elements()];
        driver.fetch(&output, &mut result).unwrap();
        assert_eq!(result, wanted, "round {round}");
        assert_eq!(u64::from(driver.cycles().unwrap()), cycles, "round {round}");
    }
}
