// SPDX-License-Identifier: MIT OR Apache-2.0
// Behaviour of iCE40 UltraPlus blocks in the ways in which sepstream uses them, for simulation. Any other way stops it.
/* verilator lint_off DECLFILENAME */
/* verilator lint_off UNUSEDSIGNAL */
/* verilator lint_off UNUSEDPARAM */

// Two products of 8 bits by 8 in two's complement, registers for the operands and for the products.
module SB_MAC16 #(
    parameter [0:0] MODE_8x8 = 0,
    parameter [0:0] A_SIGNED = 0,
    parameter [0:0] B_SIGNED = 0,
    parameter [0:0] A_REG = 0,
    parameter [0:0] B_REG = 0,
    parameter [0:0] TOP_8x8_MULT_REG = 0,
    parameter [0:0] BOT_8x8_MULT_REG = 0,
    parameter [1:0] TOPOUTPUT_SELECT = 0,
    parameter [1:0] BOTOUTPUT_SELECT = 0
) (
    input wire CLK, CE,
    input wire [15:0] A, B, C, D,
    input wire AHOLD, BHOLD, CHOLD, DHOLD, IRSTTOP, IRSTBOT, ORSTTOP, ORSTBOT,
    input wire OLOADTOP, OLOADBOT, ADDSUBTOP, ADDSUBBOT, OHOLDTOP, OHOLDBOT, CI, ACCUMCI, SIGNEXTIN,
    output wire [31:0] O,
    output wire CO, ACCUMCO, SIGNEXTOUT
);
    reg signed [15:0] a;
    reg signed [15:0] b;
    reg signed [15:0] top;
    reg signed [15:0] bottom;
    wire signed [7:0] a_top = a[15:8];
    wire signed [7:0] b_top = b[15:8];
    wire signed [7:0] a_bottom = a[7:0];
    wire signed [7:0] b_bottom = b[7:0];
    assign O = {top, bottom};
    assign {CO, ACCUMCO, SIGNEXTOUT} = 3'b000;
    always @(posedge CLK) begin
        a <= A;
        b <= B;
        top <= a_top * b_top;
        bottom <= a_bottom * b_bottom;
    end
    initial if ({MODE_8x8, A_SIGNED, B_SIGNED, A_REG, B_REG, TOP_8x8_MULT_REG, BOT_8x8_MULT_REG} != 7'h7f) $stop;
    initial if (TOPOUTPUT_SELECT != 2 || BOTOUTPUT_SELECT != 2) $stop;
    always @(posedge CLK) if (!CE || AHOLD || BHOLD || IRSTTOP || IRSTBOT) $stop;
endmodule

// 256 kbit with one port, which a write takes: what is read then is noise.
module SB_SPRAM256KA (
    input wire CLOCK, WREN, CHIPSELECT, STANDBY, SLEEP, POWEROFF,
    input wire [13:0] ADDRESS,
    input wire [15:0] DATAIN,
    input wire [3:0] MASKWREN,
    output reg [15:0] DATAOUT
);
    reg [15:0] array [0:16383];
    always @(posedge CLOCK) begin
        if (WREN) array[ADDRESS] <= DATAIN;
        DATAOUT <= WREN ? ~DATAOUT : array[ADDRESS];
    end
    always @(posedge CLOCK) if (!CHIPSELECT || STANDBY || SLEEP || !POWEROFF || MASKWREN != 4'b1111) $stop;
endmodule
