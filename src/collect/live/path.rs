//! Paths of requests.

use std::fmt::Write as _;

use crate::kind::Kind;

/// Path of a list, or of one object.
pub(super) fn of(kind: Kind, version: &str, namespace: Option<&str>, name: Option<&str>) -> String {
    let api = kind.api();
    let mut path = of_version(kind.group_at(version), version);
    if let Some(namespace) = namespace {
        path.push_str("/namespaces/");
        push_encoded(&mut path, namespace);
    }
    path.push('/');
    path.push_str(api.plural);
    if let Some(name) = name {
        path.push('/');
        push_encoded(&mut path, name);
    }
    path
}

/// Path of an API version's list of resources.
pub(super) fn of_version(group: &str, version: &str) -> String {
    if group.is_empty() {
        format!("/api/{version}")
    } else {
        format!("/apis/{group}/{version}")
    }
}

/// Path of one page of a list.
pub(super) fn of_page(list: &str, page_size: u32, token: Option<&str>) -> String {
    let mut path = format!("{list}?limit={}", page_size.max(1));
    if let Some(token) = token {
        path.push_str("&continue=");
        push_encoded(&mut path, token);
    }
    path
}

/// Encodes all but the characters that mean nothing in a path or query.
fn push_encoded(path: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            path.push(char::from(byte));
        } else {
            write!(path, "%{byte:02X}").expect("writing to a string cannot fail");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_their_segment() {
        assert_eq!(
            of(Kind::ConfigMap, "v1", Some("istio-system"), Some("istio")),
            "/api/v1/namespaces/istio-system/configmaps/istio"
        );
        assert_eq!(
            of(Kind::Pod, "v1", Some("../secrets?x"), None),
            "/api/v1/namespaces/..%2Fsecrets%3Fx/pods"
        );
        assert_eq!(
            of_page("/apis/apps/v1/deployments", 0, Some("a=&b")),
            "/apis/apps/v1/deployments?limit=1&continue=a%3D%26b"
        );
    }
}
