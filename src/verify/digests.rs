//! Digests in the file, against the content that they are of.

use aws_lc_rs::digest::{Context, SHA256};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::check::{Check, Findings};
use super::shown::{self, shown_text};
use crate::canonical;
use crate::evidence::{Members, elements, strict};

#[derive(Deserialize)]
struct Projection<'t> {
    digest: String,
    #[serde(borrow)]
    value: &'t RawValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Integrity {
    content_digest: String,
}

/// The digest that the file states of its content.
pub(super) fn stated(text: &str) -> Option<String> {
    let members = Members::of(text).ok()?;
    let integrity: Integrity = serde_json::from_str(members.get("integrity")?).ok()?;
    Some(integrity.content_digest)
}

/// The same, if the content has it.
pub fn sealed(text: &str) -> Option<String> {
    let found = digest(&Members::of(text).ok()?).ok()?;
    stated(text).filter(|stated| *stated == found)
}

/// Checks all digests of a document.
pub(super) fn check(text: &str, findings: &mut Findings) {
    let Ok(members) = Members::of(text) else {
        return;
    };
    content(&members, findings);
    let projections = members.get("projections").unwrap_or("[]");
    let projections = elements(projections).unwrap_or_default();
    for (index, text) in projections.iter().enumerate() {
        let Ok(projection) = serde_json::from_str::<Projection<'_>>(text.get()) else {
            let message = "expected a digest and a value";
            findings.add(Check::Form, format!("/projections/{index}"), message);
            continue;
        };
        let Ok(value) = strict(projection.value.get()) else {
            continue;
        };
        let found = canonical::sha256(shown::canonical(&value).as_bytes());
        if projection.digest != format!("sha256:{found}") {
            let message = format!(
                "recorded {}, and the value has sha256:{found}",
                shown_text(&projection.digest)
            );
            let pointer = format!("/projections/{index}/digest");
            findings.add(Check::Projections, pointer, message);
        }
    }
}

fn content(members: &Members<'_>, findings: &mut Findings) {
    let pointer = "/integrity/contentDigest";
    let Some(integrity) = members.get("integrity") else {
        return findings.add(Check::ContentDigest, "/integrity", "the member is missing");
    };
    let stated = match serde_json::from_str::<Integrity>(integrity) {
        Ok(integrity) => integrity.content_digest,
        Err(error) => return findings.add(Check::ContentDigest, pointer, error.to_string()),
    };
    match digest(members) {
        Ok(found) if found == stated => {}
        Ok(found) => {
            let message = format!(
                "recorded {}, and the content has {found}: it was changed after it was written",
                shown_text(&stated)
            );
            findings.add(Check::ContentDigest, pointer, message);
        }
        Err(error) => findings.add(Check::Form, "", error.to_string()),
    }
}

/// SHA-256 of the canonical form of a document without `integrity`, made part by part.
fn digest(members: &Members<'_>) -> Result<String, serde_json::Error> {
    let mut context = Context::new(&SHA256);
    let mut sorted: Vec<(&str, &str)> = members
        .0
        .iter()
        .map(|(name, text)| (name.as_str(), text.get()))
        .filter(|(name, _)| *name != "integrity")
        .collect();
    sorted.sort_by(|(left, _), (right, _)| left.encode_utf16().cmp(right.encode_utf16()));
    context.update(b"{");
    for (index, (name, text)) in sorted.into_iter().enumerate() {
        if index > 0 {
            context.update(b",");
        }
        context.update(serde_json::to_string(name)?.as_bytes());
        context.update(b":");
        match elements(text) {
            Ok(list) => {
                context.update(b"[");
                for (index, element) in list.iter().enumerate() {
                    if index > 0 {
                        context.update(b",");
                    }
                    context.update(shown::canonical(&strict(element.get())?).as_bytes());
                }
                context.update(b"]");
            }
            Err(_) => context.update(shown::canonical(&strict(text)?).as_bytes()),
        }
    }
    context.update(b"}");
    let digest = canonical::hexadecimal(context.finish().as_ref());
    Ok(format!("sha256:{digest}"))
}
