//! Lines on a terminal: everything that is written goes through here, is made visible, and fits the width.

use std::io::{self, Write};

use colored::Color;
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, Width, presets};

use crate::render::escape::visible;
use crate::report::{Determination, Effective};

/// How a word stands out. Every style repeats what the word itself says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// As the rest.
    Plain,
    /// Headings.
    Strong,
    /// Failures.
    Bad,
    /// Not known.
    Unsure,
    /// Passes.
    Good,
}

/// Columns where the width of the terminal is not known.
const USUAL_WIDTH: u16 = 80;
/// Columns below which nothing can be laid out.
const LEAST_WIDTH: u16 = 60;
/// Spaces between two columns.
const GAP: u16 = 2;
/// Columns beyond which a paragraph is hard to read.
const PARAGRAPH: u16 = 100;

/// A terminal's worth of width, and what has been written so far.
pub(super) struct Page<'w> {
    writer: &'w mut dyn Write,
    width: u16,
    colour: bool,
    /// Whether the last line is empty, or there is none.
    at_gap: bool,
}

/// Pieces of a line, each with its style.
pub(super) type Pieces = Vec<(Style, String)>;

impl<'w> Page<'w> {
    pub(super) fn new(writer: &'w mut dyn Write, width: Option<u16>, colour: bool) -> Self {
        Self {
            writer,
            width: width.unwrap_or(USUAL_WIDTH).max(LEAST_WIDTH),
            colour,
            at_gap: true,
        }
    }

    pub(super) fn width(&self) -> u16 {
        self.width
    }

    /// An empty line, unless there is one.
    pub(super) fn blank(&mut self) -> io::Result<()> {
        if std::mem::replace(&mut self.at_gap, true) {
            return Ok(());
        }
        writeln!(self.writer)
    }

    /// A title over a rule.
    pub(super) fn heading(&mut self, pieces: &[(Style, String)]) -> io::Result<()> {
        self.blank()?;
        self.pieces(0, pieces)?;
        self.write(0, &"─".repeat(usize::from(self.width)))
    }

    /// Paragraphs, one for each line of the text.
    pub(super) fn text(&mut self, indent: u16, text: &str) -> io::Result<()> {
        let width = self.width.min(PARAGRAPH) - indent;
        for line in text.lines().flat_map(|line| wrap(line, width)) {
            self.write(indent, &line)?;
        }
        Ok(())
    }

    /// A paragraph beside a word.
    pub(super) fn labelled(
        &mut self,
        indent: u16,
        label: &str,
        column: u16,
        text: &str,
    ) -> io::Result<()> {
        let mut label = visible(label).into_owned();
        for line in wrap(text, self.width - indent - column) {
            let room = usize::from(column);
            self.write(indent, &format!("{label:room$}{line}"))?;
            label.clear();
        }
        Ok(())
    }

    /// One line in several styles; without them where it is too long.
    pub(super) fn pieces(&mut self, indent: u16, pieces: &[(Style, String)]) -> io::Result<()> {
        let plain: String = pieces.iter().map(|(_, text)| text.as_str()).collect();
        if plain.chars().count() > usize::from(self.width - indent) {
            return self.text(indent, &plain);
        }
        let line: String = pieces
            .iter()
            .map(|(style, text)| self.paint(*style, &visible(text)))
            .collect();
        self.write(indent, &line)
    }

    /// Rows of a table, each cell a list of lines. The first column has a fixed width, and the verdicts and
    /// determinations in it are painted; numbers stand to the right of their columns.
    pub(super) fn table(
        &mut self,
        indent: u16,
        first: u16,
        numbers: std::ops::Range<usize>,
        rows: impl IntoIterator<Item = Vec<Vec<String>>>,
    ) -> io::Result<()> {
        let mut table = plain_table(self.width - indent);
        for cells in rows {
            table.add_row(cells.iter().map(|lines| joined(lines)));
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, GAP));
        }
        if let Some(column) = table.column_mut(0) {
            column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(first + GAP)));
        }
        for number in numbers {
            if let Some(column) = table.column_mut(number) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        for line in table.lines() {
            let end = line
                .char_indices()
                .nth(usize::from(first))
                .map_or(line.len(), |(end, _)| end);
            let (word, rest) = line.split_at(end);
            let word = match style_of(word.trim()) {
                Some(style) => word.replace(word.trim(), &self.paint(style, word.trim())),
                None => word.to_owned(),
            };
            self.write(indent, &format!("{word}{}", rest.replace('\u{a0}', " ")))?;
        }
        Ok(())
    }

    fn write(&mut self, indent: u16, line: &str) -> io::Result<()> {
        self.at_gap = false;
        let indent = usize::from(indent);
        writeln!(self.writer, "{:indent$}{}", "", line.trim_end())
    }

    fn paint(&self, style: Style, text: &str) -> String {
        let code = match style {
            Style::Plain => return text.to_owned(),
            _ if !self.colour => return text.to_owned(),
            Style::Strong => "1".into(),
            Style::Bad => Color::Red.to_fg_str(),
            Style::Unsure => Color::Yellow.to_fg_str(),
            Style::Good => Color::Green.to_fg_str(),
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// Lines of a cell. A line break of the text itself is made visible, so that none can be forged.
fn joined(lines: &[String]) -> String {
    let lines: Vec<_> = lines.iter().map(|line| visible(line)).collect();
    lines.join("\n")
}

fn wrap(text: &str, width: u16) -> Vec<String> {
    let text = visible(text);
    if text.is_ascii() && text.len() <= usize::from(width) {
        return vec![text.into_owned()];
    }
    let mut table = plain_table(width);
    table.add_row([text]);
    if let Some(column) = table.column_mut(0) {
        column.set_padding((0, 0));
    }
    table.lines().collect()
}

fn plain_table(width: u16) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .force_no_tty()
        .set_width(width);
    table
}

/// The style of a verdict or a determination.
pub(super) fn style_of(word: &str) -> Option<Style> {
    let verdict = Effective::ALL
        .into_iter()
        .find(|effective| effective.name() == word)
        .map(of_verdict);
    verdict.or_else(|| {
        use Determination::{Exceptions, NoExceptions, Undetermined};
        [Exceptions, NoExceptions, Undetermined]
            .into_iter()
            .find(|determination| determination.name() == word)
            .map(of_determination)
    })
}

pub(super) fn of_verdict(effective: Effective) -> Style {
    match effective {
        Effective::Fail => Style::Bad,
        Effective::Indeterminate | Effective::Waived => Style::Unsure,
        Effective::Pass => Style::Good,
        Effective::NotApplicable => Style::Plain,
    }
}

pub(super) fn of_determination(determination: Determination) -> Style {
    match determination {
        Determination::Exceptions => Style::Bad,
        Determination::Undetermined => Style::Unsure,
        Determination::NoExceptions => Style::Good,
    }
}
