//! A volume that is a path of the node leads out of the pod: to files of the node, its sockets, or its processes.

use serde_json::Value;

use crate::kind::Kind;
use crate::model::host_paths::Reach as PathReach;
use crate::model::volumes::{Backing, Claim, volume_at, volume_name};
use crate::model::{Model, PodGroup};
use crate::rules::{
    Group, Observation, Observations, Reach, Read, Reason, Rule, Severity, Subject, Subjects,
};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "host-path-volumes",
    version: 1,
    title: "Pods mount no path of their node",
    severity: Severity::High,
    group: Group::ExecutionDomain,
    subjects: Subjects::Kinds(&[Kind::Pod]),
    reads: &[
        Read::required(Kind::Pod, Reach::Namespace),
        // For pods with claims.
        Read::refines(Kind::PersistentVolumeClaim),
        Read::refines(Kind::PersistentVolume),
    ],
    docs: include_str!("../../../docs/rules/host-path-volumes.md"),
    check,
};

/// How many volumes a message names.
const LISTED: usize = 5;
/// How much of a path a message shows.
const LONGEST_PATH: usize = 128;

fn check<'m>(model: &'m Model<'_>) -> Observations<'m> {
    Box::new(
        model
            .judged_pods()
            .map(move |(index, pod)| observe(model, Subject::Pods(index), pod)),
    )
}

fn observe(model: &Model<'_>, subject: Subject, pod: &PodGroup<'_>) -> Observation {
    if pod.is_finished() {
        return Observation::finished(subject);
    }
    let mut found = Found::default();
    for (index, volume) in pod.spec.volumes.iter().enumerate() {
        if let Some(host_path) = &volume.host_path {
            found.path("hostPath", &host_path.path, "");
            found.read(
                None,
                format!("/spec/volumes/{index}/hostPath/path"),
                &host_path.path,
            );
        }
    }
    for claim in model.claims_of(pod) {
        found.claim(model, pod, &claim);
    }
    found.observation(subject, pod)
}

/// What the volumes of a pod lead to.
#[derive(Default)]
struct Found {
    paths: Vec<(String, PathReach)>,
    /// Volumes of which it is not known, and why.
    open: Vec<String>,
    /// What was not read, and would tell.
    needs: Vec<(Kind, String)>,
    /// Claims that lead elsewhere.
    elsewhere: usize,
    reads: Vec<(Option<usize>, String, Value)>,
}

impl Found {
    fn path(&mut self, source: &str, path: &str, by: &str) {
        let reach = PathReach::of(path);
        let shown: String = path.chars().take(LONGEST_PATH).collect();
        let words = format!("{source} {shown}{}{by}", reach.in_words());
        self.paths.push((words, reach));
    }

    fn read(&mut self, object: Option<usize>, pointer: impl Into<String>, value: &str) {
        self.reads.push((object, pointer.into(), value.into()));
    }

    fn claim(&mut self, model: &Model<'_>, pod: &PodGroup<'_>, claim: &Claim<'_>) {
        let Some(name) = &claim.name else {
            return self.open(claim, "its claim does not exist yet");
        };
        let backing = model.volumes.backing(pod.namespace, name);
        match backing {
            Backing::NoClaim => {
                let kind = Kind::PersistentVolumeClaim;
                match model.gaps.in_namespace(kind, pod.namespace) {
                    Some(_) => self.needs.push((kind, pod.namespace.to_owned())),
                    None => self.open(claim, "its claim does not exist"),
                }
            }
            Backing::Unbound => self.without_volume(model, claim, "its claim is not bound"),
            Backing::NoVolume => self.without_volume(model, claim, "the bound volume is not there"),
            Backing::Path { claim: at, volume } => {
                self.reads_of(model, claim, at, volume);
                self.bound_path(model, claim, volume);
            }
            Backing::Other { claim: at, volume } => {
                self.elsewhere += 1;
                // Those of single pods are alike only as long as they are not named.
                if claim.pointer.is_some() {
                    self.reads_of(model, claim, at, volume);
                }
            }
        }
    }

    fn open(&mut self, claim: &Claim<'_>, why: &str) {
        self.open.push(format!("volume {}: {why}", claim.volume));
    }

    fn without_volume(&mut self, model: &Model<'_>, claim: &Claim<'_>, why: &str) {
        match model.gaps.anywhere(Kind::PersistentVolume) {
            Some(_) => self.needs.push((Kind::PersistentVolume, String::new())),
            None => self.open(claim, why),
        }
    }

    fn bound_path(&mut self, model: &Model<'_>, claim: &Claim<'_>, volume: usize) {
        let Some(object) = volume_at(model.snapshot, volume) else {
            return;
        };
        let sources = [
            ("hostPath", &object.spec.host_path),
            ("local", &object.spec.local),
        ];
        for (field, source) in sources {
            if let Some(source) = source {
                let by = format!(" through the claim of volume {}", claim.volume);
                self.path(field, &source.path, &by);
                self.read(Some(volume), format!("/spec/{field}/path"), &source.path);
            }
        }
    }

    /// The way from the pod to the volume.
    fn reads_of(&mut self, model: &Model<'_>, claim: &Claim<'_>, at: usize, volume: usize) {
        if let (Some(pointer), Some(name)) = (&claim.pointer, &claim.name) {
            self.read(None, pointer, name);
        }
        let bound = model.object(volume).name();
        if volume_name(model.snapshot, at) == Some(bound) {
            self.read(Some(at), "/spec/volumeName", bound);
        } else {
            let name = claim.name.as_deref().unwrap_or_default();
            self.read(Some(volume), "/spec/claimRef/name", name);
        }
    }

    fn observation(self, subject: Subject, pod: &PodGroup<'_>) -> Observation {
        let observation = if let Some(worst) = self.paths.iter().map(|(_, reach)| reach).min() {
            let words: Vec<&str> = self.paths.iter().map(|(words, _)| words.as_str()).collect();
            let message = format!("mounts {}{}", listed(&words), pod.mirror_note());
            let observation = Observation::fail(subject, Reason::Value, message);
            if worst.is_critical() {
                observation.severity(Severity::Critical)
            } else {
                observation
            }
        } else if !self.open.is_empty() {
            let words: Vec<&str> = self.open.iter().map(String::as_str).collect();
            let message = format!("where a volume leads is not known: {}", listed(&words));
            Observation::indeterminate(subject, Reason::Absent, message)
        } else {
            let (reason, message) = match self.elsewhere {
                0 => (Reason::Default, "no hostPath volume".to_owned()),
                1 => (
                    Reason::Value,
                    "no hostPath volume, nor through its claim".to_owned(),
                ),
                count => {
                    let message = format!("no hostPath volume, nor through one of {count} claims");
                    (Reason::Value, message)
                }
            };
            let observation = Observation::pass(subject, reason, message);
            self.needs
                .iter()
                .fold(observation, |observation, (kind, namespace)| {
                    observation.needs(*kind, namespace)
                })
        };
        self.reads
            .into_iter()
            .fold(
                observation,
                |observation, (object, pointer, value)| match object {
                    None => observation.read(pointer, Some(value)),
                    Some(object) => observation.read_of(object, pointer, Some(value)),
                },
            )
    }
}

fn listed(words: &[&str]) -> String {
    let mut listed: Vec<String> = words.iter().take(LISTED).map(ToString::to_string).collect();
    if words.len() > LISTED {
        listed.push(format!("{} more", words.len() - LISTED));
    }
    listed.join(", ")
}
