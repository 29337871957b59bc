// SPDX-License-Identifier: MIT OR Apache-2.0
//! # sepstream_board — the accelerator with its host link, for a board's own top
//! | port            | dir | note                                                                          |
//! |-----------------|-----|-------------------------------------------------------------------------------|
//! | clk             | in  | one clock                                                                     |
//! | reset           | in  | synchronous, active high, for `timing::RESET` cycles at least                 |
//! | uart_rx uart_tx | in, out | serial link; idle high                                                    |
//! | spi_sck spi_cs_n spi_copi spi_cipo | in, in, in, out | instead: SPI link, mode 0                      |
//! | led_busy        | out | a frame is running                                                            |
//! | led_done        | out | a frame has finished; falls with the next start                               |
//! | led_error       | out | a frame of the link was damaged, or was no request, since reset               |
//!
//! No vendor's primitives: clock, reset and pins are the board's. The pins of the link are synchronised here.

use super::options::{Link, LinkOptions};
use super::{bridge, crc, deframe, enframe, spi, uart_rx, uart_tx};
use crate::memory::memory;
use crate::rtl::{Expr, Instance, Module, cat, lit};
use sepstream_spec::config::Config;
use std::rc::Rc;

/// Bytes of the buffer: a block RAM.
const BUFFER: u32 = 512;

/// Bytes from the pins.
struct Pins {
    data: Expr,
    valid: Expr,
    error: Expr,
    /// The pins' end takes a byte.
    ready: Expr,
}

/// The accelerator with its link; the options are checked.
pub fn board(config: &Config, options: &LinkOptions) -> Rc<Module> {
    let mut m = Module::new("sepstream_board", "The accelerator with its host link.");
    let reset = m.input("reset", 1);
    m.wire("rst", &reset);
    let send_data = m.forward("send_data", 8);
    let send_valid = m.forward("send_valid", 1);
    let pins = pins(&mut m, options, &send_data, &send_valid);

    m.note("Link: one CRC unit and one buffer for both directions.");
    let hold = m.forward("hold", 1);
    let crc_wrong = m.forward("crc_wrong", 1);
    let deframe = m.instance(
        "deframe",
        &deframe::deframe(),
        &[
            ("s_data", pins.data),
            ("s_valid", pins.valid),
            ("s_error", pins.error),
            ("hold", hold.clone()),
            ("c_wrong", crc_wrong.clone()),
        ],
    );
    let buffered = m.forward("buffered", 8);
    let reply_done = m.forward("reply_done", 1);
    let accelerator_out = [
        ("s_wb_ack", 1),
        ("s_wb_dat_r", 32),
        ("s_axis_tready", 1),
        ("m_axis_tdata", config.word_bytes() * 8),
        ("m_axis_tvalid", 1),
        ("sending", 1),
    ]
    .map(|(port, width)| (port, m.forward(&format!("a_{port}"), width)));
    let [ack, dat_r, ready, t_data, t_valid, sending] =
        [0, 1, 2, 3, 4, 5].map(|n: usize| accelerator_out[n].1.clone());
    let bridge = m.instance(
        "bridge",
        &bridge::bridge(config),
        &[
            ("f_valid", deframe.out("m_valid")),
            ("f_kind", deframe.out("kind")),
            ("f_number", deframe.out("number")),
            ("f_length", deframe.out("length")),
            ("f_first", deframe.out("first")),
            ("f_second", deframe.out("second")),
            ("r_done", reply_done.clone()),
            ("b_data", buffered.clone()),
            ("m_wb_ack", ack),
            ("m_wb_dat_r", dat_r),
            ("m_axis_tready", ready),
            ("s_axis_tdata", t_data),
            ("s_axis_tvalid", t_valid),
            ("sending", sending),
        ],
    );
    m.drive(&hold, &bridge.out("hold"));
    let [crc_low, crc_busy] = [("crc_low", 8), ("crc_busy", 1)].map(|(n, w)| m.forward(n, w));
    let reason = bridge.out("r_reason").zext(8);
    let second = m.forward("second_byte", 1);
    let refusal = second.mux(&bridge.out("r_expected"), &reason);
    let payload = bridge.out("r_refuses").mux(&refusal, &buffered);
    let enframe = m.instance(
        "enframe",
        &enframe::enframe(),
        &[
            ("start", bridge.out("r_start")),
            ("kind", bridge.out("r_kind")),
            ("number", deframe.out("number")),
            ("length", bridge.out("r_length")),
            ("p_data", payload),
            ("c_low", crc_low.clone()),
            ("c_busy", crc_busy.clone()),
            ("m_ready", pins.ready),
        ],
    );
    m.drive(&second, &enframe.out("p_addr").bit(0));
    m.drive(&reply_done, &enframe.out("done"));
    m.drive(&send_data, &enframe.out("m_data"));
    m.drive(&send_valid, &enframe.out("m_valid"));
    shared(
        &mut m,
        &deframe,
        &enframe,
        &bridge,
        &hold,
        [&crc_wrong, &crc_low, &crc_busy],
        &buffered,
    );

    m.note("Accelerator.");
    let inputs = [
        ("s_wb_cyc", "m_wb_cyc"),
        ("s_wb_stb", "m_wb_cyc"),
        ("s_wb_we", "m_wb_we"),
        ("s_wb_adr", "m_wb_adr"),
        ("s_wb_dat_w", "m_wb_dat_w"),
        ("s_axis_tdata", "m_axis_tdata"),
        ("s_axis_tvalid", "m_axis_tvalid"),
        ("s_axis_tlast", "m_axis_tlast"),
        ("m_axis_tready", "s_axis_tready"),
    ]
    .map(|(port, of)| (port, bridge.out(of)));
    let accelerator = m.instance("accelerator", &crate::top::top(config), &inputs);
    for (port, wire) in &accelerator_out {
        m.drive(wire, &accelerator.out(port));
    }
    let error = m.reg("error", 1);
    let damaged = &deframe.out("damaged") | &bridge.out("ignored");
    m.clocked(|s| {
        s.when(&damaged, |s| s.set(&error, &lit(1, 1)));
        s.when(&reset, |s| s.set(&error, &lit(0, 1)));
    });
    m.output("led_busy", &accelerator.out("busy"));
    m.output("led_done", &accelerator.out("irq"));
    m.output("led_error", &error);
    Rc::new(m)
}

/// CRC unit and buffer, for whichever direction is at work.
fn shared(
    m: &mut Module,
    deframe: &Instance,
    enframe: &Instance,
    bridge: &Instance,
    hold: &Expr,
    [wrong, low, busy]: [&Expr; 3],
    buffered: &Expr,
) {
    let either = |port: &str| hold.mux(&enframe.out(port), &deframe.out(port));
    let crc = m.instance(
        "crc_unit",
        &crc::crc(),
        &[
            ("start", either("c_start")),
            ("s_data", either("c_data")),
            ("s_valid", either("c_valid")),
            ("s_check", either("c_check")),
        ],
    );
    m.drive(wrong, &crc.out("wrong"));
    m.drive(low, &crc.out("low"));
    m.drive(busy, &crc.out("busy"));
    let replies = enframe.out("p_addr");
    let reading = bridge.out("r_reads");
    let read = reading.mux(&cat(&[lit(1, 1), replies]), &bridge.out("b_r_addr").zext(9));
    m.note("The data of the request at work from 0 (byte 256 at 0, as the payload's first byte is kept elsewhere), of the reply from 256.");
    let write = cat(&[
        hold.mux(&bridge.out("b_w_data"), &deframe.out("w_data")),
        hold.clone(),
        hold.mux(&bridge.out("b_w_addr"), &deframe.out("w_addr")),
        hold.mux(&bridge.out("b_we"), &deframe.out("we")),
    ]);
    let write = m.pipe("write", &write);
    let buffer = m.instance(
        "buffer",
        &memory(BUFFER, 8),
        &[
            ("we", write.bit(0)),
            ("w_addr", write.slice(1, 9)),
            ("w_data", write.slice(10, 8)),
            ("r_addr", read),
        ],
    );
    m.drive(buffered, &buffer.out("r_data"));
}

/// The link's pins.
fn pins(m: &mut Module, options: &LinkOptions, data: &Expr, valid: &Expr) -> Pins {
    match options.link {
        Link::Uart { clock_hz, baud } => {
            m.note("UART.");
            let rx = m.input("uart_rx", 1);
            let receiver = m.instance("receiver", &uart_rx::uart_rx(clock_hz, baud), &[("rx", rx)]);
            let sender = m.instance(
                "sender",
                &uart_tx::uart_tx(clock_hz, baud),
                &[("s_data", data.clone()), ("s_valid", valid.clone())],
            );
            m.output("uart_tx", &sender.out("tx"));
            Pins {
                data: receiver.out("m_data"),
                valid: receiver.out("m_valid"),
                error: receiver.out("m_error"),
                ready: sender.out("s_ready"),
            }
        }
        Link::Spi => {
            m.note("SPI.");
            let [sck, cs_n, copi] = ["spi_sck", "spi_cs_n", "spi_copi"].map(|pin| m.input(pin, 1));
            let spi = m.instance(
                "peripheral",
                &spi::spi(),
                &[
                    ("sck", sck),
                    ("cs_n", cs_n),
                    ("copi", copi),
                    ("s_data", data.clone()),
                    ("s_valid", valid.clone()),
                ],
            );
            m.output("spi_cipo", &spi.out("cipo"));
            Pins {
                data: spi.out("m_data"),
                valid: spi.out("m_valid"),
                error: spi.out("m_error"),
                ready: spi.out("s_ready"),
            }
        }
    }
}
