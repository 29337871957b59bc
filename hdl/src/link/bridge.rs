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

use crate::rtl::{Expr, Module, Statements, all, cat, lit};
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
    let ports = Ports::new(&mut m, config.word_bytes() * 8);
    let state = State::new(&mut m);
    let request = Request::new(&mut m, &ports, config.word_bytes());
    let work = Work::new(&mut m, &ports, &state, &request, config.word_bytes());
    m.clocked(|s| {
        begin(s, &ports, &state, &request, &work);
        go_on(s, &ports, &state, &request, &work);
        end(s, &ports, &state, &request, &work);
    });
    outputs(&mut m, &ports, &state, &request, &work);
    Rc::new(m)
}

/// Its inputs.
struct Ports {
    f_valid: Expr,
    kind: Expr,
    sequence: Expr,
    length: Expr,
    first: Expr,
    second: Expr,
    reply_done: Expr,
    data: Expr,
    ack: Expr,
    dat_r: Expr,
    m_ready: Expr,
    t_data: Expr,
    t_valid: Expr,
    sending: Expr,
    rst: Expr,
}

impl Ports {
    fn new(m: &mut Module, word_bits: u32) -> Self {
        Ports {
            f_valid: m.input("f_valid", 1),
            kind: m.input("f_kind", 4),
            sequence: m.input("f_number", 8),
            length: m.input("f_length", 9),
            first: m.input("f_first", 8),
            second: m.input("f_second", 2),
            reply_done: m.input("r_done", 1),
            data: m.input("b_data", 8),
            ack: m.input("m_wb_ack", 1),
            dat_r: m.input("m_wb_dat_r", 32),
            m_ready: m.input("m_axis_tready", 1),
            t_data: m.input("s_axis_tdata", word_bits),
            t_valid: m.input("s_axis_tvalid", 1),
            sending: m.input("sending", 1),
            rst: m.reset(),
        }
    }
}

/// What is at work, a register each.
struct State {
    take: Expr,
    bus: Expr,
    beat: Expr,
    wait: Expr,
    give: Expr,
    reply: Expr,
    /// Any of them.
    busy: Expr,
}

impl State {
    fn new(m: &mut Module) -> Self {
        m.note("What is at work: nothing, bytes to a word, a register, a beat, a word to come, a word to bytes, the reply.");
        let states = ["take", "bus", "beat", "wait_word", "give", "reply"];
        let [take, bus, beat, wait, give, reply] = states.map(|state| m.reg(state, 1));
        let busy = [&bus, &beat, &wait, &give, &reply]
            .iter()
            .fold(take.clone(), |a, b| &a | b);
        let busy = m.wire("busy", &busy);
        State {
            take,
            bus,
            beat,
            wait,
            give,
            reply,
            busy,
        }
    }
}

/// What stands in the frame, and its place in the session.
struct Request {
    opens: Expr,
    writes: Expr,
    reads: Expr,
    loads: Expr,
    fetches: Expr,
    is_open: Expr,
    last: Expr,
    expected: Expr,
    executes: Expr,
    again: Expr,
    answers: Expr,
    ignores: Expr,
    /// It cannot be done.
    bad: Expr,
}

impl Request {
    fn new(m: &mut Module, ports: &Ports, bytes: u32) -> Self {
        let Ports {
            f_valid,
            kind,
            sequence,
            length,
            first,
            ..
        } = ports;
        let is = |k: Kind| kind.is(k as u64);

        m.note("What stands in the frame is known three cycles behind it: a fact per register, what it asks for, what is done.");
        let frame = m.delay("frame", f_valid, 2);
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

        let bad = impossible(m, ports, [&writes, &reads, &loads, &fetches], bytes);
        Request {
            opens,
            writes,
            reads,
            loads,
            fetches,
            is_open,
            last,
            expected,
            executes,
            again,
            answers,
            ignores,
            bad,
        }
    }
}

/// The request cannot be done.
fn impossible(
    m: &mut Module,
    ports: &Ports,
    [writes, reads, loads, fetches]: [&Expr; 4],
    bytes: u32,
) -> Expr {
    let Ports {
        length,
        first,
        second,
        ..
    } = ports;
    let lane_bits = bytes.trailing_zeros();
    m.note("What cannot be done: a register that is none, part of a word, more than fits a frame.");
    let registers = lit(Reg::Command as u64 + 1, 8);
    let none = m.pipe("no_register", &!&first.lt(&registers));
    let no_register = &(writes | reads) & &none;
    let odd_length = length
        .low(lane_bits)
        .ne(&lit(1 % u64::from(bytes), lane_bits));
    let part = m.pipe("part", &(&!&first.bit(0) & &odd_length));
    let part = loads & &part;
    let too_much = &second.bit(1) | &(&second.bit(0) & &first.any());
    let no_words = &too_much | &first.low(lane_bits).any();
    let no_words = m.pipe("no_words", &no_words);
    let bad_fetch = fetches & &no_words;
    m.pipe("bad", &(&(&no_register | &part) | &bad_fetch))
}

/// The reply that is kept, and the word and the byte at work.
struct Work {
    kept_kind: Expr,
    kept_length: Expr,
    kept_refusal: Expr,
    no_data: Expr,
    refuses: Expr,
    refused: Expr,
    index: Expr,
    next: Expr,
    lane: Expr,
    last_lane: Expr,
    read: Expr,
    came: Expr,
    word: Expr,
    all_taken: Expr,
    /// Nothing is to be done.
    direct: Expr,
    /// Bytes of the reply's payload, of a fetch, of what else.
    fetched: Expr,
    value_length: Expr,
    lacks: Expr,
    shifted_in: Expr,
    shifted_out: Expr,
    value_taken: Expr,
    kept_last: Expr,
    gives_last: Expr,
    given: Expr,
}

impl Work {
    fn new(m: &mut Module, ports: &Ports, state: &State, request: &Request, bytes: u32) -> Self {
        let Ports {
            length,
            first,
            second,
            data,
            t_valid,
            sending,
            ..
        } = ports;
        let Request {
            opens,
            writes,
            reads,
            loads,
            fetches,
            bad,
            ..
        } = request;
        let (wait, give) = (&state.wait, &state.give);
        let (word_bits, lane_bits) = (bytes * 8, bytes.trailing_zeros());
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
        let all_taken = m.wire("all_taken", &index.eq(length));
        let empty_load = loads & &m.pipe("no_beats", &length.is(1));
        let none_asked = m.pipe("none_asked", &!&(&first.any() | &second.bit(0)));
        let empty = &empty_load | &(fetches & &none_asked);
        let empty = m.pipe("empty", &(opens | &empty));
        let direct = m.wire("direct", &(bad | &empty));
        let fetched = cat(&[second.bit(0), first.clone()]);
        let value_length = reads.mux(&lit(VALUE, 9), &lit(0, 9));
        let lacks = m.wire("lacks", &all(&[wait.clone(), !t_valid, !sending]));
        let shifted_in = cat(&[
            all_taken.mux(&lit(0, 8), data),
            word.slice(8, word_bits - 8),
        ]);
        let shifted_out = cat(&[lit(0, 8), word.slice(8, word_bits - 8)]);
        // a value that is all there before the word is
        let value_taken = writes & &all_taken;
        let kept_last = m.pipe("kept_last", &(&kept_length - &lit(1, 9)));
        let gives_last = m.reg("gives_last", 1);
        let given = m.wire("given", &(give & &gives_last));
        Work {
            kept_kind,
            kept_length,
            kept_refusal,
            no_data,
            refuses,
            refused,
            index,
            next,
            lane,
            last_lane,
            read,
            came,
            word,
            all_taken,
            direct,
            fetched,
            value_length,
            lacks,
            shifted_in,
            shifted_out,
            value_taken,
            kept_last,
            gives_last,
            given,
        }
    }
}

/// Sets a register to a number.
fn set(s: &mut Statements, reg: &Expr, value: u64) {
    s.set(reg, &lit(value, reg.width()));
}

/// A request comes.
fn begin(s: &mut Statements, ports: &Ports, state: &State, request: &Request, work: &Work) {
    s.when(&request.executes, |s| {
        set(s, &request.is_open, 1);
        s.set(&request.last, &ports.sequence);
        s.set(&work.kept_kind, &ports.kind.low(3));
        s.set(
            &work.kept_length,
            &request.fetches.mux(&work.fetched, &work.value_length),
        );
        s.set(&work.kept_refusal, &request.bad);
        set(s, &work.no_data, 0);
        s.set(&state.reply, &work.direct);
        s.set(
            &state.take,
            &(&!&work.direct & &(&request.writes | &request.loads)),
        );
        s.set(&state.bus, &(&!&work.direct & &request.reads));
        s.set(&state.wait, &(&!&work.direct & &request.fetches));
        set(s, &work.refuses, 0);
        // a reply has no byte or more than one
        set(s, &work.gives_last, 0);
        set(s, &work.lane, 0);
        set(s, &work.read, 0);
        // the request's data begin behind its first byte, the reply's at 0
        s.set(
            &work.index,
            &cat(&[lit(0, 8), &request.writes | &request.loads]),
        );
    });
    s.when(&request.answers, |s| {
        set(s, &state.reply, 1);
        s.set(&work.refuses, &!&request.again);
    });
}

/// It is done, up to the reply's bytes.
fn go_on(s: &mut Statements, ports: &Ports, state: &State, request: &Request, work: &Work) {
    // buffer to word: the byte is there in the last cycle of four
    s.when(&state.take, |s| {
        s.set(&work.read, &(&work.read + &lit(1, TAKE)));
        s.when(&work.came, |s| {
            s.set(&work.word, &work.shifted_in);
            s.set(&work.lane, &(&work.lane + &lit(1, work.lane.width())));
            s.when(&!&work.all_taken, |s| s.set(&work.index, &work.next));
            s.when(&(&request.loads & &work.last_lane), |s| {
                set(s, &state.take, 0);
                set(s, &state.beat, 1);
            });
        });
        s.when(&work.value_taken, |s| {
            set(s, &state.take, 0);
            set(s, &state.bus, 1);
        });
    });
    s.when(&(&state.beat & &ports.m_ready), |s| {
        set(s, &state.beat, 0);
        s.set(&state.reply, &work.all_taken);
        s.set(&state.take, &!&work.all_taken);
    });
    s.when(&(&state.bus & &ports.ack), |s| {
        set(s, &state.bus, 0);
        s.set(&state.reply, &request.writes);
        s.set(&state.give, &request.reads);
        s.set(&work.word, &ports.dat_r.zext(work.word.width()));
    });
    s.when(&(&state.wait & &ports.t_valid), |s| {
        s.set(&work.word, &ports.t_data);
        set(s, &state.wait, 0);
        set(s, &state.give, 1);
    });
    s.when(&work.lacks, |s| {
        set(s, &state.wait, 0);
        set(s, &work.kept_refusal, 1);
        set(s, &work.no_data, 1);
        set(s, &state.reply, 1);
    });
}

/// The reply: its bytes, and that it has gone; reset.
fn end(s: &mut Statements, ports: &Ports, state: &State, request: &Request, work: &Work) {
    // word to buffer
    s.when(&state.give, |s| {
        s.set(&work.word, &work.shifted_out);
        s.set(&work.index, &work.next);
        s.set(&work.gives_last, &work.next.eq(&work.kept_last));
        s.set(&work.lane, &(&work.lane + &lit(1, work.lane.width())));
        s.when(&work.last_lane, |s| {
            set(s, &state.give, 0);
            set(s, &state.wait, 1);
        });
    });
    s.when(&work.given, |s| {
        set(s, &state.give, 0);
        set(s, &state.wait, 0);
        set(s, &state.reply, 1);
    });
    s.when(&ports.reply_done, |s| set(s, &state.reply, 0));
    s.when(&ports.rst, |s| {
        for reg in [
            &request.is_open,
            &state.take,
            &state.bus,
            &state.beat,
            &state.wait,
            &state.give,
            &state.reply,
        ] {
            set(s, reg, 0);
        }
        // a closed bridge names 0 as the number that it expects
        set(s, &request.last, 0xff);
    });
}

/// Its outputs.
fn outputs(m: &mut Module, ports: &Ports, state: &State, request: &Request, work: &Work) {
    let Work {
        kept_kind,
        kept_length,
        no_data,
        refuses,
        refused,
        index,
        word,
        all_taken,
        ..
    } = work;
    m.output("hold", &state.busy);
    let replying = m.pipe("replying", &state.reply);
    m.output("r_start", &(&state.reply & &!&replying));
    m.output("r_kind", &cat(&[lit(1, 1), kept_kind | &refused.repeat(3)]));
    m.output("r_length", &refused.mux(&lit(2, 9), kept_length));
    m.output("r_refuses", refused);
    m.output("r_reads", &state.reply);
    const { assert!(Refusal::Closed as u8 == 0 && Refusal::Sequence as u8 == 1) }
    const { assert!(Refusal::Request as u8 == 2 && Refusal::NoData as u8 == 3) }
    m.output(
        "r_reason",
        &refuses.mux(
            &cat(&[lit(0, 1), request.is_open.clone()]),
            &cat(&[lit(1, 1), no_data.clone()]),
        ),
    );
    m.output("r_expected", &request.expected);
    m.output("b_we", &state.give);
    m.output("b_w_addr", &index.low(8));
    m.output("b_w_data", &word.low(8));
    m.output("b_r_addr", &index.low(8));
    m.output("m_wb_cyc", &state.bus);
    m.output("m_wb_we", &request.writes);
    m.output("m_wb_adr", &ports.first);
    m.output("m_wb_dat_w", &word.slice(word.width() - 32, 32));
    m.output("m_axis_tdata", word);
    m.output("m_axis_tvalid", &state.beat);
    m.output("m_axis_tlast", &(all_taken & &ports.first.bit(0)));
    m.output("s_axis_tready", &state.wait);
    m.output("ignored", &request.ignores);
}
