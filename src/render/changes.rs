//! What changed between two evidence files, for people at a terminal.

use std::io::{self, Write};

use super::RenderError;
use super::escape::visible;
use crate::compare::{Change, Comparison, Item};

/// Rows of a kind that are listed unless all are asked for.
const MOST: usize = 50;

/// What is compared, and what it comes to.
#[derive(Debug)]
pub struct Frame<'a> {
    /// The earlier file, and when it was collected.
    pub old: (&'a str, &'a str),
    /// The later file, and when it was collected.
    pub new: (&'a str, &'a str),
    /// The exit code and what it means.
    pub gate: (u8, &'a str),
    /// Whether every row is listed.
    pub verbose: bool,
}

/// Writes a comparison.
pub fn render(
    comparison: &Comparison<'_>,
    frame: &Frame<'_>,
    writer: &mut dyn Write,
) -> Result<(), RenderError> {
    for (label, (file, collected)) in [("first", frame.old), ("second", frame.new)] {
        line(
            writer,
            0,
            &format!("{label:8}{file}, collected {collected}"),
        )?;
    }
    list(writer, "Can't be compared as a whole", &comparison.whole)?;
    list(writer, "To know", &comparison.notes)?;
    for (change, heading) in [
        (Change::New, "New failures"),
        (Change::Incomparable, "Incomparable"),
        (Change::StillFailing, "Still failing"),
        (Change::Fixed, "Fixed"),
        (Change::Waived, "Waived"),
    ] {
        let items = comparison.items.iter();
        let items: Vec<&Item<'_>> = items.filter(|item| item.change == change).collect();
        section(writer, heading, &items, frame.verbose)?;
    }
    let (code, meaning) = frame.gate;
    writeln!(writer)?;
    line(writer, 0, &format!("exit code {code}: {meaning}"))?;
    Ok(())
}

fn list(writer: &mut dyn Write, heading: &str, lines: &[String]) -> io::Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    writeln!(writer)?;
    line(writer, 0, &format!("{heading}: {}", lines.len()))?;
    lines.iter().try_for_each(|words| line(writer, 2, words))
}

fn section(
    writer: &mut dyn Write,
    heading: &str,
    items: &[&Item<'_>],
    verbose: bool,
) -> io::Result<()> {
    writeln!(writer)?;
    line(writer, 0, &format!("{heading}: {}", items.len()))?;
    let shown = if verbose {
        items.len()
    } else {
        MOST.min(items.len())
    };
    for item in &items[..shown] {
        let severity = item.severity.name();
        let head = format!("{severity:9}{} {}", item.rule.id, item.subject);
        line(writer, 2, &head)?;
        line(writer, 11, item.message)?;
        if !item.note.is_empty() {
            line(writer, 11, &item.note)?;
        }
        if let Some(since) = item.since {
            line(writer, 11, &format!("since {since}"))?;
        }
    }
    if shown < items.len() {
        let rest = items.len() - shown;
        line(
            writer,
            2,
            &format!("and {rest} more: all of them with --verbose"),
        )?;
    }
    Ok(())
}

fn line(writer: &mut dyn Write, indent: usize, words: &str) -> io::Result<()> {
    writeln!(writer, "{:indent$}{}", "", visible(words))
}
