//! Names of hosts, as the objects of the edge match them. Case does not count, and no host means every host.

/// Stands for every host.
pub const ANY: &str = "*";

/// A host in lower case; absent and empty mean every host.
pub fn normal(host: Option<&str>) -> String {
    match host.map(str::trim) {
        None | Some("") => ANY.to_owned(),
        Some(host) => host.trim_end_matches('.').to_lowercase(),
    }
}

/// Whether an Ingress' wildcard covers a host: exactly one label (`k8s.io/api/networking/v1`, `IngressRule`).
pub fn covers_one_label(pattern: &str, host: &str) -> bool {
    let Some(suffix) = pattern.strip_prefix("*.") else {
        return false;
    };
    host.split_once('.')
        .is_some_and(|(label, rest)| !label.is_empty() && rest == suffix)
}

/// The hosts that two names have in common, in the Gateway API and in Istio: a wildcard covers any number of labels
/// and not the bare domain (gateway-api `apis/v1/gateway_types.go`).
pub fn intersection(left: &str, right: &str) -> Option<String> {
    if left == ANY || left == right {
        return Some(right.to_owned());
    }
    if right == ANY {
        return Some(left.to_owned());
    }
    let covers = |wild: &str, name: &str| {
        wild.strip_prefix('*')
            .is_some_and(|suffix| name.len() > suffix.len() && name.ends_with(suffix))
    };
    if covers(left, right) {
        Some(right.to_owned())
    } else if covers(right, left) {
        Some(left.to_owned())
    } else {
        None
    }
}

/// Whether the first name covers all hosts of the second.
pub fn includes(wide: &str, narrow: &str) -> bool {
    intersection(wide, narrow).is_some_and(|common| common == narrow)
}

/// How specific a name is: exact names before wildcards, longer before shorter.
pub fn specificity(host: &str) -> (bool, usize) {
    (!host.starts_with('*'), host.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_cover_one_label_in_ingresses_and_any_number_in_gateways() {
        assert!(covers_one_label("*.x.example", "a.x.example"));
        assert!(!covers_one_label("*.x.example", "b.a.x.example"));
        assert!(!covers_one_label("*.x.example", "x.example"));
        let table = [
            ("*", "a.x", Some("a.x")),
            ("*.x", "a.x", Some("a.x")),
            ("*.x", "b.a.x", Some("b.a.x")),
            ("*.x", "x", None),
            ("*.x", "*.a.x", Some("*.a.x")),
            ("a.x", "*.x", Some("a.x")),
            ("a.x", "b.x", None),
            ("*.x", "*.y", None),
        ];
        for (left, right, common) in table {
            assert_eq!(
                intersection(left, right).as_deref(),
                common,
                "{left} {right}"
            );
        }
        assert!(includes("*.x", "a.x") && !includes("a.x", "*.x"));
        assert_eq!(normal(Some(" A.X. ")), "a.x");
    }
}
