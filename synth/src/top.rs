// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Verilog around the accelerator on a board: clock, reset, pins.
//!
//! Everything that knows a vendor's primitives is here and in [`crate::pll`]; `sepstream_board`, which it holds, knows none.

use sepstream_spec::timing;

use crate::HostPins;
use crate::board::Board;
use crate::pll::{Clock, Mhz};

/// Name of the module.
pub const NAME: &str = "sepstream_top";
/// Path of what is in the generated board.
pub(crate) const BOARD: &str = "board.";

/// Bits of the counter that holds the reset: 2^7 cycles are more than `timing::RESET`.
const HOLD_BITS: u32 = 7;
const _: () = assert!(1 << HOLD_BITS > timing::RESET);

/// Port of the module that every board connects; the others of its [`HostPins`] come with it.
pub const CLOCK_PORT: &str = "clk";
/// Ports that a board connects where it has LEDs.
pub const LED_PORTS: [&str; 3] = ["led_busy", "led_done", "led_error"];

/// The module's text, in front of which that of `sepstream_board` stands.
pub(crate) fn verilog(board: &Board, clock: &Clock, pins: HostPins) -> String {
    let leds: Vec<&str> = LED_PORTS
        .into_iter()
        .filter(|led| board.connects(led))
        .collect();
    let outputs = leds
        .iter()
        .copied()
        .chain(board.high().iter().map(String::as_str));
    let ports: String = outputs
        .clone()
        .map(|port| format!(",\n    output wire {port}"))
        .collect();
    let inputs: String = pins
        .inputs()
        .iter()
        .map(|port| format!("    input wire {port},\n"))
        .collect();
    let mut text = format!(
        "
// {title}: clock of {from} MHz, accelerator at {to} MHz, reset, pins.
module {NAME} (
    input wire {CLOCK_PORT},
{inputs}    output wire {output}{ports}
);
{pll}
    // `locked` comes at any time: two flip-flops. Then the reset is held until every pipeline is empty.
    reg [1:0] lock = 2'b00;
    reg [{top}:0] hold = {HOLD_BITS}'d0;
    reg reset = 1'b1;
    always @(posedge clock) begin
        lock <= {{lock[0], locked}};
        if (!lock[1]) hold <= {HOLD_BITS}'d0;
        else if (!(&hold)) hold <= hold + 1'b1;
        reset <= !(&hold);
    end
",
        title = board.title(),
        output = pins.output(),
        from = Mhz(board.clock_hz()),
        to = Mhz(clock.hz),
        pll = clock
            .clocking
            .verilog(board.clock_hz(), clock.hz, board.pll_pad()),
        top = HOLD_BITS - 1,
    );
    for led in LED_PORTS {
        text += &format!("    wire {led}_on;\n");
    }
    text += "    sepstream_board board (\n        .clk(clock),\n        .reset(reset),\n";
    for port in pins.ports() {
        text += &format!("        .{port}({port}),\n");
    }
    text += "        .led_busy(led_busy_on),
        .led_done(led_done_on),
        .led_error(led_error_on)
    );\n";
    let not = if board.leds_active_low() { "!" } else { "" };
    for led in leds {
        text += &format!("    assign {led} = {not}{led}_on;\n");
    }
    for port in board.high() {
        text += &format!("    assign {port} = 1'b1;\n");
    }
    text + "endmodule\n"
}
