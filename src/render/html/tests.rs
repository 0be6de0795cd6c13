//! The page as a whole: what it holds, and that nothing in it acts.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::kind::Kind;
use crate::plan::Plan;
use crate::render::sample;
use crate::report::{Effective, Run};
use crate::snapshot::{Operator, ReadStatus, Snapshot, Unreadable};
use crate::testing;
use crate::waivers::Waivers;

fn page(report: &Report<'_>) -> String {
    let mut bytes = Vec::new();
    render(report, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// A section, an element a line.
fn part(page: &str, id: &str) -> String {
    let start = page.find(&format!("<section id=\"{id}\"")).unwrap();
    let length = page[start..].find("</section>").unwrap();
    page[start..start + length].replace("><", ">\n<")
}

#[derive(Debug)]
struct Tag<'a> {
    name: &'a str,
    attributes: BTreeMap<&'a str, &'a str>,
}

/// Every tag of a page, by the letter: what is no tag of ours fails.
fn tags(page: &str) -> Vec<Tag<'_>> {
    let mut tags = Vec::new();
    let mut open: Vec<&str> = Vec::new();
    let mut rest = page.strip_prefix("<!DOCTYPE html>").unwrap();
    while let Some(start) = rest.find('<') {
        let end = start + rest[start..].find('>').unwrap();
        let tag = &rest[start + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "elements are nested");
            continue;
        }
        let (name, mut attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        let mut parsed = BTreeMap::new();
        while let Some((key, quoted)) = attributes.trim_start().split_once("=\"") {
            let (value, after) = quoted.split_once('"').unwrap();
            assert_eq!(parsed.insert(key, value), None, "{tag}");
            attributes = after;
        }
        assert_eq!(attributes.trim(), "", "{tag}");
        if name == "style" {
            let (_, after) = rest.split_once("</style>").unwrap();
            rest = after;
        } else if !["meta", "br"].contains(&name) {
            open.push(name);
        }
        tags.push(Tag {
            name,
            attributes: parsed,
        });
    }
    assert_eq!(open, Vec::<&str>::new(), "every element ends");
    tags
}

const TAGS: &[&str] = &[
    "a", "article", "body", "br", "caption", "code", "dd", "details", "div", "dl", "dt", "em",
    "footer", "h1", "h2", "h3", "h4", "head", "header", "html", "li", "main", "meta", "nav", "ol",
    "p", "rect", "section", "span", "strong", "style", "summary", "svg", "table", "tbody", "td",
    "th", "thead", "time", "title", "tr", "ul",
];

const ATTRIBUTES: &[&str] = &[
    "aria-hidden",
    "aria-label",
    "aria-labelledby",
    "charset",
    "class",
    "colspan",
    "content",
    "datetime",
    "height",
    "href",
    "http-equiv",
    "id",
    "lang",
    "name",
    "preserveAspectRatio",
    "role",
    "scope",
    "tabindex",
    "title",
    "viewBox",
    "width",
    "x",
    "y",
];

/// What must hold of every page, whatever the cluster says.
fn check(page: &str) {
    let tags = tags(page);
    let mut ids = BTreeSet::new();
    let mut links = BTreeSet::new();
    let mut level = 0;
    for tag in &tags {
        assert!(TAGS.contains(&tag.name), "{tag:?}");
        for (name, value) in &tag.attributes {
            assert!(ATTRIBUTES.contains(name), "{tag:?}");
            match *name {
                "id" => assert!(ids.insert(*value), "{value} is there twice"),
                "href" => {
                    links.insert(value.strip_prefix('#').unwrap());
                }
                "aria-labelledby" => {
                    links.insert(*value);
                }
                _ => {}
            }
        }
        if let Some(found) = tag
            .name
            .strip_prefix('h')
            .and_then(|level| level.parse::<u8>().ok())
        {
            assert!(found <= level + 1, "headings leave no level out: {tag:?}");
            level = found;
        }
        if tag.name == "th" {
            assert!(tag.attributes.contains_key("scope"), "{tag:?}");
        }
    }
    let dangling: Vec<_> = links.difference(&ids).collect();
    assert!(dangling.is_empty(), "{dangling:?}");
    let hidden = page
        .lines()
        .find(|line| matches!(visible(line), std::borrow::Cow::Owned(_)));
    assert_eq!(hidden, None, "nothing hidden leaves");
    assert_eq!(tags.iter().filter(|tag| tag.name == "h1").count(), 1);
}

#[test]
fn the_sample_as_a_page() {
    let snapshot = sample::snapshot();
    let rules = [
        "host-namespaces",
        "ephemeral-containers",
        "container-runtime",
        "exec-access",
    ];
    let report = sample::report_by(&rules, &snapshot, Plan::none(), Waivers::none());
    let page = page(&report);
    let parts: Vec<String> = ["coverage", "glance", "map", "rules", "waivers"]
        .into_iter()
        .map(|id| part(&page, id))
        .collect();
    insta::assert_snapshot!(parts.join("\n\n"));
}

#[test]
fn every_page_is_whole() {
    sample::with_report(|report| check(&page(report)));
    let empty = testing::snapshot("");
    check(&page(&sample::report(&empty)));
}

const HOSTILE: &str =
    "</style><script>alert('x')</script>\" onload=\"x\u{202e}\u{0}\u{1b}[2J\n&lt;javascript:";

/// The sample, with the hostile text wherever a cluster could put one.
fn hostile() -> Snapshot {
    let mut snapshot = sample::snapshot();
    for object in &mut snapshot.objects {
        object.version = HOSTILE.into();
        object.identity.uid = Some(HOSTILE.into());
        object.identity.resource_version = Some(HOSTILE.into());
        if object.kind == Kind::Node {
            object.identity.name.push_str(HOSTILE);
        }
    }
    let yaml = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: {name}, labels: {{tier: {name}}}}}\nspec: {{hostPID: true, containers: [{{name: {name}, image: {name}}}]}}\nstatus: {{phase: Running}}\n---\napiVersion: privatecloud.mendix.com/v1alpha1\nkind: MendixApp\nmetadata: {{name: {name}, namespace: {name}}}\nspec: {{runtime: {{dtapMode: {name}}}}}\n",
        name = serde_json::to_string(HOSTILE).unwrap()
    );
    snapshot.objects.extend(testing::snapshot(&yaml).objects);
    let origin = &mut snapshot.origin;
    for text in [
        &mut origin.started_at,
        &mut origin.finished_at,
        &mut origin.collector,
    ] {
        HOSTILE.clone_into(text);
    }
    origin.cluster.uid = Some(HOSTILE.to_owned());
    origin.cluster.context = Some(HOSTILE.to_owned());
    origin.cluster.git_version = Some(HOSTILE.to_owned());
    origin.operator = Some(Operator {
        username: HOSTILE.to_owned(),
        ..Operator::default()
    });
    snapshot.coverage.notes.push(HOSTILE.to_owned());
    snapshot.coverage.unreadable.push(Unreadable {
        kind: Kind::Pod,
        namespace: Some(HOSTILE.to_owned()),
        name: HOSTILE.to_owned(),
        place: HOSTILE.to_owned(),
        message: HOSTILE.to_owned(),
    });
    for source in &mut snapshot.coverage.sources {
        source.message = Some(HOSTILE.to_owned());
        source.finished_at = Some(HOSTILE.to_owned());
    }
    Snapshot::new(snapshot.origin, snapshot.coverage, snapshot.objects)
}

#[test]
fn strings_of_the_cluster_are_inert() {
    let snapshot = hostile();
    let mut plan = Plan::default();
    plan.system.name = Some(HOSTILE.to_owned());
    HOSTILE.clone_into(&mut plan.digest);
    let mut report = sample::report_with(&snapshot, &plan, Waivers::none());
    report.plan_notes.push(HOSTILE.to_owned());
    report.scope.selector = Some(HOSTILE.to_owned());
    report
        .scope
        .excluded
        .push((HOSTILE.to_owned(), HOSTILE.to_owned()));
    let page = page(&report);
    check(&page);
    let shown = "&lt;/style&gt;&lt;script&gt;alert('x')&lt;/script&gt;&quot; onload=&quot;x\\u{202e}\\u{0}\\u{1b}[2J\\u{a}&amp;lt;javascript:";
    assert!(page.matches(shown).count() > 100, "and they can be read");
}

#[test]
fn the_policy_admits_the_style_and_nothing_else() {
    let page = sample::with_report(page);
    let (_, after) = page.split_once("<style>").unwrap();
    let (style, _) = after.split_once("</style>").unwrap();
    assert_eq!(style, STYLE);
    let expected = STANDARD.encode(digest(&SHA256, style.as_bytes()));
    assert!(page.contains(&format!(
        "content=\"default-src 'none'; style-src 'sha256-{expected}'; "
    )));
    assert!(!STYLE.contains("url(") && !STYLE.contains("@import") && !STYLE.contains('\t'));
}

#[test]
fn clock_and_command_line_change_the_digest_alone() {
    let snapshot = sample::snapshot();
    let mut report = sample::report(&snapshot);
    let digest = |report: &Report<'_>| crate::render::evidence::sha256(report).unwrap();
    let (first, named) = (page(&report), digest(&report));
    assert!(first.contains(&named), "the page names its evidence");
    report.run = Run {
        assessed_at: "2031-05-05T05:05:05Z".to_owned(),
        command: vec!["sc39".to_owned(), "render".to_owned()],
        ..report.run.clone()
    };
    assert_eq!(page(&report), first.replace(&named, &digest(&report)));
}

#[test]
fn a_gap_stands_above_the_verdicts_and_lets_nothing_pass() {
    let snapshot = testing::without(sample::snapshot(), Kind::Pod, ReadStatus::Forbidden);
    let report = sample::report(&snapshot);
    let page = page(&report);
    let gaps = page.find("<caption>What was not read").unwrap();
    assert!(gaps < page.find("id=\"glance\"").unwrap());
    let rules = part(&page, "rules");
    let (_, rule) = rules.split_once("id=\"rule-host-namespaces\"").unwrap();
    let (rule, _) = rule.split_once("</article>").unwrap();
    assert!(
        rule.contains("indeterminate") && rule.contains(">forbidden<"),
        "{rule}"
    );
    assert!(!rule.contains(Effective::Pass.name()), "{rule}");
}

#[test]
fn a_large_cluster_gives_a_small_page() {
    let snapshot = sample::large(3000, 2);
    let report = sample::report(&snapshot);
    let page = page(&report);
    check(&page);
    assert!(page.len() < 4 << 20, "{} bytes", page.len());
    assert!(
        page.contains("more results on"),
        "and says what it leaves out"
    );
}

#[test]
fn words_stand_out_from_what_is_behind_them() {
    let schemes: Vec<&str> = STYLE.split(":root {").skip(1).collect();
    assert_eq!(schemes.len(), 3, "light, dark and paper");
    for scheme in schemes {
        let (scheme, _) = scheme.split_once('}').unwrap();
        let colour = |name: &str| {
            let (_, after) = scheme.split_once(&format!("--{name}: #")).unwrap();
            let (digits, _) = after.split_once(';').unwrap();
            luminance(digits)
        };
        let verdicts = ["fail", "unsure", "pass", "waived", "none"];
        let grounds = ["paper".to_owned(), "raised".to_owned()];
        let words = ["ink", "soft", "accent"].iter().chain(&verdicts);
        let mut pairs: Vec<(&str, String)> = words
            .flat_map(|word| grounds.iter().map(|ground| (*word, ground.clone())))
            .collect();
        for verdict in verdicts {
            let wash = format!("{verdict}-wash");
            pairs.extend([(verdict, wash.clone()), ("ink", wash)]);
        }
        for (word, ground) in pairs {
            let (one, other) = (colour(word), colour(&ground));
            let ratio = (one.max(other) + 0.05) / (one.min(other) + 0.05);
            assert!(
                ratio >= 4.5,
                "{word} on {ground}: {ratio:.2}, WCAG 2.2 AA asks for 4.5"
            );
        }
    }
}

/// Relative luminance, as WCAG 2.2 defines it.
fn luminance(digits: &str) -> f64 {
    let wide: String = match digits.len() {
        3 => digits.chars().flat_map(|digit| [digit, digit]).collect(),
        _ => digits.to_owned(),
    };
    let channel = |start: usize| {
        let value = f64::from(u8::from_str_radix(&wide[start..start + 2], 16).unwrap()) / 255.0;
        if value <= 0.04045 {
            value / 12.92
        } else {
            ((value + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * channel(0) + 0.7152 * channel(2) + 0.0722 * channel(4)
}
