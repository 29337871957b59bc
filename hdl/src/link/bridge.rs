// SPDX-License-Identifier: MIT OR Apache-2.0
//! # bridge — executes requests on the accelerator's registers and streams
//! | port         | dir | data   | note                                                        |
//! |--------------|-----|--------|-------------------------------------------------------------|
//! | f_*          | in  |        | a frame, from `deframe`; it stays while `hold` is 1         |
//! | hold         | out | 1      | a request is at work: drop what comes                       |
//! | r_start r_kind r_length | out | | the reply, for `enframe`                                |
//! | r_reads r_refuses r_reason r_expected | out | | its payload: from `buffer`, or these two |
//! | r_done       | in  | 1      | it is sent                                                  |
//! | b_*          |     |        | to the buffer: writes the reply's data, reads the request's, `timing::MEMORY_READ` later |
//! | m_wb_*       |     | 32 bits| Wishbone, to `host`                                         |
//! | m_axis_*     | out | a word | load stream                                                 |
//! | s_axis_*     | in  | a word | result stream                                               |
//! | sending      | in  | 1      | more words come on the result stream                        |
//! | ignored      | out | 1      | one cycle: a frame was no request                           |
//!
//! Rules of docs/host-link.md: each request is executed once, in the order of sequence numbers, and its reply is kept until the
//! next one is executed. Throughput: four cycles a byte to the accelerator, one from it; a byte on a link takes 40.
//!
//! One word goes through a shift register: bytes come in at its top and leave at its bottom; register values use 32 bits of it.

use crate::rtl::{Expr, Module, all, cat, lit};
use sepstream_spec::config::Config;
use sepstream_spec::link::{Kind, LOAD_LAST, MAX_PAYLOAD, Refusal};
use sepstream_spec::regs::Reg;
use sepstream_spec::timing::MEMORY_READ;
use std::rc::Rc;

/// Bytes of a register.
const VALUE: u64 = 4;
/// Bits that count the cycles from the address of a byte in the buffer to its end.
const TAKE: u32 = 2;
const _: () = assert!(MEMORY_READ < 1 << TAKE);

/// The bridge.
pub fn bridge(config: &Config) -> Rc<Module> {
    let mut m = Module::new(
        "bridge",
        "Executes requests on the accelerator's registers and streams.",
    );
    let bytes = config.word_bytes();
    let word_bits = bytes * 8;
    let lane_bits = bytes.trailing_zeros();
    let f_valid = m.input("f_valid", 1);
    let kind = m.input("f_kind", 4);
    let sequence = m.input("f_number", 8);
    let length = m.input("f_length", 9);
    let first = m.input("f_first", 8);
    let second = m.input("f_second", 2);
    let reply_done = m.input("r_done", 1);
    let data = m.input("b_data", 8);
    let ack = m.input("m_wb_ack", 1);
    let dat_r = m.input("m_wb_dat_r", 32);
    let m_ready = m.input("m_axis_tready", 1);
    let t_data = m.input("s_axis_tdata", word_bits);
    let t_valid = m.input("s_axis_tvalid", 1);
    let sending = m.input("sending", 1);
    let rst = m.reset();
    let is = |k: Kind| kind.is(k as u64);

    m.note("What is at work: nothing, bytes to a word, a register, a beat, a word to come, a word to bytes, the reply.");
    let states = ["take", "bus", "beat", "wait_word", "give", "reply"];
    let [take, bus, beat, wait, give, reply] = states.map(|state| m.reg(state, 1));
    let busy = [&bus, &beat, &wait, &give, &reply]
        .iter()
        .fold(take.clone(), |a, b| &a | b);
    let busy = m.wire("busy", &busy);

    m.note("What stands in the frame is known three cycles behind it: a fact per register, what it asks for, what is done.");
    let frame = m.delay("frame", &f_valid, 2);
    m.note("A request has the payload of its kind.");
    let [opens, writes, reads, loads, fetches] = [
        ("opens", Kind::Open, length.is(0)),
        ("writes", Kind::Write, length.is(1 + VALUE)),
        ("reads", Kind::Read, length.is(1)),
        ("loads", Kind::Load, {
            let flags = first.slice(1, 7).any();
            &(&length.any() & &length.le(&lit(MAX_PAYLOAD as u64, 9))) & &!&flags
        }),
        ("fetches", Kind::Fetch, length.is(2)),
    ]
    .map(|(name, k, payload)| m.pipe(name, &(&is(k) & &payload)));
    const { assert!(LOAD_LAST == 1) }
    let request = [&writes, &reads, &loads, &fetches]
        .iter()
        .fold(opens.clone(), |a, b| &a | b);
    let request = m.wire("request", &request);

    m.note("Its place in the session: the number of the last request is kept, and whether there was one since reset.");
    let is_open = m.reg("is_open", 1);
    let last = m.reg("last", 8);
    let expected = m.wire("expected", &(&last + &lit(1, 8)));
    let fresh = m.pipe("fresh", &(&is_open & &sequence.eq(&expected)));
    let accepted = m.pipe("accepted", &(&request & &(&opens | &fresh)));
    let executes = m.pipe("executes", &(&frame & &accepted));
    let again = m.pipe("again", &(&is_open & &sequence.eq(&last)));
    let refused_now = m.pipe("refused_now", &(&request & &!&(&opens | &fresh)));
    let answers = m.pipe("answers", &(&frame & &refused_now));
    let unknown = m.pipe("unknown", &!&request);
    let ignores = m.pipe("ignores", &(&frame & &unknown));

    m.note("What cannot be done: a register that is none, part of a word, more than fits a frame.");
    let registers = lit(Reg::Command as u64 + 1, 8);
    let none = m.pipe("no_register", &!&first.lt(&registers));
    let no_register = &(&writes | &reads) & &none;
    let odd_length = length
        .low(lane_bits)
        .ne(&lit(1 % u64::from(bytes), lane_bits));
    let part = m.pipe("part", &(&!&first.bit(0) & &odd_length));
    let part = &loads & &part;
    let too_much = &second.bit(1) | &(&second.bit(0) & &first.any());
    let no_words = &too_much | &first.low(lane_bits).any();
    let no_words = m.pipe("no_words", &no_words);
    let bad_fetch = &fetches & &no_words;
    let bad = m.pipe("bad", &(&(&no_register | &part) | &bad_fetch));

    m.note("The reply that is kept, and a refusal in front of it.");
    let kept_kind = m.reg("kept_kind", 3);
    let kept_length = m.reg("kept_length", 9);
    let kept_refusal = m.reg("kept_refusal", 1);
    let no_data = m.reg("no_data", 1);
    let refuses = m.reg("refuses_now", 1);
    let refused = m.wire("refused", &(&refuses | &kept_refusal));

    let index = m.reg("index", 9);
    let next = m.wire("next", &(&index + &lit(1, 9)));
    let lane = m.reg("lane", lane_bits);
    let last_lane = m.wire("last_lane", &lane.is(u64::from(bytes) - 1));
    let read = m.reg("read", TAKE);
    let came = m.wire("came", &read.is((1 << TAKE) - 1));
    let word = m.reg("word", word_bits);
    let all_taken = m.wire("all_taken", &index.eq(&length));
    let empty_load = &loads & &m.pipe("no_beats", &length.is(1));
    let none_asked = m.pipe("none_asked", &!&(&first.any() | &second.bit(0)));
    let empty = &empty_load | &(&fetches & &none_asked);
    let empty = m.pipe("empty", &(&opens | &empty));
    let direct = m.wire("direct", &(&bad | &empty));
    let fetched = cat(&[second.bit(0), first.clone()]);
    let value_length = reads.mux(&lit(VALUE, 9), &lit(0, 9));
    let lacks = m.wire("lacks", &all(&[wait.clone(), !&t_valid, !&sending]));
    let shifted_in = cat(&[
        all_taken.mux(&lit(0, 8), &data),
        word.slice(8, word_bits - 8),
    ]);
    let shifted_out = cat(&[lit(0, 8), word.slice(8, word_bits - 8)]);
    // a value that is all there before the word is
    let value_taken = &writes & &all_taken;
    let kept_last = m.pipe("kept_last", &(&kept_length - &lit(1, 9)));
    let gives_last = m.reg("gives_last", 1);
    let given = m.wire("given", &(&give & &gives_last));
    m.clocked(|s| {
        let set = |s: &mut crate::rtl::Statements, reg: &Expr, value: u64| {
            s.set(reg, &lit(value, reg.width()))
        };
        s.when(&executes, |s| {
            set(s, &is_open, 1);
            s.set(&last, &sequence);
            s.set(&kept_kind, &kind.low(3));
            s.set(&kept_length, &fetches.mux(&fetched, &value_length));
            s.set(&kept_refusal, &bad);
            set(s, &no_data, 0);
            s.set(&reply, &direct);
            s.set(&take, &(&!&direct & &(&writes | &loads)));
            s.set(&bus, &(&!&direct & &reads));
            s.set(&wait, &(&!&direct & &fetches));
            set(s, &refuses, 0);
            // a reply has no byte or more than one
            set(s, &gives_last, 0);
            set(s, &lane, 0);
            set(s, &read, 0);
            // the request's data begin behind its first byte, the reply's at 0
            s.set(&index, &cat(&[lit(0, 8), &writes | &loads]));
        });
        s.when(&answers, |s| {
            set(s, &reply, 1);
            s.set(&refuses, &!&again);
        });
        // buffer to word: the byte is there in the last cycle of four
        s.when(&take, |s| {
            s.set(&read, &(&read + &lit(1, TAKE)));
            s.when(&came, |s| {
                s.set(&word, &shifted_in);
                s.set(&lane, &(&lane + &lit(1, lane_bits)));
                s.when(&!&all_taken, |s| s.set(&index, &next));
                s.when(&(&loads & &last_lane), |s| {
                    set(s, &take, 0);
                    set(s, &beat, 1);
                });
            });
            s.when(&value_taken, |s| {
                set(s, &take, 0);
                set(s, &bus, 1);
            });
        });
        s.when(&(&beat & &m_ready), |s| {
            set(s, &beat, 0);
            s.set(&reply, &all_taken);
            s.set(&take, &!&all_taken);
        });
        s.when(&(&bus & &ack), |s| {
            set(s, &bus, 0);
            s.set(&reply, &writes);
            s.set(&give, &reads);
            s.set(&word, &dat_r.zext(word_bits));
        });
        s.when(&(&wait & &t_valid), |s| {
            s.set(&word, &t_data);
            set(s, &wait, 0);
            set(s, &give, 1);
        });
        s.when(&lacks, |s| {
            set(s, &wait, 0);
            set(s, &kept_refusal, 1);
            set(s, &no_data, 1);
            set(s, &reply, 1);
        });
        // word to buffer
        s.when(&give, |s| {
            s.set(&word, &shifted_out);
            s.set(&index, &next);
            s.set(&gives_last, &next.eq(&kept_last));
            s.set(&lane, &(&lane + &lit(1, lane_bits)));
            s.when(&last_lane, |s| {
                set(s, &give, 0);
                set(s, &wait, 1);
            });
        });
        s.when(&given, |s| {
            set(s, &give, 0);
            set(s, &wait, 0);
            set(s, &reply, 1);
        });
        s.when(&reply_done, |s| set(s, &reply, 0));
        s.when(&rst, |s| {
            for reg in [&is_open, &take, &bus, &beat, &wait, &give, &reply] {
                set(s, reg, 0);
            }
            // a closed bridge names 0 as the number that it expects
            set(s, &last, 0xff);
        });
    });

    m.output("hold", &busy);
    let replying = m.pipe("replying", &reply);
    m.output("r_start", &(&reply & &!&replying));
    m.output(
        "r_kind",
        &cat(&[lit(1, 1), &kept_kind | &refused.repeat(3)]),
    );
    m.output("r_length", &refused.mux(&lit(2, 9), &kept_length));
    m.output("r_refuses", &refused);
    m.output("r_reads", &reply);
    const { assert!(Refusal::Closed as u8 == 0 && Refusal::Sequence as u8 == 1) }
    const { assert!(Refusal::Request as u8 == 2 && Refusal::NoData as u8 == 3) }
    m.output(
        "r_reason",
        &refuses.mux(&cat(&[lit(0, 1), is_open]), &cat(&[lit(1, 1), no_data])),
    );
    m.output("r_expected", &expected);
    m.output("b_we", &give);
    m.output("b_w_addr", &index.low(8));
    m.output("b_w_data", &word.low(8));
    m.output("b_r_addr", &index.low(8));
    m.output("m_wb_cyc", &bus);
    m.output("m_wb_we", &writes);
    m.output("m_wb_adr", &first);
    m.output("m_wb_dat_w", &word.slice(word_bits - 32, 32));
    m.output("m_axis_tdata", &word);
    m.output("m_axis_tvalid", &beat);
    m.output("m_axis_tlast", &(&all_taken & &first.bit(0)));
    m.output("s_axis_tready", &wait);
    m.output("ignored", &ignores);
    Rc::new(m)
}
