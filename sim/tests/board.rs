// SPDX-License-Identifier: MIT OR Apache-2.0
//! The board's top through its serial pins: the driver for boards, a line that damages and loses bytes, resets at any time. What
//! comes out is right or it is an error.

mod common;

use common::tools_present;
use sepstream_compiler::{Compiled, compile, tflite};
use sepstream_firmware::link::{Decoder, MAX_FRAME, Request};
use sepstream_firmware::link::{FLAG, Frame, Kind, Port, Refusal, Reply, Session, SessionError};
use sepstream_firmware::{Driver, Error, ImageView, MapPort};
use sepstream_hdl::link::{Link as Pins, LinkOptions};
use sepstream_sim::cosim::{self, Block, Board, BuildOptions, Optimise};
use sepstream_sim::model::{self, Machine};
use sepstream_spec::config::Config;
use sepstream_spec::{regs, timing};
use std::collections::VecDeque;

const CONFIG: &str = "
pointwise: { tn: 4, tm: 4 }
depthwise: { lanes: 4, taps: 3 }
memory: { activation_kib: 8, weight_kib: 8 }
";

struct Digits {
    config: Config,
    compiled: Compiled,
    image: Vec<u8>,
    cycles: u64,
}

impl Digits {
    fn new() -> Self {
        let config = Config::from_yaml(CONFIG, "test").unwrap();
        let file = include_bytes!("../../models/digits.tflite");
        let compiled = compile(&tflite::load(file, "digits").unwrap(), &config).unwrap();
        let cycles = model::cycles(&compiled.program, &config);
        Digits {
            image: compiled.program.to_bytes(),
            cycles: cycles.iter().map(|command| command.total).sum(),
            config,
            compiled,
        }
    }
    fn board(&self) -> Board {
        let options = BuildOptions {
            optimise: Optimise::Build,
            ..BuildOptions::default()
        };
        Board::build(&self.config, 4, &options, &mut |_| {}).unwrap()
    }
    /// An input and what must come out.
    fn frame(&self, seed: u8) -> (Vec<u8>, Vec<u8>) {
        let (input, output) = self.maps();
        let element = |n: usize| (n as u8).wrapping_mul(13).wrapping_add(seed);
        let tensor: Vec<u8> = (0..input.elements()).map(element).collect();
        let mut machine = Machine::new(&self.compiled.program, &self.config).unwrap();
        machine.load(&[&tensor]).unwrap();
        (0..self.compiled.commands.len()).for_each(|command| machine.step(command));
        let wanted = machine.map(&output);
        (tensor, wanted)
    }
    fn maps(&self) -> (MapPort, MapPort) {
        let program = &self.compiled.program;
        (program.inputs[0], program.outputs[0])
    }
}

type Link<P> = Driver<Session<P>>;
type Fault = Error<SessionError<cosim::Error>>;

fn run<P: Port<Error = cosim::Error>>(
    driver: &mut Link<P>,
    digits: &Digits,
    tensor: &[u8],
) -> Result<Vec<u8>, Fault> {
    let (input, output) = digits.maps();
    driver.feed(&input, tensor)?;
    driver.start()?;
    driver.wait(100_000)?;
    let mut result = vec![0; output.elements()];
    driver.fetch(&output, &mut result)?;
    Ok(result)
}

#[test]
fn a_network_runs_through_the_serial_pins() {
    if !tools_present() {
        return;
    }
    let digits = Digits::new();
    let image = ImageView::parse(&digits.image).unwrap();
    let mut board = digits.board();
    board.restart(3).unwrap();
    let session = Session::open(&mut board, 200).unwrap();
    let mut driver = Driver::new(session);
    let other = ImageView {
        fingerprint: !image.fingerprint,
        ..image
    };
    let refused = driver.load(&other).unwrap_err();
    assert!(matches!(refused, Error::Configuration { .. }), "{refused}");
    driver.load(&image).unwrap();
    for seed in 0..3 {
        let (tensor, wanted) = digits.frame(seed);
        assert_eq!(
            run(&mut driver, &digits, &tensor).unwrap(),
            wanted,
            "{seed}"
        );
        assert_eq!(u64::from(driver.cycles().unwrap()), digits.cycles);
        let leds = driver.bus().port().leds();
        assert!(leds.done && !leds.busy && !leds.error, "{leds:?}");
    }
    driver.start().unwrap();
    let leds = driver.bus().port().leds();
    assert!(leds.busy && !leds.done, "{leds:?}");
    let statistics = driver.bus().statistics();
    assert_eq!((statistics.retries, statistics.damaged), (0, 0));
    assert_eq!(driver.bus().port().framing_errors(), 0);
}

/// A line that changes, loses or invents a byte now and then, and a hand on the reset button.
struct Line<'a> {
    board: &'a mut Board,
    noise: fastrand::Rng,
    /// One byte in so many.
    damage: u32,
    /// The cycle of the next reset.
    reset: Option<u64>,
}

impl Line<'_> {
    fn carry(&mut self, byte: u8) -> Vec<u8> {
        if self.damage == 0 || self.noise.u32(0..self.damage) > 0 {
            return vec![byte];
        }
        match self.noise.u8(0..4) {
            0 => vec![],
            1 => vec![byte ^ (1 << self.noise.u8(0..8))],
            2 => vec![self.noise.u8(..)],
            _ => vec![byte, self.noise.u8(..)],
        }
    }
}

impl Port for Line<'_> {
    type Error = cosim::Error;

    fn send(&mut self, bytes: &[u8]) -> Result<(), cosim::Error> {
        for byte in bytes {
            let carried = self.carry(*byte);
            self.board.send(&carried);
        }
        Ok(())
    }
    fn receive(&mut self) -> Result<Option<u8>, cosim::Error> {
        let byte = self.board.receive()?;
        if self.reset.is_some_and(|cycle| self.board.cycle() >= cycle) {
            self.reset = None;
            self.board.reset()?;
        }
        match byte.map(|byte| self.carry(byte)).as_deref() {
            None => Ok(None),
            // what was invented counts as the damaged byte
            Some([.., last]) => Ok(Some(*last)),
            Some([]) => self.receive(),
        }
    }
}

#[test]
fn a_bad_line_costs_time_and_nothing_else() {
    if !tools_present() {
        return;
    }
    let digits = Digits::new();
    let image = ImageView::parse(&digits.image).unwrap();
    let mut board = digits.board();
    let (mut retries, mut errors) = (0, 0);
    for seed in 0..4 {
        board.restart(seed + 1).unwrap();
        let line = Line {
            board: &mut board,
            noise: fastrand::Rng::with_seed(seed),
            damage: 700,
            reset: None,
        };
        let mut driver = Driver::new(Session::open(line, 50 * seed as u8).unwrap());
        driver.load(&image).unwrap();
        for frame in 0..2 {
            let (tensor, wanted) = digits.frame(frame);
            let result = run(&mut driver, &digits, &tensor).unwrap();
            assert_eq!(result, wanted, "seed {seed}, frame {frame}");
        }
        retries += driver.bus().statistics().retries;
        errors += u32::from(board.leds().error);
    }
    // the line was bad indeed
    assert!(retries > 20 && errors == 4, "{retries} {errors}");
}

/// A reset at any time, under a frame or in a transfer, is reported; after loading again all is well.
#[test]
fn resets_are_seen_wherever_they_come() {
    if !tools_present() {
        return;
    }
    let digits = Digits::new();
    let image = ImageView::parse(&digits.image).unwrap();
    let (tensor, wanted) = digits.frame(1);
    let mut board = digits.board();
    let mut rng = fastrand::Rng::with_seed(1);
    let mut seen = [0; 2];
    // cycles of loading and of a frame, from the first round, which nothing disturbs
    let (mut loading, mut running) = (0, 0);
    for round in 0..12u8 {
        let line = Line {
            board: &mut board,
            noise: fastrand::Rng::new(),
            damage: 0,
            reset: None,
        };
        let mut driver = Driver::new(Session::open(line, 20 * round).unwrap());
        let under_load = round % 3 == 0;
        let begin = driver.bus().port().board.cycle();
        if round > 0 && under_load {
            driver.bus().port().reset = Some(begin + rng.u64(0..loading));
        }
        let mut outcome = driver.load(&image).and_then(|()| {
            let now = driver.bus().port().board.cycle();
            if round == 0 {
                loading = now - begin;
            } else if !under_load {
                driver.bus().port().reset = Some(now + rng.u64(0..running));
            }
            run(&mut driver, &digits, &tensor)
        });
        if round == 0 {
            running = driver.bus().port().board.cycle() - begin - loading;
        }
        if let Err(error) = &outcome {
            assert!(matches!(error, Error::Bus(SessionError::Closed)), "{error}");
            seen[usize::from(!under_load)] += 1;
            driver.bus().port().reset = None;
            driver.bus().reopen().unwrap();
            outcome = driver
                .load(&image)
                .and_then(|()| run(&mut driver, &digits, &tensor));
        }
        assert_eq!(outcome.unwrap(), wanted, "round {round}");
    }
    assert_eq!(seen, [3, 8]);
}

/// Sends bytes and collects the replies.
fn replies(board: &mut Board, bytes: &[u8]) -> Vec<(u8, Kind, Vec<u8>)> {
    Port::send(board, bytes).unwrap();
    let mut buffer = [0; MAX_FRAME];
    let mut decoder = Decoder::new(&mut buffer);
    let mut found = Vec::new();
    while let Some(byte) = Port::receive(board).unwrap() {
        if let Some(frame) = decoder.push(byte) {
            let Frame {
                kind,
                sequence,
                payload,
            } = frame.unwrap();
            found.push((sequence, kind, payload.to_vec()));
        }
    }
    found
}

#[test]
fn requests_out_of_order_or_impossible_are_refused() {
    if !tools_present() {
        return;
    }
    let digits = Digits::new();
    let mut board = digits.board();
    let word = digits.config.word_bytes() as usize;
    let beats = [1, 2, 3, 4, 5];
    let load = |beats, last| Request::Load { beats, last };
    let read = |register| Request::Read { register };
    let refused = |reason, expected| (Kind::Refused, vec![reason as u8, expected]);
    let id = regs::ID.to_le_bytes().to_vec();
    let rows = [
        // closed, then open
        (read(0), 9, refused(Refusal::Closed, 0)),
        (Request::Open, 9, (Kind::Opened, vec![])),
        (read(0), 10, (Kind::Value, id.clone())),
        // again; then numbers that are neither
        (read(0), 10, (Kind::Value, id.clone())),
        (read(0), 12, refused(Refusal::Sequence, 11)),
        (read(0), 9, refused(Refusal::Sequence, 11)),
        // the kept reply is still there
        (read(0), 10, (Kind::Value, id.clone())),
        // impossible ones use up their number, and are refused again when they come again
        (read(11), 11, refused(Refusal::Request, 12)),
        (read(11), 11, refused(Refusal::Request, 12)),
        (load(&beats, false), 12, refused(Refusal::Request, 13)),
        (load(&beats[..1], false), 13, refused(Refusal::Request, 14)),
        (load(&beats[..word], false), 14, (Kind::Loaded, vec![])),
        (load(&beats, true), 15, (Kind::Loaded, vec![])),
        (load(&[], true), 16, (Kind::Loaded, vec![])),
        (
            Request::Fetch { bytes: 2 },
            17,
            refused(Refusal::Request, 18),
        ),
        (
            Request::Fetch { bytes: 256 },
            18,
            refused(Refusal::NoData, 19),
        ),
        (Request::Fetch { bytes: 0 }, 19, (Kind::Fetched, vec![])),
        (
            Request::Write {
                register: 11,
                value: 0,
            },
            20,
            refused(Refusal::Request, 21),
        ),
        (Request::Open, 255, (Kind::Opened, vec![])),
        (read(1), 0, (Kind::Value, vec![1, 0, 0, 0])),
        (read(1), 255, refused(Refusal::Sequence, 1)),
    ];
    for (n, (request, sequence, (kind, payload))) in rows.into_iter().enumerate() {
        let bytes: Vec<u8> = request.encode(sequence).unwrap().collect();
        assert_eq!(
            replies(&mut board, &bytes),
            [(sequence, kind, payload)],
            "row {n}: {request:?}"
        );
    }
    assert!(!board.leds().error);
    // what is no request is dropped, and the light goes on
    let reply: Vec<u8> = Reply::Opened.encode(1).unwrap().collect();
    assert_eq!(replies(&mut board, &reply), []);
    assert!(board.leds().error);
    board.reset().unwrap();
    assert!(!board.leds().error);
    assert_eq!(replies(&mut board, &[FLAG, FLAG, FLAG]), []);
    assert!(!board.leds().error);
    assert_eq!(replies(&mut board, &[FLAG, 0x10, FLAG]), []);
    assert!(board.leds().error);
}

/// A controller on the SPI pins.
struct Spi {
    block: Block,
    /// What has come while the host was sending.
    came: VecDeque<u8>,
}

impl Spi {
    fn build(config: &Config) -> Self {
        let options = LinkOptions { link: Pins::Spi };
        let verilog = sepstream_hdl::board(config, &options).unwrap();
        let ports = [
            cosim::Port::input("reset", 1),
            cosim::Port::input("spi_sck", 1),
            cosim::Port::input("spi_cs_n", 1),
            cosim::Port::input("spi_copi", 1),
            cosim::Port::output("spi_cipo", 1),
            cosim::Port::output("led_error", 1),
        ];
        let options = BuildOptions {
            optimise: Optimise::Build,
            ..BuildOptions::default()
        };
        let block = Block::build(&verilog, "sepstream_board", &ports, &options, &mut |_| {});
        let mut block = block.unwrap();
        block.set("spi_cs_n", 1);
        block.set("reset", 1);
        block.ticks(timing::RESET.into()).unwrap();
        block.set("reset", 0);
        block.ticks(4).unwrap();
        Spi {
            block,
            came: VecDeque::new(),
        }
    }
    /// A byte there and one back, with the quickest clock that is allowed.
    fn exchange(&mut self, byte: u8) -> Result<(), cosim::Error> {
        let mut back = 0;
        self.block.set("spi_cs_n", 0);
        for n in (0..8).rev() {
            self.block.set("spi_copi", (byte >> n & 1).into());
            self.block.ticks(4)?;
            back = back << 1 | self.block.get("spi_cipo") as u8;
            self.block.set("spi_sck", 1);
            self.block.ticks(4)?;
            self.block.set("spi_sck", 0);
        }
        self.came.push_back(back);
        Ok(())
    }
}

impl Port for Spi {
    type Error = cosim::Error;

    fn send(&mut self, bytes: &[u8]) -> Result<(), cosim::Error> {
        bytes.iter().try_for_each(|byte| self.exchange(*byte))?;
        self.block.set("spi_cs_n", 1);
        self.block.ticks(8)?;
        Ok(())
    }
    fn receive(&mut self) -> Result<Option<u8>, cosim::Error> {
        if self.came.is_empty() {
            self.exchange(FLAG)?;
        }
        Ok(self.came.pop_front())
    }
}

#[test]
fn a_network_runs_through_the_spi_pins() {
    if !tools_present() {
        return;
    }
    let digits = Digits::new();
    let image = ImageView::parse(&digits.image).unwrap();
    let mut driver = Driver::new(Session::open(Spi::build(&digits.config), 77).unwrap());
    driver.load(&image).unwrap();
    for seed in 0..2 {
        let (tensor, wanted) = digits.frame(seed);
        assert_eq!(run(&mut driver, &digits, &tensor).unwrap(), wanted);
    }
    assert_eq!(driver.bus().statistics().retries, 0);
    assert_eq!(driver.bus().port().block.get("led_error"), 0);
}
