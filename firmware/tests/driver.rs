// SPDX-License-Identifier: MIT OR Apache-2.0
//! The driver on an accelerator made of a register file and vectors. The co-simulation runs it on the real one.

use sepstream_firmware::{Bus, Driver, Error, FrameError, ImageView, MapPort, Status, Tensors};
use sepstream_spec::program::{HostTensor, Program, Run, Segment, Work};
use sepstream_spec::regs::{self, Memory, Reg};
use std::collections::BTreeMap;

const WORD: usize = 8;
const FINGERPRINT: u32 = 0x1234_5678;

/// An accelerator that copies the input map to the output map, each byte flipped as the first byte of the program says.
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
    /// Those that are left.
    left: u32,
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
            left: 3,
            broken: false,
        }
    }
    fn set(mut self, register: Reg, value: u32) -> Self {
        self.registers.insert(register as u32, value);
        self
    }
    fn finish(&mut self) {
        let ports = [input(), output()];
        let flip = self.memories[&(Memory::Program as u32)][0];
        let memory = self.memories.entry(0).or_default();
        memory.resize(4096, 0);
        let [from, to] = ports.map(|p| p.base as usize * WORD);
        memory.copy_within(from..from + ports[0].bytes(WORD as u32), to);
        let mut out = output().unpack(&memory[to..], WORD as u32).unwrap();
        out.iter_mut().for_each(|byte| *byte ^= flip);
        let words = output().pack(&out, WORD as u32).unwrap();
        memory[to..to + words.len()].copy_from_slice(&words);
    }
}

impl Bus for Fake {
    type Error = Broken;

    fn write_register(&mut self, register: Reg, value: u32) -> Result<(), Broken> {
        match register {
            Reg::Control => {
                self.registers.insert(Reg::Status as u32, regs::STATUS_BUSY);
                self.left = self.duration;
            }
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
            self.left -= 1;
            if self.left == 0 {
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

/// A run from one tensor to another.
fn run(read: u32, write: u32, command_bytes: u32) -> Segment {
    Segment {
        reads: vec![read],
        writes: vec![write],
        work: Work::Accelerator(Run {
            inputs: vec![input()],
            outputs: vec![output()],
            command_bytes,
        }),
    }
}

fn host_tensor(index: u32, offset: u32) -> HostTensor {
    let bytes = input().elements() as u32;
    HostTensor {
        index,
        offset,
        bytes,
    }
}

fn program() -> Program {
    Program {
        fingerprint: FINGERPRINT,
        word_bytes: WORD as u32,
        overlap: false,
        tensors: vec![host_tensor(0, 0), host_tensor(5, 400)],
        inputs: vec![0],
        outputs: vec![1],
        segments: vec![run(0, 1, 256)],
        contents: [
            vec![0; 256],
            vec![2; 600],
            vec![],
            vec![3; 24],
            vec![4; 9],
            vec![],
            vec![],
        ],
    }
}

/// Two runs, and two layers of the host between them.
fn segments() -> Program {
    let host = Segment {
        reads: vec![1],
        writes: vec![2],
        work: Work::Host(vec![7, 8]),
    };
    let mut one_run = program();
    one_run.contents[0] = vec![0x11; 256];
    one_run.contents[0].extend([0x42; 128]);
    Program {
        tensors: vec![host_tensor(0, 0), host_tensor(5, 400), host_tensor(8, 800)],
        segments: vec![run(0, 1, 256), host, run(2, 1, 128)],
        ..one_run
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
    let run = image.runs().next().unwrap();
    let map = run.inputs.get(0).unwrap();
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
        .fetch(&run.outputs.get(0).unwrap(), &mut result)
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
    let bytes = program().to_bytes();
    driver.load(&ImageView::parse(&bytes).unwrap()).unwrap();
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
    let bytes = program().to_bytes();
    let image = ImageView::parse(&bytes).unwrap();
    let load = |fake| Driver::new(fake).load(&image).unwrap_err();
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
    driver.load(&image).unwrap();
    let short = driver.fetch(&output(), &mut empty[1..]).unwrap_err();
    assert_eq!(driver.feed(&input(), &tensor()[1..]), Err(short));
    errors.extend([short, driver.wait(5).unwrap_err()]);
    driver.start().unwrap();
    errors.push(driver.wait(3).unwrap_err());
    driver.wait(1).unwrap();
    let text: String = errors.iter().map(|error| format!("{error}\n")).collect();
    insta::assert_snapshot!(text);
}

/// The host keeps what goes from run to run, and each run has its own commands.
#[test]
fn segments_run_one_behind_the_other() {
    let bytes = segments().to_bytes();
    let image = ImageView::parse(&bytes).unwrap();
    let mut arena = vec![0; image.arena_bytes()];
    assert!(Tensors::new(image, &mut arena[1..]).is_none());
    let mut tensors = Tensors::new(image, &mut arena).unwrap();
    let mut driver = Driver::new(Fake::new());
    driver.load(&image).unwrap();
    for frame in 0..2 {
        let picture: Vec<u8> = tensor().iter().map(|byte| byte ^ frame).collect();
        tensors.get(0).unwrap().copy_from_slice(&picture);
        let mut calls = 0;
        let cycles = driver.frame(&mut tensors, 5, |segment, layers, tensors| {
            calls += 1;
            assert!(layers.iter().eq([7, 8]));
            let numbers = segment.reads.iter().chain(segment.writes.iter());
            let numbers: Vec<u32> = numbers.collect();
            let [from, to] = tensors.disjoint([numbers[0], numbers[1]]).unwrap();
            to.copy_from_slice(from);
            to.reverse();
            Ok::<_, Broken>(())
        });
        assert_eq!((cycles, calls), (Ok(2 * 4711), 1));
        let mut wanted: Vec<u8> = picture.iter().map(|byte| byte ^ 0x11 ^ 0x42).collect();
        wanted.reverse();
        assert_eq!(tensors.get(1).unwrap(), wanted);
    }
    let failed = driver.frame(&mut tensors, 5, |_, _, _| Err(Broken));
    assert_eq!(failed, Err(FrameError::Host(Broken)));
    let late = driver.frame(&mut tensors, 1, |_, _, _| Ok::<_, Broken>(()));
    assert_eq!(
        late,
        Err(FrameError::Accelerator(Error::Timeout { polls: 1 }))
    );
    assert!(tensors.get(3).is_none());
    assert!(tensors.disjoint([1, 1]).is_none());
}
