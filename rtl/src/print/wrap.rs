// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lines of a width that can be read.

/// Columns of a line; a word may end beyond them.
const COLUMNS: usize = 100;

/// The line, or several: code goes on further to the right, comments below.
pub(super) fn wrap(line: &str) -> Vec<String> {
    if line.len() <= COLUMNS {
        return vec![line.to_string()];
    }
    let indent = line.len() - line.trim_start().len();
    let (first, next) = match line.trim_start().strip_prefix("// ") {
        Some(_) => (format!("{:indent$}// ", ""), format!("{:indent$}// ", "")),
        None => (" ".repeat(indent), " ".repeat(indent + 8)),
    };
    let mut rest = &line[first.len()..];
    let mut lines = Vec::new();
    let mut begin = first;
    loop {
        let room = COLUMNS - begin.len().min(COLUMNS / 2);
        let Some(at) = (rest.len() > room).then(|| place(rest, room)).flatten() else {
            lines.push(format!("{begin}{rest}"));
            return lines;
        };
        lines.push(format!("{begin}{}", &rest[..at]));
        rest = &rest[at + 1..];
        begin.clone_from(&next);
    }
}

/// The blank to break at: in the second half of the room, inside as few brackets as can be, the last of those; else the next one.
fn place(text: &str, room: usize) -> Option<usize> {
    let mut depth = 0_i32;
    let mut best: Option<(i32, usize)> = None;
    for (at, c) in text.char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            ' ' if at > room => return best.map(|best| best.1).or(Some(at)),
            ' ' if at > room / 2 && best.is_none_or(|(least, _)| depth <= least) => {
                best = Some((depth, at));
            }
            _ => (),
        }
    }
    best.map(|best| best.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_broken_between_words() {
        let short = "    assign a = b;";
        assert_eq!(wrap(short), [short]);
        let terms: Vec<String> = (0..60).map(|i| format!("(term_{i} & other_{i})")).collect();
        let long = format!("    assign a = ({});", terms.join(" | "));
        let lines = wrap(&long);
        assert!(lines.len() > 10 && lines.iter().all(|line| line.len() <= COLUMNS));
        // between terms, not in them
        assert!(
            lines[1..]
                .iter()
                .all(|line| line.starts_with("            "))
        );
        let together: Vec<&str> = lines.iter().map(|line| line.trim()).collect();
        assert_eq!(together.join(" "), long.trim());
        assert!(lines.iter().all(|line| {
            line.matches('(')
                .count()
                .abs_diff(line.matches(')').count())
                <= 1
        }));
    }

    #[test]
    fn comments_stay_comments() {
        let long = format!("  // {}", "word ".repeat(50).trim());
        let lines = wrap(&long);
        assert!(lines.len() == 3 && lines.iter().all(|line| line.starts_with("  // word")));
    }

    #[test]
    fn a_word_is_not_broken() {
        let long = format!("{} b", "a".repeat(150));
        assert_eq!(wrap(&long), ["a".repeat(150), "        b".into()]);
    }
}
