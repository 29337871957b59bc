// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the tests run.

use sepstream_compiler::{Compiled, compile, tflite};
use sepstream_firmware::link::{Port, Session, SessionError};
use sepstream_firmware::{Driver, Error, MapPort};
use sepstream_sim::cosim::{self, Board, BuildOptions, Optimise};
use sepstream_sim::model::{self, Machine};
use sepstream_spec::config::Config;

const CONFIG: &str = "
pointwise: { tn: 4, tm: 4 }
depthwise: { lanes: 4, taps: 3 }
memory: { activation_kib: 8, weight_kib: 8 }
";

/// The digits network on a board, and what it must give.
pub struct Digits {
    pub config: Config,
    pub image: Vec<u8>,
    /// Of a frame, by the model.
    pub cycles: u64,
    compiled: Compiled,
}

impl Digits {
    pub fn new() -> Self {
        let config = Config::from_yaml(CONFIG, "test").unwrap();
        let file = include_bytes!("../../../models/digits.tflite");
        let compiled = compile(&tflite::load(file, "digits").unwrap(), &config).unwrap();
        let cycles = model::cycles(&compiled.program, &config);
        Digits {
            image: compiled.program.to_bytes(),
            cycles: cycles.iter().map(|command| command.total).sum(),
            config,
            compiled,
        }
    }
    pub fn board(&self) -> Board {
        let options = BuildOptions {
            optimise: Optimise::Build,
            ..BuildOptions::default()
        };
        Board::build(&self.config, 4, &options, &mut |_| {}).unwrap()
    }
    /// An input and what must come out.
    pub fn frame(&self, seed: u8) -> (Vec<u8>, Vec<u8>) {
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
        let run = self.compiled.program.run(0);
        (run.inputs[0], run.outputs[0])
    }
}

/// The driver over a link.
pub type Link<P> = Driver<Session<P>>;
pub type Fault = Error<SessionError<cosim::Error>>;

/// One frame.
pub fn run<P: Port<Error = cosim::Error>>(
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
