// SPDX-License-Identifier: MIT OR Apache-2.0
//! Verilog of a module and all below it. Modules of the same text are one.

mod body;
mod text;

use crate::module::Module;
use body::Body;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::rc::Rc;

/// Verilog of a module and all below it; `banner` becomes the comment at the top of the text.
pub fn verilog(top: &Rc<Module>, banner: &str) -> String {
    let mut printer = Printer {
        names: BTreeMap::new(),
        printed: HashMap::new(),
        out: String::new(),
    };
    for line in banner.lines() {
        let _ = writeln!(printer.out, "// {line}");
    }
    printer.print(top);
    printer.out
}

struct Printer {
    /// Printed modules: final name by (name, text).
    names: BTreeMap<(String, String), String>,
    /// Final names by identity.
    printed: HashMap<*const Module, String>,
    out: String,
}

impl Printer {
    /// Prints a module, its children first, unless an equal one was printed; gives its final name.
    fn print(&mut self, module: &Rc<Module>) -> String {
        if let Some(name) = self.printed.get(&Rc::as_ptr(module)) {
            return name.clone();
        }
        module.must_be_valid();
        let kinds: Vec<String> = module
            .children()
            .map(|(_, child)| self.print(child))
            .collect();
        let mut text = body::ports(module);
        text.push_str("\n);\n");
        let body = Body::of(module, &kinds);
        for line in body.lines.iter().flat_map(|lines| lines.split('\n')) {
            if !line.is_empty() {
                let _ = write!(text, "    {line}");
            }
            text.push('\n');
        }
        let key = (module.name().to_string(), text);
        let name = match self.names.get(&key) {
            Some(name) => name.clone(),
            None => self.add(module, key),
        };
        self.printed.insert(Rc::as_ptr(module), name.clone());
        name
    }

    fn add(&mut self, module: &Module, key: (String, String)) -> String {
        let same = self.names.keys().filter(|k| k.0 == key.0).count();
        let name = match same {
            0 => key.0.clone(),
            _ => format!("{}_{}", key.0, same + 1),
        };
        self.out.push('\n');
        for line in module.head().lines() {
            let _ = writeln!(self.out, "// {line}");
        }
        let _ = writeln!(self.out, "module {name} (\n{}endmodule", key.1);
        self.names.insert(key, name.clone());
        name
    }
}
