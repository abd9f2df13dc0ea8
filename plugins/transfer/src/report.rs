//! What an import tells at its end.

use std::collections::BTreeMap;
use std::fmt::Write;

/// Things carried over, and things that could not be, each with what to do.
#[derive(Debug, Default)]
pub struct Report {
    carried: Vec<String>,
    problems: Vec<String>,
    hints: Vec<String>,
    /// Values that were changed: what was done and where → how often.
    changed: BTreeMap<(String, &'static str), u64>,
}

impl Report {
    /// Something was carried over.
    pub fn carried(&mut self, text: impl Into<String>) {
        self.carried.push(text.into());
    }

    /// Something could not be; the text says what to do.
    pub fn problem(&mut self, text: impl Into<String>) {
        self.problems.push(text.into());
    }

    /// Something is to be done now.
    pub fn hint(&mut self, text: impl Into<String>) {
        self.hints.push(text.into());
    }

    /// Values of a place were changed in a way.
    pub fn changed(&mut self, place: &str, how: &'static str, times: u64) {
        if times > 0 {
            *self.changed.entry((place.to_owned(), how)).or_default() += times;
        }
    }

    /// The text to print.
    pub fn text(&self, head: &str) -> String {
        let mut text = format!("{head}\n");
        for line in &self.carried {
            let _ = writeln!(text, "  {line}");
        }
        if !self.problems.is_empty() || !self.changed.is_empty() {
            text.push_str("\nNot carried over as it was:\n");
        }
        for line in &self.problems {
            let _ = writeln!(text, "  - {line}");
        }
        for ((place, how), times) in &self.changed {
            let values = if *times == 1 { "value" } else { "values" };
            let _ = writeln!(text, "  - {place}: {times} {values} {how}");
        }
        for line in &self.hints {
            let _ = write!(text, "\n{line}\n");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_come_last_and_only_if_there_are_some() {
        let mut report = Report::default();
        report.carried("2 collections");
        assert_eq!(report.text("Imported:"), "Imported:\n  2 collections\n");
        report.problem("view v: no");
        report.changed("a.b", "lost NUL characters", 1);
        report.changed("a.b", "lost NUL characters", 1);
        assert_eq!(
            report.text("Imported:"),
            "Imported:\n  2 collections\n\nNot carried over as it was:\n  - view v: no\n  - a.b: 2 values lost NUL characters\n"
        );
    }
}
