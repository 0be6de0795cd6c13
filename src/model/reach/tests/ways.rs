//! Where ways begin, what the plan declares of them, and how they are explained.

use super::small::*;
use super::*;
use crate::testing::mesh::object;

#[test]
fn pods_on_the_node_of_a_pod_reach_it_unless_the_plan_declares_that() {
    let yaml = format!(
        "{}{}{}",
        two_pods(),
        on_host("b", "agent", "one"),
        ingress("[]")
    );
    let flow = |from: &str, to: &str| {
        format!(
            "allowedFlows: [{{from: {{namespace: b, podLabels: {{app: {from}}}}}, to: {{namespace: {to}}}}}]"
        )
    };
    let table = [
        ("{}".to_owned(), true, CERTAIN, "no flow is declared"),
        (flow("agent", "a"), true, NONE, "this one is"),
        (
            flow("agent", "a"),
            false,
            CERTAIN,
            "nobody asks for declared ones",
        ),
        (flow("other", "a"), true, CERTAIN, "that of another pod is"),
        (flow("agent", "b"), true, CERTAIN, "that to another pod is"),
    ];
    for (plan, declared, expected, why) in table {
        let found = with_plan(
            &yaml,
            &format!("version: 1\n{}", plan.replace("{}", "")),
            |model, reach| verdict(&current(model, reach, &["agent"], &tcp(80), declared)),
        );
        assert_eq!(found, expected, "{why}");
    }
}

#[test]
fn a_pod_in_the_network_of_its_node_is_named_before_others() {
    let yaml = format!("{}{}", two_pods(), on_host("b", "agent", "one"));
    of(&yaml, |model, reach| {
        let finding = current(model, reach, &["agent", "other"], &tcp(80), false);
        let path = finding.certain.unwrap();
        assert_eq!(path.source, Source::Pods(group(model, "agent")));
        assert!(finding.possible.is_none());
    });
}

#[test]
fn policies_of_plugins_may_keep_out_other_nodes_where_policies_count() {
    let plugin = object(
        "projectcalico.org/v3",
        "NetworkPolicy",
        "a",
        "plugin",
        "{types: [Ingress]}",
    );
    let table = [
        ("one", "", CERTAIN, "nothing isolates"),
        ("one", &*plugin, OPEN, "a policy may"),
        ("three", &*plugin, CERTAIN, "policies do not count"),
    ];
    for (place, policies, expected, why) in table {
        let yaml = format!(
            "{}{}{}{}{policies}",
            calico(),
            node("three", Some("kube-flannel-ds")),
            pod("a", "web", place),
            on_host("b", "agent", "two"),
        );
        let found = of(&yaml, |model, reach| {
            verdict(&current(model, reach, &["agent"], &tcp(80), false))
        });
        assert_eq!(found, expected, "{why}");
    }
}

#[test]
fn declared_flows_are_those_between_the_pods_on_the_ports_that_they_name() {
    let range = ingress("[{ports: [{port: 80, endPort: 81}]}]");
    let from = |peer: &str, more: &str| {
        format!(
            "version: 1\nallowedFlows: [{{from: {peer}, to: {{podLabels: {{app: web}}}}{more}}}]\n"
        )
    };
    let table = [
        (from("{namespace: b}", ""), NONE, "the namespace"),
        (from("{namespace: a}", ""), CERTAIN, "another namespace"),
        (from("{podLabels: {app: other}}", ""), NONE, "the label"),
        (
            from("{podLabels: {app: web}}", ""),
            CERTAIN,
            "another label",
        ),
        (
            from("{namespace: b}", ", ports: [80, 81]"),
            NONE,
            "both ports that are open",
        ),
        (
            from("{namespace: b}", ", ports: [80]"),
            CERTAIN,
            "one of them",
        ),
    ];
    for (plan, expected, why) in table {
        let found = with_plan(&(two_pods() + &range), &plan, |model, reach| {
            verdict(&current(model, reach, &["other"], &Ports::Any, true))
        });
        assert_eq!(found, expected, "{why}");
    }
}

fn shown(admission: Admission) -> String {
    match admission {
        Admission::Rules(rules) => {
            let pointers = rules.into_iter().map(|(_, pointer)| pointer);
            pointers.collect::<Vec<_>>().join(" ")
        }
        other => format!("{other:?}"),
    }
}

#[test]
fn a_way_is_explained_by_the_rules_that_name_its_source_and_its_port() {
    let other = |end: &str| {
        format!(
            "[{{ports: [{{port: 443}}]}}, {{ports: [{{port: 80}}], {end}: [{{podSelector: {{matchLabels: {{app: none}}}}}}]}}, {{ports: [{{port: 80}}]}}]"
        )
    };
    let yaml = format!(
        "{}{}{}{}",
        two_pods(),
        on_host("kube-system", "agent", "two"),
        ingress(&other("from")),
        egress(&other("to"))
    );
    let explained = |from: &str| {
        of(&yaml, |model, reach| {
            let path = current(model, reach, &[from], &tcp(80), false)
                .certain
                .unwrap();
            let (out, into) = reach.admissions(model, &path);
            (shown(out), shown(into))
        })
    };
    let third = |direction: &str| format!("/spec/{direction}/2");
    assert_eq!(explained("other"), (third("egress"), third("ingress")));
    assert_eq!(
        explained("agent"),
        ("HostNetwork".to_owned(), third("ingress"))
    );
}

/// Why `b/other` may reach `a/web`, with names for what decides.
fn doubt(yaml: &str) -> String {
    of(yaml, |model, reach| {
        let finding = current(model, reach, &["other"], &tcp(80), false);
        assert!(finding.certain.is_none());
        match reach.doubt(model, &finding.possible.unwrap()) {
            Doubt::ClusterPolicies(objects) => {
                let names = objects.iter().map(|object| model.object(*object).name());
                names.collect::<Vec<_>>().join(" ")
            }
            doubt => format!("{doubt:?}"),
        }
    })
}

#[test]
fn an_unknown_node_at_either_end_is_what_leaves_a_way_open() {
    let table = [
        ("three", "two", ingress("[]"), "of the destination"),
        ("one", "three", egress("[]"), "of the source"),
    ];
    for (to, from, policy, why) in table {
        let (web, other) = (pod("a", "web", to), pod("b", "other", from));
        let yaml = format!("{}{}{web}{other}{policy}", calico(), node("three", None));
        assert_eq!(doubt(&yaml), "Enforcement", "{why}");
    }
}

#[test]
fn policies_over_the_cluster_are_in_doubt_where_they_share_a_priority() {
    let policy = |name: &str, priority: u8, action: &str, from: &str| {
        let spec = format!(
            "{{priority: {priority}, subject: {{namespaces: {{}}}}, ingress: [{{action: {action}, from: [{{namespaces: {from}}}]}}]}}"
        );
        admin(name, true, &spec)
    };
    let yaml = two_pods()
        + &policy("first", 1, "Deny", "{matchLabels: {t: none}}")
        + &policy("second", 2, "Allow", "{}")
        + &policy("third", 2, "Deny", "{}");
    assert_eq!(doubt(&yaml), "second third");
}

#[test]
fn declared_ports_are_left_out_for_pods_in_the_network_of_another_node() {
    let yaml = format!(
        "{}{}{}",
        two_pods(),
        on_host("b", "agent", "two"),
        ingress("[{ports: [{port: 9100, endPort: 9101}]}]")
    );
    let flow = |ports: &str| {
        format!(
            "version: 1\nallowedFlows: [{{from: {{podLabels: {{app: agent}}}}, to: {{podLabels: {{app: web}}}}, ports: [{ports}]}}]\n"
        )
    };
    let both = "9100, 9101";
    let table = [
        (
            flow("9100"),
            Ports::Any,
            true,
            CERTAIN,
            "another port is open",
        ),
        (
            flow(both),
            Ports::Any,
            true,
            OPEN,
            "policies may let it reach others",
        ),
        (
            flow(both),
            Ports::Any,
            false,
            CERTAIN,
            "nobody asks for declared ones",
        ),
        (
            flow(both),
            tcp(9100),
            true,
            NONE,
            "it may reach nothing else that is asked for",
        ),
    ];
    for (plan, ports, declared, expected, why) in table {
        let found = with_plan(&yaml, &plan, |model, reach| {
            verdict(&current(model, reach, &["agent"], &ports, declared))
        });
        assert_eq!(found, expected, "{why}");
    }
}

#[test]
fn a_block_that_holds_the_address_of_another_node_is_what_lets_its_pods_in() {
    let block = ingress("[{from: [{ipBlock: {cidr: 192.0.2.100/32}}]}]");
    let table = [
        ("two", &*block, "/spec/ingress/0", "another node"),
        (
            "one",
            &*block,
            "HostNetwork",
            "the same node, which needs none",
        ),
        ("one", "", "Open", "nothing isolates"),
    ];
    for (place, policy, expected, why) in table {
        let agent = on_host("b", "agent", place);
        let found = of(&format!("{}{agent}{policy}", two_pods()), |model, reach| {
            let path = current(model, reach, &["agent"], &tcp(80), false).certain;
            shown(reach.admissions(model, &path.unwrap()).1)
        });
        assert_eq!(found, expected, "{why}");
    }
}
