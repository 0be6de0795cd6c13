//! What single rules come to where the random clusters have none like them.

use super::small::*;
use super::*;
use crate::testing::mesh::{namespace, object};

#[test]
fn what_the_api_refuses_or_does_not_know_in_a_peer_may_name_anybody() {
    let block = "ipBlock: {cidr: 203.0.113.0/24}";
    let table = [
        (format!("[{{{block}}}]"), NONE, "a block without pods"),
        (
            format!("[{{{block}, podSelector: {{}}}}]"),
            OPEN,
            "a block beside a selector of pods",
        ),
        (
            format!("[{{{block}, namespaceSelector: {{}}}}]"),
            OPEN,
            "a block beside a selector of namespaces",
        ),
        ("[{}]".to_owned(), OPEN, "no field"),
        (
            "[{podSelector: {matchLabels: {app: web}}}]".to_owned(),
            NONE,
            "pods of its own namespace",
        ),
        (
            "[{podSelector: {matchLabels: {app: web}}}, {}]".to_owned(),
            OPEN,
            "pods of its own namespace, and no field",
        ),
    ];
    for (from, expected, why) in table {
        let yaml = two_pods() + &ingress(&format!("[{{from: {from}}}]"));
        assert_eq!(verdict_of(&yaml), expected, "{why}");
    }
    let allowing = |from: &str| {
        let spec = format!(
            "{{priority: 1, subject: {{namespaces: {{}}}}, ingress: [{{action: Allow, from: {from}}}]}}"
        );
        two_pods() + &ingress("[]") + &admin("admin", true, &spec)
    };
    assert_eq!(
        verdict_of(&allowing("[{nodes: {}}]")),
        NONE,
        "nodes are no pods"
    );
    assert_eq!(
        verdict_of(&allowing("[{}]")),
        OPEN,
        "no field, over the cluster"
    );
}

#[test]
fn labels_of_a_namespace_that_was_not_read_may_be_any_but_its_name() {
    let table = [
        ("{matchLabels: {t: x}}", OPEN, "some label"),
        (
            "{matchLabels: {kubernetes.io/metadata.name: b}}",
            CERTAIN,
            "its name",
        ),
        (
            "{matchLabels: {kubernetes.io/metadata.name: a}}",
            NONE,
            "another name",
        ),
    ];
    for (selector, expected, why) in table {
        let from = format!("[{{from: [{{namespaceSelector: {selector}}}]}}]");
        let yaml = (two_pods() + &ingress(&from)).replace(&namespace("b", "{}"), "");
        assert_eq!(verdict_of(&yaml), expected, "{why}");
    }
}

#[test]
fn the_older_baseline_comes_after_all_of_the_newer_one() {
    let rules = |action: &str| {
        format!(
            "subject: {{namespaces: {{}}}}, ingress: [{{action: {action}, from: [{{namespaces: {{}}}}]}}]"
        )
    };
    let older = cluster_policy(
        "v1alpha1",
        "BaselineAdminNetworkPolicy",
        "default",
        true,
        &format!("{{{}}}", rules("Deny")),
    );
    let newer = cluster_policy(
        "v1alpha2",
        "ClusterNetworkPolicy",
        "newer",
        true,
        &format!("{{tier: Baseline, priority: 5, {}}}", rules("Accept")),
    );
    assert_eq!(verdict_of(&(two_pods() + &older)), NONE);
    assert_eq!(verdict_of(&(two_pods() + &older + &newer)), CERTAIN);
}

#[test]
fn policies_of_plugins_count_where_the_plugin_may_run() {
    let cilium = object(
        "cilium.io/v2",
        "CiliumNetworkPolicy",
        "a",
        "cilium",
        "{endpointSelector: {}, ingress: [{}]}",
    );
    let calico = object(
        "projectcalico.org/v3",
        "NetworkPolicy",
        "a",
        "calico",
        "{types: [Ingress]}",
    );
    let isolating = |nodes: &[(&str, Option<&str>)]| {
        let nodes: String = nodes
            .iter()
            .map(|(name, agent)| node(name, *agent))
            .collect();
        of(&format!("{nodes}{cilium}{calico}"), |model, reach| {
            let found = reach.isolating(Direction::Ingress, "a");
            let names = found
                .iter()
                .map(|index| model.object(*index).name().to_owned());
            names.collect::<Vec<_>>()
        })
    };
    let calico_node = ("one", Some("calico-node"));
    assert_eq!(isolating(&[calico_node]), ["calico"]);
    assert_eq!(isolating(&[("one", Some("cilium"))]), ["cilium"]);
    assert_eq!(
        isolating(&[("one", Some("kindnet"))]),
        [""; 0],
        "neither runs"
    );
    let both = ["cilium", "calico"];
    assert_eq!(isolating(&[]), both, "no node was seen");
    assert_eq!(
        isolating(&[calico_node, ("two", None)]),
        both,
        "nobody knows what runs on a node"
    );
}

/// How sure it is that a pod made in `b` reaches `a/web`, and the first choice of labels that gets it there.
fn made(yaml: &str) -> (Verdict, String) {
    of(yaml, |model, reach| {
        let to = group(model, "web");
        let finding = reach.permitted(to, &tcp(80), |namespace| namespace == "b");
        let path = finding.certain.as_ref().or(finding.possible.as_ref());
        let labels = path.map(|path| match &path.source {
            Source::Made { labels, .. } => {
                let written = labels.iter().map(|(key, value)| format!("{key}={value}"));
                written.collect::<Vec<_>>().join(" ")
            }
            Source::Pods(_) => panic!("it is made"),
        });
        (verdict(&finding), labels.unwrap_or_default())
    })
}

#[test]
fn labels_are_chosen_for_pods_that_somebody_makes() {
    let odd = "{namespaceSelector: {}, podSelector: {matchExpressions: [{key: k, operator: Odd}]}}";
    let named = "{namespaceSelector: {}, podSelector: {matchLabels: {app: x}}}";
    let subject = "{pods: {namespaceSelector: {}, podSelector: {matchLabels: {role: x}}}}";
    let rule = "{action: Allow, to: [{namespaces: {}}]}";
    let out = format!("{{priority: 1, subject: {subject}, egress: [{rule}]}}");
    let table = [
        (
            ingress(&format!("[{{from: [{odd}]}}]")),
            (OPEN, ""),
            "it can't be told, and labels make no difference",
        ),
        (
            ingress(&format!("[{{from: [{odd}, {named}]}}]")),
            (CERTAIN, "app=x"),
            "a label makes it certain",
        ),
        (
            egress("[]") + &admin("admin", true, &out),
            (CERTAIN, "role=x"),
            "a policy over the cluster lets out those with a label",
        ),
    ];
    for (policies, (expected, labels), why) in table {
        let (found, chosen) = made(&(two_pods() + &policies));
        assert_eq!((found, chosen.as_str()), (expected, labels), "{why}");
    }
}

#[test]
fn policies_that_may_not_count_leave_open_what_pods_to_be_made_reach() {
    let deny = "{priority: 1, subject: {namespaces: {}}, ingress: [{action: Deny, from: [{namespaces: {}}]}]}";
    let odd = "{podSelector: {matchExpressions: [{key: k, operator: Odd}]}}";
    let table = [
        (String::new(), CERTAIN, "no policy"),
        (
            admin("admin", true, deny),
            NONE,
            "one over the cluster that counts",
        ),
        (admin("admin", false, deny), OPEN, "one that may not"),
        (
            policy("a", "{podSelector: {}}"),
            NONE,
            "one that selects the destination",
        ),
        (policy("a", odd), OPEN, "one that may not"),
    ];
    for (policies, expected, why) in table {
        assert_eq!(made(&(two_pods() + &policies)).0, expected, "{why}");
    }
}

#[test]
fn pods_to_be_made_may_get_out_past_policies_that_isolate_them() {
    let plugin = object(
        "projectcalico.org/v3",
        "NetworkPolicy",
        "b",
        "plugin",
        "{types: [Egress], egress: [{action: Allow}]}",
    );
    let table = [
        (String::new(), NONE, "policies count on every node"),
        (node("three", None), OPEN, "by a node that nobody knows"),
        (plugin, OPEN, "by a policy of a plugin"),
    ];
    for (more, expected, why) in table {
        let yaml = two_pods() + &egress("[]") + &more;
        assert_eq!(made(&yaml).0, expected, "{why}");
    }
}
