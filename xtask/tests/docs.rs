// SPDX-License-Identifier: MIT OR Apache-2.0
//! What documents write as code is there: every word of it stands in the sources, every path is a file or a folder, every link leads
//! somewhere.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders with nothing of the project's own.
const NOT_SOURCES: [&str; 4] = ["target", ".git", ".tools", "out"];

/// Ends of the names of files whose words count as existing.
const SOURCES: [&str; 11] = [
    "rs", "toml", "yaml", "v", "vlt", "cpp", "h", "py", "lpf", "pcf", "json",
];

/// Names of other projects' programs, packages and files, which no source needs to say.
const OTHERS: &str = include_str!("other_words.txt");

fn root() -> PathBuf {
    let member = Path::new(env!("CARGO_MANIFEST_DIR"));
    member.parent().expect("a member of the workspace").into()
}

/// Files below a folder.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the project") {
        let entry = entry.expect("an entry");
        let name = entry.file_name().to_string_lossy().into_owned();
        if NOT_SOURCES.contains(&name.as_str()) {
            continue;
        }
        match entry.file_type().expect("a type").is_dir() {
            true => files(&entry.path(), found),
            false => found.push(entry.path()),
        }
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .filter(|word| word.len() > 2 && !word.starts_with(|c: char| c.is_ascii_digit()))
}

fn end(path: &Path) -> &str {
    path.extension().and_then(|end| end.to_str()).unwrap_or("")
}

/// Documents that people wrote: those of the root and of `docs`, but not the changes, which tell of what is gone.
fn documents(files: &[PathBuf]) -> impl Iterator<Item = &PathBuf> {
    let root = root();
    let own = move |file: &&PathBuf| {
        let place = file.parent();
        let known = place == Some(&root) || place == Some(&root.join("docs"));
        known && end(file) == "md" && !file.ends_with("CHANGELOG.md")
    };
    files.iter().filter(own)
}

/// The parts of a text between single backquotes, and the lines of its fenced blocks that begin with a program of the project.
fn code(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if fenced && line.starts_with("cargo ") {
            found.push(line.split('#').next().unwrap_or(line));
        } else if !fenced {
            found.extend(line.split('`').skip(1).step_by(2));
        }
    }
    found
}

#[test]
fn words_in_code_are_in_the_sources() {
    let (root, mut all) = (root(), Vec::new());
    files(&root, &mut all);
    let mut texts: Vec<String> = Vec::new();
    for file in all.iter().filter(|file| SOURCES.contains(&end(file))) {
        // this test's own examples are no sources
        if !file.ends_with("xtask/tests/docs.rs") {
            texts.push(fs::read_to_string(file).unwrap_or_default());
        }
    }
    let names = all.iter().map(|file| file.display().to_string());
    texts.extend(names);
    let known: BTreeSet<&str> = texts.iter().flat_map(|text| words(text)).collect();
    let others: BTreeSet<&str> = OTHERS.lines().collect();
    let mut faults = Vec::new();
    for document in documents(&all) {
        let text = fs::read_to_string(document).expect("a document");
        for code in code(&text) {
            let missing = words(code).filter(|w| !known.contains(w) && !others.contains(w));
            for word in missing {
                let document = document.strip_prefix(&root).unwrap_or(document);
                faults.push(format!("{}: `{word}` in `{code}`", document.display()));
            }
        }
    }
    assert!(faults.is_empty(), "no source has\n{}", faults.join("\n"));
}

#[test]
fn other_words_are_needed() {
    let (root, mut all) = (root(), Vec::new());
    files(&root, &mut all);
    let texts: Vec<String> = documents(&all)
        .map(|file| fs::read_to_string(file).expect("a document"))
        .collect();
    let used: BTreeSet<&str> = texts.iter().flat_map(|t| code(t)).flat_map(words).collect();
    let idle: Vec<&str> = OTHERS.lines().filter(|w| !used.contains(w)).collect();
    assert!(idle.is_empty(), "no document has {idle:?}");
}

#[test]
fn links_lead_somewhere() {
    let mut all = Vec::new();
    files(&root(), &mut all);
    let mut faults = Vec::new();
    for document in documents(&all) {
        let text = fs::read_to_string(document).expect("a document");
        let folder = document.parent().expect("a folder");
        for link in text.split("](").skip(1) {
            let link = link.split(')').next().unwrap_or(link);
            let path = link.split('#').next().unwrap_or(link);
            if !path.is_empty() && !path.contains("://") && !folder.join(path).exists() {
                faults.push(format!("{}: {link}", document.display()));
            }
        }
    }
    assert!(faults.is_empty(), "nothing is at\n{}", faults.join("\n"));
}

#[test]
fn the_readme_is_short() {
    let text = fs::read_to_string(root().join("README.md")).expect("it is there");
    assert!(text.lines().count() <= 90);
}
