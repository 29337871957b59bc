// SPDX-License-Identifier: MIT OR Apache-2.0
//! Names that Verilog takes.

/// Reserved words of Verilog-2005 and SystemVerilog-2017, in the order of the alphabet.
const KEYWORDS: &str = "accept_on alias always always_comb always_ff always_latch and assert assign assume automatic before begin \
    bind bins binsof bit break buf bufif0 bufif1 byte case casex casez cell chandle checker class clocking cmos config const \
    constraint context continue cover covergroup coverpoint cross deassign default defparam design disable dist do edge else end \
    endcase endchecker endclass endclocking endconfig endfunction endgenerate endgroup endinterface endmodule endpackage \
    endprimitive endprogram endproperty endsequence endspecify endtable endtask enum event eventually expect export extends extern \
    final first_match for force foreach forever fork forkjoin function generate genvar global highz0 highz1 if iff ifnone \
    ignore_bins illegal_bins implements implies import incdir include initial inout input inside instance int integer interconnect \
    interface intersect join join_any join_none large let liblist library local localparam logic longint macromodule matches medium \
    modport module nand negedge nettype new nexttime nmos nor noshowcancelled not notif0 notif1 null or output package packed \
    parameter pmos posedge primitive priority program property protected pull0 pull1 pulldown pullup pulsestyle_ondetect \
    pulsestyle_onevent pure rand randc randcase randsequence rcmos real realtime ref reg reject_on release repeat restrict return \
    rnmos rpmos rtran rtranif0 rtranif1 s_always s_eventually s_nexttime s_until s_until_with scalared sequence shortint shortreal \
    showcancelled signed small soft solve specify specparam static string strong strong0 strong1 struct super supply0 supply1 \
    sync_accept_on sync_reject_on table tagged task this throughout time timeprecision timeunit tran tranif0 tranif1 tri tri0 tri1 \
    triand trior trireg type typedef union unique unique0 unsigned until until_with untyped use uwire var vectored virtual void wait \
    wait_order wand weak weak0 weak1 while wildcard wire with within wor xnor xor";

/// What is wrong with a name, if anything: it is no Verilog identifier or a keyword.
pub fn name_fault(name: &str) -> Option<&'static str> {
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let goes_on = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !(begins && goes_on) {
        return Some("is no Verilog identifier");
    }
    let reserved = KEYWORDS.split_ascii_whitespace().any(|word| word == name);
    reserved.then_some("is a Verilog keyword")
}

#[cfg(test)]
mod tests {
    use super::{KEYWORDS, name_fault};

    #[test]
    fn words_are_in_order() {
        let words: Vec<&str> = KEYWORDS.split_ascii_whitespace().collect();
        assert!(words.is_sorted_by(|a, b| a < b));
        // 124 of Verilog-2005 and those that SystemVerilog added
        assert_eq!(words.len(), 248);
    }

    #[test]
    fn only_identifiers_that_are_no_keywords() {
        for name in ["a", "_", "s_valid", "A9", "word", "signal", "state"] {
            assert_eq!(name_fault(name), None, "{name}");
        }
        for name in ["", "9bad", "a b", "a$b", "ä", "a.b"] {
            assert_eq!(name_fault(name), Some("is no Verilog identifier"), "{name}");
        }
        for name in [
            "assign", "wait", "and", "table", "uwire", "soft", "wire", "xor",
        ] {
            assert_eq!(name_fault(name), Some("is a Verilog keyword"), "{name}");
        }
    }
}
