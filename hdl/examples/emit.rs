// SPDX-License-Identifier: MIT OR Apache-2.0
//! scratch
fn main() {
    let path = std::env::args().nth(1).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let config = sepstream_spec::config::Config::from_yaml(&text, &path).unwrap();
    print!("{}", sepstream_hdl::generate(&config));
}
