//! Where results are: a path for each workload, and a fingerprint that outlives its pods.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::canonical;
use crate::report::{Place, Unit};

/// The file that would hold the object: GitHub shows no result without one.
pub(super) fn uri(cluster: &str, place: Place<'_>) -> String {
    let namespace = or(place.namespace, "_cluster");
    let name = or(place.name, "_");
    let segments = ["cluster", cluster, namespace, place.kind].map(segment);
    format!("{}/{}.yaml", segments.join("/"), segment(name))
}

/// Physical location for GitHub, logical for readers that know objects.
pub(super) fn location(cluster: &str, unit: &Unit<'_>) -> Value {
    let place = unit.place;
    let mut path: Vec<&str> = vec![cluster, place.namespace, place.kind, place.name];
    path.retain(|part| !part.is_empty());
    let mut name = path.join("/");
    if let Some(container) = &unit.result.container {
        name = format!("{name}/{container}");
    }
    if let Some(port) = &unit.result.port {
        name = format!("{name}:{port}");
    }
    json!({
        "physicalLocation": {
            "artifactLocation": { "uri": uri(cluster, place) },
            "region": { "startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 2 },
        },
        "logicalLocations": [{
            "name": super::visible(or(place.name, place.kind)),
            "fullyQualifiedName": super::visible(&name),
            "kind": "resource",
        }],
    })
}

/// SHA-256 of what stays when pods are replaced and words or reasons change.
pub(super) fn fingerprint(cluster: &str, rule: &str, unit: &Unit<'_>) -> String {
    let place = unit.place;
    let port = unit.result.port.as_ref().map(ToString::to_string);
    let parts = [
        "sc39/v1",
        rule,
        cluster,
        place.namespace,
        place.kind,
        place.name,
        unit.result.container.as_deref().unwrap_or_default(),
        port.as_deref().unwrap_or_default(),
    ];
    canonical::sha256(parts.join("\u{1f}").as_bytes())
}

fn or<'a>(text: &'a str, instead: &'a str) -> &'a str {
    if text.is_empty() { instead } else { text }
}

/// A segment of a path as RFC 3986 has it. Those of dots alone would lead elsewhere, encoded or not.
fn segment(text: &str) -> String {
    let mut segment = String::with_capacity(text.len());
    if text.bytes().all(|byte| byte == b'.') {
        segment.push('_');
    }
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            segment.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(segment, "%{byte:02X}");
        }
    }
    segment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_one_place_each_and_nowhere_else() {
        let table = [
            (("shop", "Deployment", "web"), "c/shop/Deployment/web.yaml"),
            (("", "Node", "node-a"), "c/_cluster/Node/node-a.yaml"),
            (("", "Cluster", ""), "c/_cluster/Cluster/_.yaml"),
            (("..", "Pod", ".."), "c/_../Pod/_...yaml"),
            (("a/b", "Pod", "x?y#z"), "c/a%2Fb/Pod/x%3Fy%23z.yaml"),
            (
                ("shop", "Pod", "é\u{202e}"),
                "c/shop/Pod/%C3%A9%E2%80%AE.yaml",
            ),
        ];
        for ((namespace, kind, name), expected) in table {
            let place = Place {
                namespace,
                kind,
                name,
            };
            assert_eq!(uri("c", place), format!("cluster/{expected}"));
        }
    }
}
