// SPDX-License-Identifier: MIT OR Apache-2.0
//! The driver on an accelerator made of a register file and vectors. The co-simulation runs it on the real one.

use sepstream_firmware::{Bus, Driver, Error, ImageView, MapPort, Status};
use sepstream_spec::program::Program;
use sepstream_spec::regs::{self, Memory, Reg};
use std::collections::BTreeMap;

const WORD: usize = 8;
const FINGERPRINT: u32 = 0x1234_5678;

/// An accelerator whose network copies the input map to the output map.
struct Fake {
    registers: BTreeMap<u32, u32>,
    memories: BTreeMap<u32, Vec<u8>>,
    /// Where the next beat goes; set by the registers, moved on by every beat.
    load: (u32, usize),
    send: std::ops::Range<usize>,
    /// A beat has ended the transfer since the last write of the address.
    ended: bool,
    /// Polls of the status register until a started frame is done.
    duration: u32,
    broken: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Broken;

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str("no answer")
    }
}

impl Fake {
    fn new() -> Self {
        let registers = [
            (Reg::Id, regs::ID),
            (Reg::Version, regs::VERSION),
            (Reg::Fingerprint, FINGERPRINT),
            (Reg::Cycles, 4711),
        ];
        Fake {
            registers: registers.map(|(r, v)| (r as u32, v)).into(),
            memories: BTreeMap::new(),
            load: (0, 0),
            send: 0..0,
            ended: true,
            duration: 3,
            broken: false,
        }
    }
    fn set(mut self, register: Reg, value: u32) -> Self {
        self.registers.insert(register as u32, value);
        self
    }
    fn finish(&mut self) {
        let ports = [input(), output()];
        let memory = self.memories.entry(0).or_default();
        memory.resize(4096, 0);
        let [from, to] = ports.map(|p| p.base as usize * WORD);
        memory.copy_within(from..from + ports[0].bytes(WORD as u32), to);
    }
}

impl Bus for Fake {
    type Error = Broken;

    fn write_register(&mut self, register: Reg, value: u32) -> Result<(), Broken> {
        match register {
            Reg::Control => drop(self.registers.insert(Reg::Status as u32, regs::STATUS_BUSY)),
            Reg::LoadTarget => self.load.0 = value,
            Reg::LoadAddress => {
                assert!(self.ended, "the transfer before is not ended");
                self.load.1 = value as usize * WORD;
                self.ended = false;
            }
            Reg::SendAddress => self.send.start = value as usize * WORD,
            Reg::SendWords => self.send.end = self.send.start + value as usize * WORD,
            read_only => panic!("{read_only:?} is read-only"),
        }
        Ok(())
    }
    fn read_register(&mut self, register: Reg) -> Result<u32, Broken> {
        if self.broken {
            return Err(Broken);
        }
        let value = self.registers.get(&(register as u32)).copied().unwrap_or(0);
        if register == Reg::Status && value & regs::STATUS_BUSY != 0 {
            self.duration -= 1;
            if self.duration == 0 {
                self.finish();
                self.registers.insert(Reg::Status as u32, regs::STATUS_DONE);
            }
        }
        Ok(value)
    }
    fn send(&mut self, beats: &[u8], last: bool) -> Result<(), Broken> {
        assert!(!self.ended && !beats.is_empty());
        assert!(last || beats.len().is_multiple_of(WORD));
        let (memory, at) = self.load;
        let memory = self.memories.entry(memory).or_default();
        memory.resize(memory.len().max(at + beats.len()), 0xaa);
        memory[at..at + beats.len()].copy_from_slice(beats);
        self.load.1 += beats.len();
        self.ended = last;
        Ok(())
    }
    fn receive(&mut self, words: &mut [u8]) -> Result<(), Broken> {
        let start = self.send.start;
        self.send.start += words.len();
        assert!(self.send.start <= self.send.end && words.len().is_multiple_of(WORD));
        words.copy_from_slice(&self.memories[&0][start..self.send.start]);
        Ok(())
    }
}

fn input() -> MapPort {
    MapPort {
        base: 3,
        rows: 7,
        cols: 5,
        channels: 11,
        row_words: 11,
        pixel_bytes: 16,
        lanes: 3,
        pitch: 4,
        command: 0,
    }
}

fn output() -> MapPort {
    MapPort {
        base: 200,
        ..input()
    }
}

fn program() -> Program {
    Program {
        fingerprint: FINGERPRINT,
        word_bytes: WORD as u32,
        overlap: false,
        inputs: vec![input()],
        outputs: vec![output()],
        contents: [
            vec![1; 256],
            vec![2; 600],
            vec![],
            vec![3; 24],
            vec![4; 9],
            vec![],
            vec![],
        ],
    }
}

fn tensor() -> Vec<u8> {
    (0..input().elements()).map(|n| (n * 37) as u8).collect()
}

#[test]
fn a_frame_from_an_image_in_bytes() {
    let bytes = program().to_bytes();
    let image = ImageView::parse(&bytes).unwrap();
    let mut driver = Driver::new(Fake::new());
    assert_eq!(driver.identify(), Ok(FINGERPRINT));
    driver.load(&image).unwrap();
    for (memory, content) in image.memories() {
        let loaded = driver.bus().memories.get(&(memory as u32));
        assert_eq!(loaded.map_or(&[][..], Vec::as_slice), content);
    }
    let map = image.inputs.get(0).unwrap();
    driver.feed(&map, &tensor()).unwrap();
    let packed = map.pack(&tensor(), WORD as u32).unwrap();
    let memory = &driver.bus().memories[&(Memory::Activation as u32)];
    assert_eq!(memory[map.base as usize * WORD..], packed);
    driver.start().unwrap();
    let running = Status {
        busy: true,
        done: false,
        sending: false,
    };
    assert_eq!(driver.status(), Ok(running));
    assert_eq!(driver.load(&image), Err(Error::Busy));
    driver.wait(2).unwrap();
    assert_eq!(driver.cycles(), Ok(4711));
    let mut result = vec![0; output().elements()];
    driver
        .fetch(&image.outputs.get(0).unwrap(), &mut result)
        .unwrap();
    assert_eq!(result, tensor());
    assert_eq!(driver.bus().send.len(), 0);
}

/// Three chunks, there and back.
#[test]
fn dense_maps_go_as_they_are() {
    let dense = MapPort {
        cols: 10,
        channels: 8,
        row_words: 10,
        pixel_bytes: 8,
        lanes: 8,
        pitch: 8,
        ..input()
    };
    let tensor: Vec<u8> = (0..dense.elements()).map(|n| (n * 37) as u8).collect();
    let mut driver = Driver::new(Fake::new());
    driver.load(&program().view()).unwrap();
    driver.feed(&dense, &tensor).unwrap();
    assert!(driver.bus().ended);
    let memory = &driver.bus().memories[&(Memory::Activation as u32)];
    assert_eq!(memory[dense.base as usize * WORD..], tensor);
    let mut result = vec![0; tensor.len()];
    driver.fetch(&dense, &mut result).unwrap();
    assert_eq!(result, tensor);
}

#[test]
fn what_goes_wrong_is_named() {
    let program = program();
    let load = |fake| Driver::new(fake).load(&program.view()).unwrap_err();
    let broken = Fake {
        broken: true,
        ..Fake::new()
    };
    let mut driver = Driver::new(Fake::new());
    let mut errors = vec![
        load(broken),
        load(Fake::new().set(Reg::Id, 0xffff_ffff)),
        load(Fake::new().set(Reg::Version, 9)),
        load(Fake::new().set(Reg::Fingerprint, 0xbad)),
        load(Fake::new().set(Reg::Status, regs::STATUS_BUSY)),
        driver.start().unwrap_err(),
    ];
    let mut empty = vec![0; output().elements()];
    assert_eq!(driver.feed(&input(), &tensor()), Err(Error::NoProgram));
    assert_eq!(driver.fetch(&output(), &mut empty), Err(Error::NoProgram));
    driver.load(&program.view()).unwrap();
    let short = driver.fetch(&output(), &mut empty[1..]).unwrap_err();
    assert_eq!(driver.feed(&input(), &tensor()[1..]), Err(short));
    errors.extend([short, driver.wait(5).unwrap_err()]);
    driver.start().unwrap();
    errors.push(driver.wait(3).unwrap_err());
    driver.wait(1).unwrap();
    let text: String = errors.iter().map(|error| format!("{error}\n")).collect();
    insta::assert_snapshot!(text);
}
