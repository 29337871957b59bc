// SPDX-License-Identifier: MIT OR Apache-2.0
// Behaviour of iCE40 UltraPlus blocks in the ways in which sepstream uses them, for simulation. Any other way stops it.
/* verilator lint_off DECLFILENAME */
/* verilator lint_off UNUSEDSIGNAL */
/* verilator lint_off UNUSEDPARAM */

// Registers for the operands, and either two products of 8 bits by 8 in two's complement with registers of their own, the upper of them
// perhaps with C added and one more register, or one of 16 bits by 16, A with a sign and B without, its register, and its sum with C and D.
module SB_MAC16 #(
    parameter [0:0] MODE_8x8 = 0,
    parameter [0:0] A_SIGNED = 0,
    parameter [0:0] B_SIGNED = 0,
    parameter [0:0] A_REG = 0,
    parameter [0:0] B_REG = 0,
    parameter [0:0] TOP_8x8_MULT_REG = 0,
    parameter [0:0] BOT_8x8_MULT_REG = 0,
    parameter [0:0] PIPELINE_16x16_MULT_REG2 = 0,
    parameter [1:0] TOPADDSUB_LOWERINPUT = 0,
    parameter [0:0] TOPADDSUB_UPPERINPUT = 0,
    parameter [1:0] TOPADDSUB_CARRYSELECT = 0,
    parameter [1:0] TOPOUTPUT_SELECT = 0,
    parameter [1:0] BOTADDSUB_LOWERINPUT = 0,
    parameter [0:0] BOTADDSUB_UPPERINPUT = 0,
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
    reg [31:0] product;
    reg [31:0] sum;
    reg [15:0] top_sum;
    wire signed [7:0] a_top = a[15:8];
    wire signed [7:0] b_top = b[15:8];
    wire signed [7:0] a_bottom = a[7:0];
    wire signed [7:0] b_bottom = b[7:0];
    wire signed [31:0] a_whole = {{16{a[15]}}, a};
    wire signed [31:0] b_whole = {16'd0, b};
    assign O = !MODE_8x8 ? sum : TOPOUTPUT_SELECT == 1 ? {top_sum, bottom} : {top, bottom};
    assign {CO, ACCUMCO, SIGNEXTOUT} = 3'b000;
    always @(posedge CLK) begin
        a <= A;
        if (!BHOLD) b <= B;
        top <= a_top * b_top;
        bottom <= a_bottom * b_bottom;
        product <= a_whole * b_whole;
        sum <= product + {C, D};
        top_sum <= top + C;
    end
    wire [5:0] two = {A_SIGNED, B_SIGNED, A_REG, B_REG, TOP_8x8_MULT_REG, BOT_8x8_MULT_REG};
    wire [4:0] one = {A_SIGNED, !B_SIGNED, A_REG, B_REG, PIPELINE_16x16_MULT_REG2};
    wire [11:0] ways = {TOPOUTPUT_SELECT, BOTOUTPUT_SELECT, TOPADDSUB_LOWERINPUT, TOPADDSUB_UPPERINPUT, TOPADDSUB_CARRYSELECT,
        BOTADDSUB_LOWERINPUT, BOTADDSUB_UPPERINPUT};
    initial if (MODE_8x8 ? two != 6'h3f || (ways != 12'b101000000000 && ways != 12'b011001100000) : one != 5'h1f || ways != 12'b010110110101) $stop;
    always @(posedge CLK) if (!CE || AHOLD || (MODE_8x8 && BHOLD) || IRSTTOP || IRSTBOT) $stop;
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
