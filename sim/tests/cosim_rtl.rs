// SPDX-License-Identifier: MIT OR Apache-2.0
//! The co-simulation of a whole accelerator, tried on a small design with the same ports: it sends packets back with each byte
//! XORed, ends a "layer" at each `last`, and misbehaves on demand.

use sepstream_sim::cosim::{BuildOptions, Error, Limit, Optimise, Rtl, TraceFormat};
use sepstream_testkit::tools_present;

const XOR: u32 = 0;
const FAULT: u32 = 1;
const FRAME: u32 = 2;
const CLEAR: u32 = 3;
const SCRATCH: u32 = 4;

/// Values of the `FAULT` register.
#[derive(Clone, Copy)]
enum Fault {
    None,
    NeverReady,
    DropValid,
    ChangeData,
    Stop,
    NoLast,
    NoAcknowledge,
    StrayAcknowledge,
}

/// The design for streams of `bytes` bytes.
fn echo(bytes: u32) -> String {
    include_str!("cosim_echo.v").replace("TDATA_WIDTH", &(bytes * 8).to_string())
}

fn build(bytes: u32) -> Rtl {
    let options = BuildOptions {
        optimise: Optimise::Build,
        ..BuildOptions::default()
    };
    Rtl::build(&echo(bytes), bytes, &options, &mut |_| {}).expect("the echo design builds")
}

fn pattern(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut byte = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..length).map(|_| byte()).collect()
}

fn xored(bytes: &[u8], mask: u8) -> Vec<u8> {
    bytes.iter().map(|byte| byte ^ mask).collect()
}

#[test]
fn registers_keep_what_is_written() {
    if !tools_present() {
        return;
    }
    let mut rtl = build(4);
    let first = rtl.write_reg(SCRATCH, 0xdead_beef).unwrap();
    let second = rtl.write_reg(XOR, 7).unwrap();
    assert!(second > first);
    assert_eq!(rtl.read_reg(SCRATCH).unwrap(), 0xdead_beef);
    assert_eq!(rtl.read_reg(XOR).unwrap(), 7);
    rtl.reset().unwrap();
    assert_eq!(rtl.read_reg(SCRATCH).unwrap(), 0);
}

#[test]
fn every_word_width_carries_packets_of_odd_length() {
    if !tools_present() {
        return;
    }
    for bytes in [4, 8, 16, 32, 64] {
        let mut rtl = build(bytes);
        rtl.write_reg(XOR, 0xa5).unwrap();
        for length in [
            1,
            bytes as usize - 1,
            bytes as usize,
            bytes as usize + 1,
            1000,
        ] {
            let input = pattern(length, u64::from(bytes));
            rtl.queue_input(&input);
            let packet = rtl.recv(length).unwrap();
            assert_eq!(
                packet.bytes,
                xored(&input, 0xa5),
                "{bytes} bytes a word, packet of {length}"
            );
            let beats = length.div_ceil(bytes as usize) as u64;
            assert_eq!(
                packet.span.last - packet.span.first + 1,
                beats,
                "one beat a cycle"
            );
        }
    }
}

#[test]
fn random_stalls_change_time_and_not_data() {
    if !tools_present() {
        return;
    }
    let mut rtl = build(8);
    let input = pattern(4000, 1);
    let mut spans = Vec::new();
    for (seed, percent) in [(1, 30), (1, 30), (2, 30), (3, 95)] {
        rtl.restart(0).unwrap();
        rtl.stalls(seed, percent);
        rtl.queue_input(&input);
        let packet = rtl.recv(input.len()).unwrap();
        assert_eq!(packet.bytes, input, "seed {seed}, {percent} %");
        assert!(packet.span.last - packet.span.first > 500);
        spans.push(packet.span);
    }
    assert_eq!(spans[0], spans[1], "the same seed gives the same run");
    assert_ne!(spans[0], spans[2]);
}

#[test]
fn layers_and_interrupt_are_timed_while_streams_go_on() {
    if !tools_present() {
        return;
    }
    let mut rtl = build(16);
    rtl.write_reg(FRAME, 3).unwrap();
    let packets: Vec<_> = [160, 16, 480]
        .iter()
        .map(|&length| pattern(length, 9))
        .collect();
    for packet in &packets {
        rtl.queue_input(packet);
    }
    rtl.expect_output(160 + 16 + 480);
    let events = rtl.run_until_irq(10_000).unwrap();
    assert_eq!(
        events.iter().map(|event| event.index).collect::<Vec<_>>(),
        [0, 1, 2]
    );
    // The design raises layer_done in the cycle after it took `last`.
    assert_eq!(events[1].cycle - events[0].cycle, 1);
    assert_eq!(events[2].cycle - events[1].cycle, 30);
    assert_eq!(rtl.irq_cycle(), events[2].cycle);
    for packet in &packets {
        assert_eq!(rtl.recv(packet.len()).unwrap().bytes, *packet);
    }
    let input = rtl.finish_input().unwrap();
    assert_eq!(input.last - input.first, 10 + 1 + 30 - 1);
    assert_eq!(input.last + 1, events[2].cycle);

    // The interrupt is a level: cleared, it comes again only with the next frame.
    rtl.write_reg(CLEAR, 1).unwrap();
    let error = rtl.run_until_irq(100).unwrap_err();
    assert!(
        matches!(
            error,
            Error::Timeout {
                limit: Limit::Interrupt,
                cycles: 100,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_design_that_hangs_is_an_error() {
    if !tools_present() {
        return;
    }
    let mut rtl = build(4);
    rtl.limit(2000);
    let error = rtl.recv(4).unwrap_err();
    assert!(
        matches!(
            error,
            Error::Timeout {
                limit: Limit::Output,
                cycles: 2000,
                ..
            }
        ),
        "{error}"
    );
    rtl.write_reg(FAULT, Fault::NeverReady as u32).unwrap();
    let error = rtl.send(&[1, 2, 3, 4]).unwrap_err();
    assert!(
        matches!(
            error,
            Error::Timeout {
                limit: Limit::Input,
                ..
            }
        ),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .starts_with("waited 2000 cycles for the design to take its input stream"),
        "{error}"
    );
    rtl.reset().unwrap();
    rtl.write_reg(FAULT, Fault::NoAcknowledge as u32).unwrap();
    let error = rtl.read_reg(SCRATCH).unwrap_err();
    assert!(
        matches!(
            error,
            Error::Timeout {
                limit: Limit::Acknowledge,
                ..
            }
        ),
        "{error}"
    );
    rtl.reset().unwrap();
    assert_eq!(rtl.read_reg(SCRATCH).unwrap(), 0);
}

#[test]
fn broken_stream_rules_are_errors() {
    if !tools_present() {
        return;
    }
    let mut rtl = build(4);
    let mut provoke = |fault: Fault| {
        rtl.restart(0).unwrap();
        rtl.write_reg(FAULT, fault as u32).unwrap();
        // Nobody takes the output yet.
        rtl.send(&pattern(4, 5)).unwrap();
        rtl.idle(10)
            .and_then(|()| rtl.recv(4).map(drop))
            .map_err(|error| error.to_string())
    };
    let rules = [
        (
            Fault::DropValid,
            "m_axis_tvalid fell before the beat was taken",
        ),
        (
            Fault::ChangeData,
            "m_axis_tdata changed before the beat was taken",
        ),
        (
            Fault::NoLast,
            "m_axis_tlast is wrong on beat 0 of a packet of 1 beats",
        ),
    ];
    for (fault, rule) in rules {
        let error = provoke(fault).unwrap_err();
        assert!(error.ends_with(rule), "{error}");
    }
    assert_eq!(provoke(Fault::None), Ok(()));
    rtl.write_reg(FAULT, Fault::StrayAcknowledge as u32)
        .unwrap();
    let error = rtl.idle(2).unwrap_err().to_string();
    assert!(
        error.ends_with("s_wb_ack without s_wb_cyc and s_wb_stb"),
        "{error}"
    );
}

#[test]
fn a_packet_that_goes_on_is_not_the_packet_asked_for() {
    if !tools_present() {
        return;
    }
    let mut rtl = build(4);
    rtl.queue_input(&pattern(40, 1));
    let error = rtl.recv(20).unwrap_err();
    assert!(
        matches!(error, Error::PacketEnd { beat: 4, beats: 5 }),
        "{error}"
    );
}

#[test]
fn stop_in_the_design_is_an_error_until_restart() {
    if !tools_present() {
        return;
    }
    let mut rtl = build(4);
    let error = rtl
        .write_reg(FAULT, Fault::Stop as u32)
        .and_then(|_| rtl.idle(3))
        .unwrap_err();
    assert!(
        matches!(&error, Error::Stopped { message, .. } if message.starts_with("$stop at")),
        "{error}"
    );
    assert!(matches!(rtl.idle(1), Err(Error::Stopped { .. })));
    rtl.restart(0).unwrap();
    assert_eq!(rtl.read_reg(SCRATCH).unwrap(), 0);
}

#[test]
fn two_designs_run_at_once_in_threads() {
    if !tools_present() {
        return;
    }
    let (mut narrow, mut wide, mut twin) = (build(4), build(64), build(4));
    narrow.write_reg(XOR, 0x11).unwrap();
    twin.write_reg(XOR, 0x22).unwrap();
    std::thread::scope(|scope| {
        for (rtl, mask) in [(&mut narrow, 0x11), (&mut wide, 0), (&mut twin, 0x22)] {
            scope.spawn(move || {
                for round in 0..50 {
                    let input = pattern(640, round);
                    rtl.queue_input(&input);
                    assert_eq!(rtl.recv(640).unwrap().bytes, xored(&input, mask));
                }
            });
        }
    });
}

#[test]
fn random_power_up_shows_what_reset_leaves_alone() {
    if !tools_present() {
        return;
    }
    const NOT_RESET: u32 = 5;
    let mut rtl = build(4);
    let mut value = |seed| {
        rtl.restart(seed).unwrap();
        assert_eq!(rtl.read_reg(SCRATCH).unwrap(), 0);
        rtl.read_reg(NOT_RESET).unwrap()
    };
    assert_eq!(value(0), 0);
    assert_ne!(value(1), value(2));
    assert_eq!(value(1), value(1));
}

#[test]
fn waveforms_are_written() {
    if !tools_present() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for (name, format) in [("x.vcd", TraceFormat::Vcd), ("x.fst", TraceFormat::Fst)] {
        let path = folder.path().join(name);
        assert_eq!(TraceFormat::of(&path), format);
        let options = BuildOptions {
            trace: Some(format),
            optimise: Optimise::Build,
        };
        let mut rtl = match Rtl::build(&echo(4), 4, &options, &mut |_| {}) {
            Ok(rtl) => rtl,
            Err(Error::Fst { header, .. }) => {
                println!("SKIPPED: FST, no {header}");
                continue;
            }
            Err(error) => panic!("{error}"),
        };
        rtl.open_trace(&path).unwrap();
        rtl.write_reg(SCRATCH, 1).unwrap();
        rtl.idle(100).unwrap();
        rtl.close_trace();
        let bytes = std::fs::read(&path).unwrap();
        assert!(bytes.len() > 200, "{} bytes", bytes.len());
        if format == TraceFormat::Vcd {
            let text = String::from_utf8(bytes).unwrap();
            assert!(text.contains(" s_wb_dat_w [31:0] $end"), "{text}");
            assert!(
                text.contains("\n#1000\n") || text.contains("\n#1010\n"),
                "a period is 10 ns"
            );
        }
        let error = rtl
            .open_trace(&folder.path().join("no/such/folder/x.vcd"))
            .unwrap_err();
        assert!(matches!(error, Error::Trace { .. }), "{error}");
    }
    let error = build(4)
        .open_trace(&folder.path().join("y.vcd"))
        .unwrap_err();
    assert!(matches!(error, Error::Trace { .. }), "{error}");
}

#[test]
fn wrong_word_widths_are_refused() {
    for bytes in [0, 1, 2, 3, 5, 12, 65, 128] {
        let error = Rtl::build("", bytes, &BuildOptions::default(), &mut |_| {})
            .map(drop)
            .unwrap_err();
        assert!(matches!(error, Error::WordBytes { got } if got == bytes));
    }
}
