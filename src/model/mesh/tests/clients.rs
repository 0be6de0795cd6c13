//! What clients send, and whom names lead to.

use super::destination_rules::Sends;
use super::destinations::Destinations;
use super::hosts::Host;
use super::*;
use crate::snapshot::ReadStatus;

fn control_plane(automatic: bool) -> String {
    let config = format!("enableAutoMtls: {automatic}");
    istiod("istio-system", "default") + &mesh_config("istio-system", "istio", &config)
}

fn rule(namespace: &str, name: &str, made: u8, spec: &str) -> String {
    let name = format!("{name}, creationTimestamp: '{}'", second(made));
    object(
        "networking.istio.io/v1",
        "DestinationRule",
        namespace,
        &name,
        spec,
    )
}

#[test]
fn a_client_sends_what_the_rules_say_that_it_sees() {
    let off = "trafficPolicy: {tls: {mode: DISABLE}}";
    let of_web = |namespace: &str, more: &str| {
        let host = "web.shop.svc.cluster.local";
        rule(namespace, "a", 1, &format!("{{host: {host}, {off}{more}}}"))
    };
    let table = [
        (String::new(), Sends::Automatic, "no rule"),
        (of_web("shop", ""), Sends::Without, "for all"),
        (
            rule("shop", "a", 1, &format!("{{host: other, {off}}}")),
            Sends::Automatic,
            "another host",
        ),
        (
            of_web("shop", ", workloadSelector: {matchLabels: {app: web}}"),
            Sends::Without,
            "selected",
        ),
        (
            of_web("shop", ", workloadSelector: {matchLabels: {app: other}}"),
            Sends::Automatic,
            "not selected",
        ),
        (
            of_web(
                "istio-system",
                ", workloadSelector: {matchLabels: {app: web}}",
            ),
            Sends::Automatic,
            "selected from another namespace",
        ),
        (
            of_web("shop", ", exportTo: [other]"),
            Sends::Automatic,
            "for others",
        ),
        (
            rule("shop", "a", 1, "{host: web}")
                + &rule("shop", "b", 2, &format!("{{host: web, {off}}}")),
            Sends::Without,
            "the oldest policy counts, not the oldest rule",
        ),
    ];
    for (rules, expected, why) in table {
        let snapshot = testing::snapshot(&format!("{}{}{rules}", control_plane(true), Pod::web()));
        let model = testing::model(&snapshot);
        let client = model.pods.iter().find(|pod| pod.namespace == "shop");
        let service = ("web.shop.svc.cluster.local", "shop");
        let sent = model.mesh.sent_by(client.unwrap(), service, 80).unwrap();
        assert_eq!(sent.sends, expected, "{why}");
    }
}

#[test]
fn clients_send_mutual_tls_by_themselves_unless_a_control_plane_says_no() {
    let automatic = |on: bool, status: ReadStatus| {
        let snapshot = testing::snapshot(&control_plane(on));
        let snapshot = testing::without(snapshot, Kind::Pod, status);
        let found = testing::model(&snapshot).mesh.automatic();
        found.map(|(automatic, _)| automatic)
    };
    assert_eq!(
        automatic(true, ReadStatus::Read),
        Err(Doubt::ControlPlaneElsewhere)
    );
    let cut = ReadStatus::Truncated;
    assert!(
        matches!(automatic(true, cut), Err(Doubt::Pods(_))),
        "another control plane may say no"
    );
    assert_eq!(automatic(false, cut), Ok(false), "one says no already");
}

#[test]
fn entries_lead_to_the_pods_that_they_select_or_whose_addresses_they_name() {
    let pod = |namespace: &str, name: &str, address: &str, phase: &str| {
        Pod::new(namespace, name)
            .label("app", "web")
            .container("{name: a}")
            .status(&format!("{{phase: {phase}, podIP: {address}}}"))
    };
    let pods = [
        pod("shop", "running", "192.0.2.1", "Running"),
        pod("shop", "ended", "192.0.2.2", "Succeeded"),
        pod("shop", "host", "192.0.2.3", "Running").spec("hostNetwork: true"),
        pod("other", "elsewhere", "192.0.2.4", "Running"),
        Pod::new("shop", "unlike").status("{phase: Running, podIP: 192.0.2.5}"),
    ];
    let pods: String = pods.iter().map(ToString::to_string).collect();
    let table: [(&str, &[&str], &str); 5] = [
        (
            "endpoints: [{address: 192.0.2.1}]",
            &["running"],
            "an address",
        ),
        (
            "endpoints: [{address: 192.0.2.2}]",
            &[],
            "an address that was given back",
        ),
        (
            "endpoints: [{address: 192.0.2.3}]",
            &[],
            "an address of the node",
        ),
        (
            "workloadSelector: {labels: {app: web}}",
            &["host", "running"],
            "labels, in the namespace of the entry",
        ),
        (
            "workloadSelector: {labels: {app: none}}",
            &[],
            "labels of none",
        ),
    ];
    for (spec, expected, why) in table {
        let spec = format!("{{hosts: [api.example], {spec}}}");
        let entry = object("networking.istio.io/v1", "ServiceEntry", "shop", "a", &spec);
        let snapshot = testing::snapshot(&format!("{pods}{entry}"));
        let model = testing::model(&snapshot);
        let destinations = Destinations::new(&model);
        let found = destinations.of(&Host::new("api.example", "shop"));
        let groups = found.iter().flat_map(|destination| &destination.groups);
        let members = groups.flat_map(|group| &model.pods[*group].members);
        let names: BTreeSet<&str> = members.map(|member| model.object(*member).name()).collect();
        assert_eq!(names, expected.iter().copied().collect(), "{why}");
    }
}

#[test]
fn the_host_of_a_rule_is_found_by_its_object() {
    let yaml = format!("{}{}", Pod::web(), rule("shop", "a", 1, "{host: web}"));
    let snapshot = testing::snapshot(&yaml);
    let mesh = testing::model(&snapshot).mesh;
    let host = |kind: Kind| {
        let (index, _) = snapshot.of_kind(kind).next().unwrap();
        let fact = mesh.host_of_rule(index)?;
        assert_eq!(fact.object, Some(index));
        Some((fact.pointer, fact.value))
    };
    let written = ("/spec/host".to_owned(), Some("web".into()));
    assert_eq!(host(Kind::DestinationRule), Some(written));
    assert_eq!(host(Kind::Pod), None);
}
