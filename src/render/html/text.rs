//! Text as it may stand in the page, and the marks that stand beside words. Nothing is said by colour alone.

use std::fmt::{self, Write as _};

use maud::{Escaper, Markup, Render, html};

use crate::render::escape::visible;
use crate::report::{Counts, Determination, Effective, Report, SubjectRef};

/// A string of a cluster or a file: what is hidden or reorders text is written out, and markup is inert.
pub(super) struct Shown<'a>(pub(super) &'a str);

impl Render for Shown<'_> {
    fn render_to(&self, buffer: &mut String) {
        // Writing to a String cannot fail.
        let _ = Escaper::new(buffer).write_str(&visible(self.0));
    }
}

/// A string of unknown length, cut after so many characters.
pub(super) struct Cut<'a>(pub(super) &'a str, pub(super) usize);

impl Render for Cut<'_> {
    fn render_to(&self, buffer: &mut String) {
        let Self(text, limit) = *self;
        let Some((end, _)) = text.char_indices().nth(limit) else {
            return Shown(text).render_to(buffer);
        };
        Shown(&text[..end]).render_to(buffer);
        let _ = write!(buffer, "… ({} characters)", text.chars().count());
    }
}

/// Prose of the catalogue, whose lines are those of a file.
pub(super) struct Prose<'a>(pub(super) &'a str);

impl Render for Prose<'_> {
    fn render_to(&self, buffer: &mut String) {
        for (index, word) in self.0.split_whitespace().enumerate() {
            if index > 0 {
                buffer.push(' ');
            }
            Shown(word).render_to(buffer);
        }
    }
}

/// Thousands kept apart by a narrow space.
pub(super) struct Number(pub(super) u64);

impl fmt::Display for Number {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                formatter.write_char('\u{2009}')?;
            }
            formatter.write_char(digit)?;
        }
        Ok(())
    }
}

impl Render for Number {
    fn render_to(&self, buffer: &mut String) {
        let _ = write!(buffer, "{self}");
    }
}

/// How many of what.
pub(super) fn counted(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", Number(number as u64))
}

/// The class that gives a verdict its colour.
pub(super) const fn class(effective: Effective) -> &'static str {
    match effective {
        Effective::Fail => "fail",
        Effective::Indeterminate => "unsure",
        Effective::Pass => "pass",
        Effective::Waived => "waived",
        Effective::NotApplicable => "none",
    }
}

/// The mark that stands for a verdict where there is no room for its word.
pub(super) const fn mark(effective: Effective) -> &'static str {
    match effective {
        Effective::Fail => "✕",
        Effective::Indeterminate => "?",
        Effective::Pass => "✓",
        Effective::Waived => "w",
        Effective::NotApplicable => "–",
    }
}

/// A mark with its word.
pub(super) fn badge(class: &str, mark: &str, word: &str) -> Markup {
    html! {
        span class={ "badge " (class) } { span.mark aria-hidden="true" { (mark) } " " (word) }
    }
}

/// A verdict.
pub(super) fn verdict(effective: Effective) -> Markup {
    badge(class(effective), mark(effective), effective.name())
}

/// A determination.
pub(super) fn determination(determination: Determination) -> Markup {
    let like = match determination {
        Determination::Exceptions => Effective::Fail,
        Determination::Undetermined => Effective::Indeterminate,
        Determination::NoExceptions => Effective::Pass,
    };
    badge(class(like), mark(like), determination.name())
}

/// `✕ 4 fail  ✓ 7 pass`: what there is, worst first.
pub(super) fn counts(counts: Counts) -> Markup {
    let present = Effective::ALL
        .into_iter()
        .filter(|effective| counts.of(*effective) > 0);
    html! {
        span.counts {
            @if counts.total() == 0 { span.count.none { "no rows" } }
            @for effective in present {
                span class={ "count " (class(effective)) } {
                    span.mark aria-hidden="true" { (mark(effective)) }
                    " " (Number(counts.of(effective))) " " (effective.name())
                }
                " "
            }
        }
    }
}

/// Kind, namespace and name of a subject.
pub(super) fn subject(report: &Report<'_>, subject: &SubjectRef) -> Markup {
    let (kind, namespace, name) = report.subject(subject);
    let is_namespace = kind == "Namespace" && namespace == name;
    html! {
        span.object {
            (kind)
            @if !namespace.is_empty() && !is_namespace { " " code { (Shown(namespace)) "/" (Shown(name)) } }
            @else if !name.is_empty() { " " code { (Shown(name)) } }
        }
    }
}

/// A table that scrolls by itself where it is wider than the page; the keyboard can reach it to do so.
pub(super) fn scrolling(label: &str, table: &Markup) -> Markup {
    html! { div.scroll role="region" aria-label=(label) tabindex="0" { (table) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_outside_is_inert() {
        let cases = [
            (
                "<script>alert(1)</script>",
                "&lt;script&gt;alert(1)&lt;/script&gt;",
            ),
            ("</style>", "&lt;/style&gt;"),
            ("\" onclick=\"x", "&quot; onclick=&quot;x"),
            ("a & b", "a &amp; b"),
            ("\u{202e}gnp", "\\u{202e}gnp"),
            ("a\nb\u{0}", "a\\u{a}b\\u{0}"),
        ];
        for (text, expected) in cases {
            assert_eq!(Shown(text).render().0, expected);
        }
        assert_eq!(Cut("größer", 3).render().0, "grö… (6 characters)");
        assert_eq!(Cut("grö", 3).render().0, "grö");
        assert_eq!(Prose(" a\n  b <c>\n").render().0, "a b &lt;c&gt;");
    }

    #[test]
    fn thousands_are_kept_apart() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1\u{2009}000"),
            (1_234_567, "1\u{2009}234\u{2009}567"),
        ] {
            assert_eq!(Number(number).to_string(), text);
        }
    }
}
