// SPDX-License-Identifier: MIT OR Apache-2.0
//! Verilog of a module and all below it. Modules of the same text are one.

mod body;
mod fold;
mod ports;
mod sharing;
mod text;
mod wrap;

use crate::module::Module;
use body::Body;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write;
use std::rc::Rc;

/// Verilog of a module and all below it; `banner` becomes the comment at the top of the text.
///
/// # Panics
/// When a module breaks a rule of [`Module::check`].
#[track_caller]
pub fn verilog(top: &Rc<Module>, banner: &str) -> String {
    Printed::new(top, banner, &str::to_string).text
}

/// A printed design.
#[derive(Clone, Debug)]
pub struct Printed {
    /// The Verilog.
    pub text: String,
    /// Names in the text by identity.
    names: HashMap<*const Module, String>,
}

impl Printed {
    /// Prints a module and all below it; `rename` gives the name in the text for that of a module. Of modules that have the same name
    /// and are not equal all but the first get a number.
    ///
    /// # Panics
    /// When a module breaks a rule of [`Module::check`].
    #[track_caller]
    pub fn new(top: &Rc<Module>, banner: &str, rename: &dyn Fn(&str) -> String) -> Self {
        let mut printer = Printer {
            rename,
            bodies: BTreeMap::new(),
            taken: BTreeSet::new(),
            printed: HashMap::new(),
            out: String::new(),
        };
        for line in banner.lines() {
            let _ = writeln!(printer.out, "// {line}");
        }
        printer.print(top);
        Printed {
            text: printer.out,
            names: printer.printed,
        }
    }
    /// The name that a module of the design has in the text.
    pub fn name_of(&self, module: &Rc<Module>) -> Option<&str> {
        self.names.get(&Rc::as_ptr(module)).map(String::as_str)
    }
}

struct Printer<'a> {
    rename: &'a dyn Fn(&str) -> String,
    /// Names of printed modules by what they were called and their text.
    bodies: BTreeMap<(String, String), String>,
    /// All names in the text.
    taken: BTreeSet<String>,
    printed: HashMap<*const Module, String>,
    out: String,
}

impl Printer<'_> {
    /// Prints a module, its children first, unless an equal one was printed; gives its name.
    fn print(&mut self, module: &Rc<Module>) -> String {
        if let Some(name) = self.printed.get(&Rc::as_ptr(module)) {
            return name.clone();
        }
        module.must_be_valid();
        let kinds: Vec<String> = module
            .children()
            .map(|(_, child)| self.print(child))
            .collect();
        let body = Body::of(module, &kinds).join("\n");
        let text = format!("{}\n);\n{body}\nendmodule\n", ports::head(module));
        let key = (module.name().to_string(), text);
        let name = match self.bodies.get(&key) {
            Some(name) => name.clone(),
            None => self.add(module, key),
        };
        self.printed.insert(Rc::as_ptr(module), name.clone());
        name
    }

    fn add(&mut self, module: &Module, key: (String, String)) -> String {
        let first = (self.rename)(&key.0);
        let others = (2..).map(|number| format!("{first}_{number}"));
        let mut names = std::iter::once(first.clone()).chain(others);
        let name = names
            .find(|name| !self.taken.contains(name))
            .unwrap_or(first);
        self.taken.insert(name.clone());
        self.out.push('\n');
        for line in module.head().lines() {
            for line in wrap::wrap(&format!("// {line}")) {
                let _ = writeln!(self.out, "{line}");
            }
        }
        let _ = write!(self.out, "module {name} (\n{}", key.1);
        self.bodies.insert(key, name.clone());
        name
    }
}
