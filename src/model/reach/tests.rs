//! The engine against an evaluator that goes through pods, policies and rules one by one.

mod brute;
mod documents;
mod random;
mod rules;
mod small;
mod ways;

use std::collections::{BTreeMap, BTreeSet};

use brute::{Cluster, Made, Pod};
use random::Random;

use super::target::Target;
use super::*;
use crate::snapshot::Snapshot;

/// Clusters that are compared.
const CLUSTERS: u64 = 5_000;

/// Ports that are asked for, in and between those that rules name.
const ASKED: [(Protocol, &str, u16); 7] = [
    (Protocol::Tcp, "TCP", 80),
    (Protocol::Tcp, "TCP", 85),
    (Protocol::Tcp, "TCP", 90),
    (Protocol::Tcp, "TCP", 443),
    (Protocol::Tcp, "TCP", 4143),
    (Protocol::Udp, "UDP", 80),
    (Protocol::Sctp, "SCTP", 85),
];

/// Each test takes a share, so that they run side by side.
fn share(first: u64) {
    for seed in (first..CLUSTERS).step_by(4) {
        let cluster = random::cluster(&mut Random::new(seed));
        let snapshot = crate::testing::of_documents(documents::of(&cluster));
        compare(seed, &cluster, &snapshot);
    }
}

#[test]
fn the_engine_agrees_with_going_through_everything() {
    share(0);
}

#[test]
fn the_engine_agrees_with_going_through_a_second_share() {
    share(1);
}

#[test]
fn the_engine_agrees_with_going_through_a_third_share() {
    share(2);
}

#[test]
fn the_engine_agrees_with_going_through_a_fourth_share() {
    share(3);
}

fn compare(seed: u64, cluster: &Cluster, snapshot: &Snapshot) {
    let model = crate::testing::model(snapshot);
    let groups = groups(&model, cluster);
    let reach = Reach::new(&model);
    let describe = || format!("cluster {seed}: {cluster:#?}");
    let mut random = Random::new(seed);
    for (destination, to) in cluster.pods.iter().zip(&groups) {
        let place = reach.class_of(*to).expect("pods run");
        let target = Target::new(&reach, place).unwrap().with_exits(place);
        for _ in 0..3 {
            let (protocol, name, port) = ASKED[random.below(ASKED.len())];
            let both = target.sources(protocol, port);
            for (source, from) in cluster.pods.iter().zip(&groups) {
                if source.host || destination.host {
                    continue;
                }
                let class = reach.class_of(*from).expect("pods run");
                let expected = cluster.flows(source, destination, name, port);
                let found = (both.certain.contains(class), both.possible.contains(class));
                assert_eq!(
                    found,
                    expected,
                    "{} to {} on {name} {port}; {}",
                    source.name,
                    destination.name,
                    describe()
                );
                let view = reach.view(class);
                let flows = reach
                    .pair(&target, place, &view, Interval::one(protocol, port))
                    .expect("labels are known");
                assert_eq!(
                    (flows.certain, flows.possible),
                    expected,
                    "pair {} to {} on {name} {port}; {}",
                    source.name,
                    destination.name,
                    describe()
                );
            }
        }
    }
    sets(seed, &model, &reach);
    ask(seed, cluster, &model, &reach, &groups, &describe);
    permitted(seed, cluster, &reach, &groups, &describe);
}

/// What is taken from a set of sources or added to one, against making the set anew.
fn sets(seed: u64, model: &Model<'_>, reach: &Reach) {
    let mut random = Random::new(seed);
    let mut some = || -> BTreeSet<usize> {
        let groups = 0..model.pods.len();
        groups.filter(|_| random.below(2) == 0).collect()
    };
    let (one, other) = (some(), some());
    let sources = |wanted: &dyn Fn(usize) -> bool| reach.sources(model, |group, _| wanted(group));
    let members = |sources: &Sources| -> (Vec<usize>, Vec<bool>) {
        (sources.classes.iter().collect(), sources.groups.clone())
    };
    let of_one = sources(&|group| one.contains(&group));
    let rest = reach.without(&of_one, other.iter().copied());
    let expected = sources(&|group| one.contains(&group) && !other.contains(&group));
    assert_eq!(
        members(&rest),
        members(&expected),
        "cluster {seed}: without"
    );
    let mut both = of_one;
    both.add(&sources(&|group| other.contains(&group)));
    let expected = sources(&|group| one.contains(&group) || other.contains(&group));
    assert_eq!(
        members(&both),
        members(&expected),
        "cluster {seed}: together"
    );
}

/// Whole questions, tunnels and pods in the node's network included.
fn ask(
    seed: u64,
    cluster: &Cluster,
    model: &Model<'_>,
    reach: &Reach,
    groups: &[usize],
    describe: &dyn Fn() -> String,
) {
    let mut random = Random::new(seed);
    for _ in 0..2 {
        let (to, from) = (
            random.below(cluster.pods.len()),
            random.below(cluster.pods.len()),
        );
        let (source, destination) = (&cluster.pods[from], &cluster.pods[to]);
        let sources = reach.sources(model, |group, _| group == groups[from]);
        let (_, name, port) = ASKED[random.below(ASKED.len())];
        let one = Ports::One(Port {
            number: port,
            protocol: name.to_owned(),
        });
        let expected = cluster.reaches(source, destination, name, port);
        let finding = reach.current(groups[to], &one, &sources, false);
        assert_eq!(
            verdict(&finding),
            expected,
            "asked {} to {} on {name} {port}; {}",
            source.name,
            destination.name,
            describe()
        );
        assert_explained(model, reach, &finding, describe);
        let any = cluster.reaches_anywhere(source, destination);
        let finding = reach.current(groups[to], &Ports::Any, &sources, false);
        assert_eq!(
            verdict(&finding),
            any,
            "asked {} to {} on any port; {}",
            source.name,
            destination.name,
            describe()
        );
        assert_explained(model, reach, &finding, describe);
    }
}

/// Whatever gets through for certain is explained by rules, or by there being none.
fn assert_explained(
    model: &Model<'_>,
    reach: &Reach,
    finding: &Finding,
    describe: &dyn Fn() -> String,
) {
    if let Some(path) = &finding.certain {
        let (out, into) = reach.admissions(model, path);
        assert!(
            ![&out, &into].contains(&&Admission::Unclear),
            "{path:?}: {out:?}, {into:?}; {}",
            describe()
        );
    }
}

fn permitted(
    seed: u64,
    cluster: &Cluster,
    reach: &Reach,
    groups: &[usize],
    describe: &dyn Fn() -> String,
) {
    let mut random = Random::new(seed);
    for _ in 0..2 {
        let place = random.below(cluster.pods.len());
        let (destination, to) = (&cluster.pods[place], &groups[place]);
        {
            let namespace = &cluster.namespaces[random.below(cluster.namespaces.len())];
            let (_, name, port) = ASKED[random.below(ASKED.len())];
            let one = Ports::One(Port {
                number: port,
                protocol: name.to_owned(),
            });
            let finding = reach.permitted(*to, &one, |known| known == namespace.name);
            let made = Cluster::made(&namespace.name);
            let expected = cluster.any_reaches(&made, destination, name, port);
            assert_eq!(
                verdict(&finding),
                expected,
                "made in {} to {} on {name} {port}; {}",
                namespace.name,
                destination.name,
                describe()
            );
            if let Some(Path {
                source: Source::Made { labels, .. },
                ..
            }) = &finding.certain
            {
                let labels: BTreeMap<String, String> = labels.iter().cloned().collect();
                let pod = Made {
                    namespace: namespace.name.clone(),
                    labels,
                };
                assert!(
                    cluster.any_reaches(&[pod], destination, name, port).0,
                    "{labels:?}; {}",
                    describe(),
                    labels = finding.certain
                );
            }
        }
    }
}

const fn verdict(finding: &Finding) -> (bool, bool) {
    let certain = finding.certain.is_some();
    (certain, certain || finding.possible.is_some())
}

/// The group of each pod.
fn groups(model: &Model<'_>, cluster: &Cluster) -> Vec<usize> {
    let of = |pod: &Pod| {
        let mut groups = model.pods.iter();
        let found = groups
            .position(|group| group.namespace == pod.namespace && group.workload.1 == pod.name);
        found.expect("every pod has a group")
    };
    cluster.pods.iter().map(of).collect()
}

#[test]
fn in_files_a_template_stands_for_its_pods_and_in_a_cluster_for_none() {
    let template = |replicas: u32| {
        crate::testing::mesh::Pod::web()
            .template(replicas)
            .to_string()
    };
    let is_present = |snapshot: &Snapshot| {
        let model = crate::testing::model(snapshot);
        let sources = Reach::new(&model).sources(&model, |_, _| true);
        !sources.classes.is_empty()
    };
    assert!(is_present(&crate::testing::manifests(&template(1))));
    assert!(!is_present(&crate::testing::manifests(&template(0))));
    assert!(!is_present(&crate::testing::snapshot(&template(1))));
    let pod = crate::testing::mesh::Pod::web().to_string();
    assert!(is_present(&crate::testing::manifests(&pod)));
    assert!(is_present(&crate::testing::snapshot(&pod)));
}
