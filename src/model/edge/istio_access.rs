//! Which addresses Istio's authorization policies let through to a host of a gateway.
//!
//! A request passes if no `DENY` rule matches it and, where there are `ALLOW` policies, a rule of one of them does
//! (istio `security/v1beta1/authorization_policy.proto`). What is worked out is the set of addresses that may pass at most.

use std::collections::BTreeSet;

use super::ranges::Range;
use crate::kind::Kind;
use crate::model::mesh::Fact;
use crate::model::mesh::control_plane::Counted;
use crate::model::{Model, PodGroup, selector};
use crate::projection::Projection;
use crate::projection::istio_access::{
    AccessRule, AccessSource, AuthorizationPolicy, AuthorizationPolicySpec, Operation,
};

/// Who may pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// Clients of any address.
    Everybody,
    /// Clients of these addresses at most. `stated` where headers may state the address.
    Only { ranges: Vec<Range>, stated: bool },
    /// Nobody.
    Nobody,
    /// It can't be told.
    Unclear(&'static str),
}

/// Who may pass to a host at the pods of a gateway, and the policies that decide.
pub fn access(
    model: &Model<'_>,
    groups: impl Iterator<Item = usize>,
    host: &str,
) -> (Access, Vec<Fact>) {
    let mut found: Option<Access> = None;
    let mut facts: BTreeSet<usize> = BTreeSet::new();
    for pod in groups.filter_map(|group| model.pods.get(group)) {
        let of_pod = match policies(model, pod) {
            Ok(policies) => {
                facts.extend(policies.iter().map(|(index, _)| *index));
                at_pod(&policies, host)
            }
            Err(why) => Access::Unclear(why),
        };
        found = Some(match found {
            Some(known) => either(known, of_pod),
            None => of_pod,
        });
    }
    let facts = facts.into_iter().filter_map(|index| {
        let Projection::AuthorizationPolicy(policy) = model.object(index).projection.as_ref()
        else {
            return None;
        };
        Some(Fact {
            object: Some(index),
            pointer: "/spec".to_owned(),
            value: serde_json::to_value(&policy.spec).ok(),
        })
    });
    let found = found.unwrap_or(Access::Unclear("no running pod of the gateway is known"));
    (found, facts.collect())
}

type Policies<'m> = Vec<(usize, &'m AuthorizationPolicySpec)>;

/// The policies that count for a pod: those of its namespace and of the mesh, by their labels.
fn policies<'m>(model: &'m Model<'_>, pod: &PodGroup<'_>) -> Result<Policies<'m>, &'static str> {
    if !model.mesh.knows_roots() {
        return Err("the mesh configuration was not read");
    }
    let roots = model.mesh.root_namespaces();
    let mut policies = Vec::new();
    for (index, object) in model.snapshot.of_kind(Kind::AuthorizationPolicy) {
        let Projection::AuthorizationPolicy(policy) = object.projection.as_ref() else {
            continue;
        };
        let namespace = object.namespace();
        if namespace != pod.namespace && !roots.contains(&namespace) || !selects(policy, pod) {
            continue;
        }
        let planes = model.mesh.control_planes.iter();
        let counted: Vec<Counted> = planes
            .map(|plane| plane.counts(namespace, &policy.metadata))
            .collect();
        if counted.iter().all(|counted| *counted == Counted::Yes) {
            policies.push((index, &policy.spec));
        } else if !counted.iter().all(|counted| *counted == Counted::No) {
            return Err("whether a policy counts for the gateway can't be told");
        }
    }
    Ok(policies)
}

/// Policies with targets are attached to gateways of the Gateway API, to waypoints and Services.
fn selects(policy: &AuthorizationPolicy, pod: &PodGroup<'_>) -> bool {
    let spec = &policy.spec;
    if spec.target_ref.is_some() || !spec.target_refs.is_empty() {
        return false;
    }
    spec.selector
        .as_ref()
        .is_none_or(|selector| selector::matches_labels(&selector.match_labels, pod))
}

fn at_pod(policies: &Policies<'_>, host: &str) -> Access {
    let of = |wanted: &'static str| {
        policies
            .iter()
            .filter(move |(_, spec)| spec.action.as_deref().unwrap_or("ALLOW") == wanted)
    };
    let rules = |action| of(action).flat_map(|(_, spec)| &spec.rules);
    let known = ["ALLOW", "DENY", "AUDIT", "CUSTOM"];
    let is_known =
        |spec: &AuthorizationPolicySpec| known.contains(&spec.action.as_deref().unwrap_or("ALLOW"));
    if policies.iter().any(|(_, spec)| !is_known(spec)) {
        return Access::Unclear("a policy has an action that is not known");
    }
    let mut access = if of("ALLOW").next().is_none() {
        Access::Everybody
    } else {
        rules("ALLOW")
            .filter(|rule| may_match(rule, host))
            .map(admitted)
            .reduce(either)
            .unwrap_or(Access::Nobody)
    };
    for rule in rules("DENY").filter(|rule| matches_all(rule, host)) {
        access = both(access, not_denied(rule));
    }
    let asks_others = rules("CUSTOM").any(|rule| may_match(rule, host));
    match access {
        Access::Everybody | Access::Unclear(_) if asks_others => {
            Access::Unclear("an external authorizer decides as well")
        }
        access => access,
    }
}

/// Whether a rule may match requests to a host.
fn may_match(rule: &AccessRule, host: &str) -> bool {
    rule.to.is_empty()
        || rule.to.iter().any(|to| {
            let Operation {
                hosts, not_hosts, ..
            } = &to.operation;
            let named = hosts.is_empty() || hosts.iter().any(|pattern| names(pattern, host));
            named && !not_hosts.iter().any(|pattern| names(pattern, host))
        })
}

/// Whether a rule matches all requests to a host, if only their source is right.
fn matches_all(rule: &AccessRule, host: &str) -> bool {
    let every = |operation: &Operation| {
        let plain = Operation {
            hosts: operation.hosts.clone(),
            ..Operation::default()
        };
        let hosts = &operation.hosts;
        *operation == plain
            && (hosts.is_empty() || hosts.iter().any(|pattern| includes(pattern, host)))
    };
    rule.when.is_empty() && (rule.to.is_empty() || rule.to.iter().any(|to| every(&to.operation)))
}

/// A pattern without the port that clients may send with the host.
fn bare(pattern: &str) -> String {
    let pattern = pattern.trim();
    let host = pattern.rsplit_once(':').map_or(pattern, |(host, _)| host);
    host.to_lowercase()
}

/// Whether a pattern may name a host: exactly, by its beginning or its end.
fn names(pattern: &str, host: &str) -> bool {
    includes(pattern, host)
        || host.starts_with('*') && {
            // A wildcard of the Ingress: some of its hosts may be meant.
            let (pattern, suffix) = (bare(pattern), host.trim_start_matches('*'));
            pattern.ends_with(suffix) || pattern.ends_with('*')
        }
}

fn includes(pattern: &str, host: &str) -> bool {
    let pattern = bare(pattern);
    if pattern == "*" {
        return true;
    }
    if let Some(suffix) = pattern.strip_prefix('*') {
        return host.ends_with(suffix);
    }
    match pattern.strip_suffix('*') {
        Some(prefix) => host.starts_with(prefix),
        None => host == pattern,
    }
}

/// The addresses that a rule of an `ALLOW` policy admits at most.
fn admitted(rule: &AccessRule) -> Access {
    let sources = rule
        .from
        .iter()
        .map(|from| of_source(&from.source))
        .reduce(either)
        .unwrap_or(Access::Everybody);
    rule.when
        .iter()
        .fold(sources, |access, condition| match condition.key.as_str() {
            "source.ip" if !condition.values.is_empty() => {
                both(access, only(&condition.values, false))
            }
            "remote.ip" if !condition.values.is_empty() => {
                both(access, only(&condition.values, true))
            }
            _ => access,
        })
}

fn of_source(source: &AccessSource) -> Access {
    let mut access = Access::Everybody;
    if !source.ip_blocks.is_empty() {
        access = both(access, only(&source.ip_blocks, false));
    }
    if !source.remote_ip_blocks.is_empty() {
        access = both(access, only(&source.remote_ip_blocks, true));
    }
    access
}

/// Who is left by a `DENY` rule: all those that it does not name, if it names everybody but some.
fn not_denied(rule: &AccessRule) -> Access {
    if rule.from.is_empty() {
        return Access::Nobody;
    }
    let mut access = Access::Everybody;
    for from in &rule.from {
        let source = &from.source;
        let plain = AccessSource {
            not_ip_blocks: source.not_ip_blocks.clone(),
            not_remote_ip_blocks: source.not_remote_ip_blocks.clone(),
            ..AccessSource::default()
        };
        if *source != plain {
            continue;
        }
        access = match (
            source.not_ip_blocks.as_slice(),
            source.not_remote_ip_blocks.as_slice(),
        ) {
            ([], []) => Access::Nobody,
            (blocks, []) => both(access, only(blocks, false)),
            ([], blocks) => both(access, only(blocks, true)),
            // Denied is who is in neither list: who is in one of them is left.
            (blocks, further) => both(access, either(only(blocks, false), only(further, true))),
        };
    }
    access
}

fn only(blocks: &[String], stated: bool) -> Access {
    let ranges: Option<Vec<Range>> = blocks.iter().map(|block| Range::parse(block)).collect();
    ranges.map_or(
        Access::Unclear("a policy names something else than addresses"),
        |ranges| Access::Only { ranges, stated },
    )
}

/// Who passes by one way or the other.
pub fn either(left: Access, right: Access) -> Access {
    match (left, right) {
        (Access::Everybody, _) | (_, Access::Everybody) => Access::Everybody,
        (Access::Unclear(why), _) | (_, Access::Unclear(why)) => Access::Unclear(why),
        (Access::Nobody, other) | (other, Access::Nobody) => other,
        (
            Access::Only { mut ranges, stated },
            Access::Only {
                ranges: further,
                stated: also,
            },
        ) => {
            ranges.extend(further);
            let stated = stated || also;
            Access::Only { ranges, stated }
        }
    }
}

/// Who passes by both; of two lists the first counts that says more of the sender itself.
fn both(left: Access, right: Access) -> Access {
    match (left, right) {
        (Access::Nobody, _) | (_, Access::Nobody) => Access::Nobody,
        (Access::Everybody, other) | (other, Access::Everybody) => other,
        (
            Access::Only {
                ranges,
                stated: false,
            },
            _,
        )
        | (
            _,
            Access::Only {
                ranges,
                stated: false,
            },
        ) => Access::Only {
            ranges,
            stated: false,
        },
        (known @ Access::Only { .. }, _) | (_, known @ Access::Only { .. }) => known,
        (unclear @ Access::Unclear(_), Access::Unclear(_)) => unclear,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(policies: &serde_json::Value) -> String {
        let specs: Vec<AuthorizationPolicySpec> = serde_json::from_value(policies.clone()).unwrap();
        let policies: Policies<'_> = specs.iter().map(|spec| (0, spec)).collect();
        match at_pod(&policies, "claims.agency.example") {
            Access::Everybody => "everybody".to_owned(),
            Access::Nobody => "nobody".to_owned(),
            Access::Unclear(why) => why.to_owned(),
            Access::Only { ranges, stated } => {
                format!(
                    "{} ranges{}",
                    ranges.len(),
                    if stated { ", stated" } else { "" }
                )
            }
        }
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn policies_add_up() {
        let office = json!({"from": [{"source": {"ipBlocks": ["10.0.0.0/8"]}}]});
        let stated = json!({"from": [{"source": {"remoteIpBlocks": ["10.0.0.0/8"]}}]});
        let elsewhere = json!({"to": [{"operation": {"hosts": ["hr.agency.example"]}}]});
        let table = [
            (json!([]), "everybody", "no policy"),
            (json!([{}]), "nobody", "an allow policy without rules"),
            (
                json!([{"rules": [{}]}]),
                "everybody",
                "a rule that matches all",
            ),
            (json!([{"rules": [office]}]), "1 ranges", "one list"),
            (
                json!([{"rules": [stated]}]),
                "1 ranges, stated",
                "an address that headers may state",
            ),
            (
                json!([{"rules": [stated]}, {"rules": [{}]}]),
                "everybody",
                "policies are united",
            ),
            (
                json!([{"rules": [office, stated]}]),
                "2 ranges, stated",
                "rules are united",
            ),
            (
                json!([{"rules": [elsewhere]}]),
                "nobody",
                "a rule for another host",
            ),
            (
                json!([{"rules": [office, elsewhere]}]),
                "1 ranges",
                "the same beside a list",
            ),
            (
                json!([{"action": "DENY", "rules": [{"from": [{"source": {"notIpBlocks": ["10.0.0.0/8"]}}]}]}]),
                "1 ranges",
                "all but some are denied",
            ),
            (
                json!([{"action": "DENY", "rules": [{"from": [{"source": {"notIpBlocks": ["10.0.0.0/8"], "notPrincipals": ["a"]}}]}]}]),
                "everybody",
                "who has an identity is not denied",
            ),
            (
                json!([{"action": "DENY", "rules": [{"from": [{"source": {"notIpBlocks": ["10.0.0.0/8"]}}], "to": [{"operation": {"paths": ["/admin"]}}]}]}]),
                "everybody",
                "one path alone",
            ),
            (
                json!([{"action": "DENY", "rules": [{}]}]),
                "nobody",
                "all are denied",
            ),
            (
                json!([{"action": "DENY", "rules": [office]}]),
                "everybody",
                "a list of those who may not",
            ),
            (
                json!([{"action": "DENY"}]),
                "everybody",
                "a deny policy without rules",
            ),
            (
                json!([{"action": "AUDIT", "rules": [office]}]),
                "everybody",
                "audit denies nothing",
            ),
            (
                json!([{"action": "CUSTOM", "rules": [{}]}]),
                "an external authorizer decides as well",
                "somebody else is asked",
            ),
            (
                json!([{"action": "CUSTOM", "rules": [{}]}, {"rules": [office]}]),
                "1 ranges",
                "it can only narrow a list",
            ),
            (
                json!([{"action": "allow", "rules": [office]}]),
                "a policy has an action that is not known",
                "case counts",
            ),
            (
                json!([{"rules": [{"from": [{"source": {"ipBlocks": ["office"]}}]}]}]),
                "a policy names something else than addresses",
                "no address",
            ),
            (
                json!([{"rules": [{"when": [{"key": "source.ip", "values": ["10.0.0.0/8"]}]}]}]),
                "1 ranges",
                "a condition on the address",
            ),
            (
                json!([{"rules": [{"when": [{"key": "request.headers[x]", "values": ["a"]}]}]}]),
                "everybody",
                "another condition",
            ),
            (
                json!([{"rules": [{"to": [{"operation": {"hosts": ["*.agency.example:*"]}}], "from": [{"source": {"ipBlocks": ["10.0.0.0/8"]}}]}]}]),
                "1 ranges",
                "a wildcard with any port",
            ),
        ];
        for (policies, expected, why) in table {
            assert_eq!(of(&policies), expected, "{why}");
        }
    }
}
