//! What the volumes of pods are, followed through claims to the volumes that these are bound to.

use std::collections::HashMap;

use super::Model;
use super::pods::PodGroup;
use crate::kind::Kind;
use crate::projection::Projection;
use crate::projection::claims::PersistentVolume;
use crate::projection::pod::PodSpec;
use crate::projection::volume::POD_NAME;
use crate::snapshot::{Object, Snapshot};

/// Claims and volumes of the cluster.
#[derive(Debug)]
pub struct Volumes<'s> {
    snapshot: &'s Snapshot,
    /// Volumes that name a claim, by the claim's namespace and name: the first of them.
    reserved: HashMap<(&'s str, &'s str), usize>,
}

/// A claim that a pod mounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim<'s> {
    /// Name of the volume in the pod.
    pub volume: &'s str,
    /// JSON pointer to the name of the claim in the pod; `None` where the name is made from that of the pod, and so
    /// differs between replicas.
    pub pointer: Option<String>,
    /// Name of the claim; `None` for a pod that does not exist yet.
    pub name: Option<String>,
    /// Whether the pod mounts it to be read only.
    pub read_only: bool,
}

/// What a claim leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Backing {
    /// Through a claim to a path of a node.
    Path {
        /// Index of the claim.
        claim: usize,
        /// Index of the volume.
        volume: usize,
    },
    /// To storage of another kind.
    Other {
        /// Index of the claim.
        claim: usize,
        /// Index of the volume.
        volume: usize,
    },
    /// To a volume that is not there.
    NoVolume,
    /// The claim is not bound yet.
    Unbound,
    /// The claim is not there.
    NoClaim,
}

impl<'s> Volumes<'s> {
    pub(super) fn new(snapshot: &'s Snapshot) -> Self {
        let mut reserved = HashMap::new();
        for (index, object) in snapshot.of_kind(Kind::PersistentVolume) {
            let Projection::PersistentVolume(volume) = object.projection.as_ref() else {
                continue;
            };
            if let Some(claim) = &volume.spec.claim_ref {
                reserved
                    .entry((claim.namespace.as_str(), claim.name.as_str()))
                    .or_insert(index);
            }
        }
        Self { snapshot, reserved }
    }

    /// What a claim leads to.
    pub fn backing(&self, namespace: &str, claim: &str) -> Backing {
        let snapshot = self.snapshot;
        let Some(index) = snapshot.find(Kind::PersistentVolumeClaim, namespace, claim) else {
            return Backing::NoClaim;
        };
        let Projection::PersistentVolumeClaim(object) = snapshot.objects[index].projection.as_ref()
        else {
            return Backing::NoClaim;
        };
        let named = object.spec.volume_name.as_deref();
        let volume = match named.filter(|name| !name.is_empty()) {
            Some(name) => match snapshot.find(Kind::PersistentVolume, "", name) {
                Some(volume) => volume,
                None => return Backing::NoVolume,
            },
            // A volume that names the claim is bound to it as soon as the controller gets to it.
            None => match self.reserved.get(&(namespace, claim)) {
                Some(volume) => *volume,
                None => return Backing::Unbound,
            },
        };
        match volume_at(snapshot, volume) {
            None => Backing::NoVolume,
            Some(object) if object.spec.host_path.is_some() || object.spec.local.is_some() => {
                Backing::Path {
                    claim: index,
                    volume,
                }
            }
            Some(_) => Backing::Other {
                claim: index,
                volume,
            },
        }
    }

    /// What tells the pods of one template apart: where the claims lead that are each pod's own.
    pub(super) fn own_paths(
        &self,
        namespace: &str,
        pod: &str,
        spec: &PodSpec,
    ) -> Vec<(usize, Option<Backing>)> {
        let claims = (0..).zip(claims(spec, Some(pod)));
        let own = claims.filter(|(_, claim)| claim.pointer.is_none());
        own.map(|(place, claim)| {
            let name = claim.name.unwrap_or_default();
            let backing = self.backing(namespace, &name);
            // Those on other storage are all alike.
            let telling = match backing {
                Backing::Other { .. } => None,
                other => Some(other),
            };
            (place, telling)
        })
        .collect()
    }
}

/// The volume at an index of the snapshot.
pub fn volume_at(snapshot: &Snapshot, index: usize) -> Option<&PersistentVolume> {
    match snapshot.objects.get(index)?.projection.as_ref() {
        Projection::PersistentVolume(volume) => Some(volume),
        _ => None,
    }
}

/// The name of the volume that a claim asks for or is bound to; `claim` is its index.
pub fn volume_name(snapshot: &Snapshot, claim: usize) -> Option<&str> {
    match snapshot.objects.get(claim)?.projection.as_ref() {
        Projection::PersistentVolumeClaim(object) => object.spec.volume_name.as_deref(),
        _ => None,
    }
}

/// The claims that a pod mounts; `pod` is its name, `None` for a template.
fn claims<'s>(spec: &'s PodSpec, pod: Option<&'s str>) -> impl Iterator<Item = Claim<'s>> {
    spec.volumes
        .iter()
        .enumerate()
        .filter_map(move |(index, volume)| {
            if let Some(claim) = &volume.persistent_volume_claim {
                let own = claim.claim_name.contains(POD_NAME);
                let name = match (own, pod) {
                    (false, _) => Some(claim.claim_name.clone()),
                    (true, Some(pod)) => Some(claim.claim_name.replace(POD_NAME, pod)),
                    (true, None) => None,
                };
                let at = format!("/spec/volumes/{index}/persistentVolumeClaim/claimName");
                return Some(Claim {
                    volume: &volume.name,
                    pointer: Some(at).filter(|_| !own),
                    name,
                    read_only: claim.read_only,
                });
            }
            // The controller of generic ephemeral volumes names the claim after pod and volume.
            volume.ephemeral.as_ref().map(|_| Claim {
                volume: &volume.name,
                pointer: None,
                name: pod.map(|pod| format!("{pod}-{}", volume.name)),
                read_only: false,
            })
        })
}

impl<'s> Model<'s> {
    /// The claims that a group of pods mounts; those that are each pod's own are the first one's.
    pub fn claims_of(&self, pod: &PodGroup<'s>) -> Vec<Claim<'s>> {
        let first = pod.members.first().copied().unwrap_or_default();
        self.claims_of_member(pod, first)
    }

    /// The claims that one pod of a group mounts, or that the pods of a template will.
    pub fn claims_of_member(&self, pod: &PodGroup<'s>, member: usize) -> Vec<Claim<'s>> {
        let object = self.object(member);
        if !pod.is_template() {
            return claims(pod.spec, Some(object.name())).collect();
        }
        let mut found: Vec<Claim<'s>> = claims(pod.spec, None).collect();
        if let Projection::Workload(workload) = object.projection.as_ref() {
            let templates = workload.spec.volume_claim_templates.iter();
            found.extend(
                templates.flat_map(|template| self.claims_made(object, &template.metadata.name)),
            );
        }
        found
    }

    /// What a StatefulSet made from a claim template for pods that are gone now, and will mount again: named after
    /// template, set and number. One without a name when there is none.
    fn claims_made(&self, set: &'s Object, template: &'s str) -> Vec<Claim<'s>> {
        let claim = |name| Claim {
            volume: template,
            pointer: None,
            name,
            read_only: false,
        };
        let prefix = format!("{template}-{}-", set.name());
        let of_set = |name: &str| {
            let number = name.strip_prefix(&prefix);
            number.is_some_and(|number| {
                !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
            })
        };
        let here = self
            .snapshot
            .of_namespace(Kind::PersistentVolumeClaim, set.namespace());
        let names = here.map(|(_, object)| object.name());
        let made: Vec<Claim<'s>> = names
            .filter(|name| of_set(name))
            .map(|name| claim(Some(name.to_owned())))
            .collect();
        if made.is_empty() {
            vec![claim(None)]
        } else {
            made
        }
    }
}

impl PodGroup<'_> {
    /// Whether each pod has claims of its own, named after it.
    pub fn has_own_claims(&self) -> bool {
        claims(self.spec, None).any(|claim| claim.pointer.is_none())
    }

    /// Whether a container that runs, or will, can write to a volume.
    pub fn writes_to(&self, claim: &Claim<'_>) -> bool {
        !claim.read_only
            && self.containers().any(|container| {
                let mut mounts = container.spec.volume_mounts.iter();
                let mut devices = container.spec.volume_devices.iter();
                mounts.any(|mount| mount.name == claim.volume && !mount.read_only)
                    || devices.any(|device| device.name == claim.volume)
            })
    }
}
