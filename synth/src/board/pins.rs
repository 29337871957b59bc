// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which ports a constraint file gives pins to.

/// Ports and the lines (from 1) that give them a pin: `LOCATE COMP "port" SITE "pin";` in an .lpf, `set_io port pin` in a .pcf.
pub(super) fn ports(text: &str) -> Vec<(String, u64)> {
    let mut found = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let port = match words[..] {
            ["LOCATE", "COMP", port, "SITE", _, ..] => Some(port.trim_matches('"')),
            ["set_io", "-pullup", _, port, _, ..] => Some(port),
            ["set_io", ref rest @ ..] => rest.iter().copied().find(|word| !word.starts_with('-')),
            _ => None,
        };
        found.extend(port.map(|port| (port.to_string(), number)));
    }
    found
}

/// The text without the lines about some ports: the design that it goes with does not have them.
pub(super) fn without(text: &str, ports: &[&str]) -> String {
    let names = |line: &&str| {
        let mut words = line
            .split_whitespace()
            .map(|word| word.trim_matches(['"', ';']));
        !line.starts_with('#') && words.any(|word| ports.contains(&word))
    };
    let kept = text.split_inclusive('\n').filter(|line| !names(line));
    kept.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read() {
        let names = |text| -> Vec<_> { ports(text).into_iter().map(|(port, _)| port).collect() };
        let lpf = "# LOCATE COMP \"no\" SITE \"A1\";\nLOCATE COMP \"clk\" SITE \"G2\";\nIOBUF PORT \"clk\" IO_TYPE=LVCMOS33;\n";
        assert_eq!(names(lpf), ["clk"]);
        assert_eq!(
            names("set_io clk 35 # 12 MHz\nset_io -pullup yes uart_rx 6\nset_frequency clk 12\n"),
            ["clk", "uart_rx"]
        );
        assert_eq!(names("set_io -nowarn uart_rx 6\n"), ["uart_rx"]);
    }

    #[test]
    fn lines_of_absent_ports_are_left_out() {
        let text = "# spi_sck\nLOCATE COMP \"spi_sck\" SITE \"A1\";\nIOBUF PORT \"spi_sck\" IO_TYPE=LVCMOS33;\nset_io spi_sck2 4\nset_io spi_sck 5";
        assert_eq!(
            without(text, &["spi_sck"]),
            "# spi_sck\nset_io spi_sck2 4\n"
        );
        assert_eq!(without(text, &["clk"]), text);
    }
}
