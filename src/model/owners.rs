//! Owner chains: from a pod up to its workload, and on to the MendixApp.

use std::collections::BTreeSet;

use super::Model;
use super::apps::{App, is_platform_app};
use super::pods::{PodGroup, Role};
use crate::gaps::{Gaps, Missing};
use crate::kind::{Kind, MENDIX_GROUP};
use crate::projection::OwnerReference;
use crate::snapshot::Snapshot;

/// Follows owner references through the snapshot.
#[derive(Debug)]
pub struct Owners<'s> {
    snapshot: &'s Snapshot,
}

/// Where a chain of owners leads.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnerChain {
    /// The controllers, nearest first, as far as they are known by name.
    pub links: Vec<Link>,
    /// Where it breaks off: a kind and namespace that were not read, so that what is above can't be known.
    pub unread: Option<(Kind, String)>,
}

/// One owner in a chain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Link {
    /// API group of the owner.
    pub group: String,
    /// Kind of the owner, which may be one that the tool does not read.
    pub kind: String,
    /// Name of the owner.
    pub name: String,
    /// Index of its object, if it was read.
    pub object: Option<usize>,
}

/// Chains are short; a longer one is a loop.
const LONGEST_CHAIN: usize = 10;

impl<'s> Owners<'s> {
    pub(super) fn new(snapshot: &'s Snapshot) -> Self {
        Self { snapshot }
    }

    /// Follows the references from an object in `namespace` upwards.
    pub fn chain(&self, namespace: &str, references: &[OwnerReference], gaps: &Gaps) -> OwnerChain {
        let mut chain = OwnerChain::default();
        let mut references = references;
        while let Some(owner) = controller(references) {
            if chain.links.len() == LONGEST_CHAIN {
                break;
            }
            let group = owner
                .api_version
                .split_once('/')
                .map_or("", |(group, _)| group);
            let kind = Kind::in_group(group, &owner.kind);
            let scope = if kind.is_some_and(|kind| !kind.api().namespaced) {
                ""
            } else {
                namespace
            };
            let object = kind.and_then(|kind| self.snapshot.find(kind, scope, &owner.name));
            chain.links.push(Link {
                group: group.to_owned(),
                kind: owner.kind.clone(),
                name: owner.name.clone(),
                object,
            });
            let Some(index) = object else {
                // An owner that was deleted ends the chain; one that was not read leaves it open.
                chain.unread = kind
                    .filter(|kind| gaps.in_namespace(*kind, scope).is_some())
                    .map(|kind| (kind, scope.to_owned()));
                break;
            };
            references = &self.snapshot.objects[index]
                .projection
                .metadata()
                .owner_references;
        }
        chain
    }

    /// The Deployment or CronJob of pods whose ReplicaSet or Job is not at hand, which tells what the pods count with but
    /// no more: the chain still breaks off where it does.
    pub fn workload_behind(
        &self,
        namespace: &str,
        chain: &OwnerChain,
        template_hash: Option<&str>,
    ) -> Option<usize> {
        let [link] = chain.links.as_slice() else {
            return None;
        };
        if link.object.is_some() {
            return None;
        }
        let (kind, name) = match Kind::in_group(&link.group, &link.kind)? {
            Kind::ReplicaSet => (
                Kind::Deployment,
                deployment_name(&link.name, template_hash?)?,
            ),
            Kind::Job => (Kind::CronJob, cron_job_name(&link.name)?),
            _ => return None,
        };
        self.snapshot.find(kind, namespace, name)
    }
}

/// The controller of Deployments names a ReplicaSet after its Deployment and the hash that it labels the pods with.
fn deployment_name<'n>(replica_set: &'n str, template_hash: &str) -> Option<&'n str> {
    replica_set
        .strip_suffix(template_hash)?
        .strip_suffix('-')
        .filter(|name| !name.is_empty())
}

/// The controller of cron jobs names a Job after its cron job and the minute that it is due, counted since 1970.
fn cron_job_name(job: &str) -> Option<&str> {
    let (name, minute) = job.rsplit_once('-')?;
    let is_minute = !minute.is_empty() && minute.bytes().all(|byte| byte.is_ascii_digit());
    (is_minute && !name.is_empty()).then_some(name)
}

/// The managing controller, else the first owner: Mendix' objects need not mark one.
fn controller(references: &[OwnerReference]) -> Option<&OwnerReference> {
    references
        .iter()
        .find(|owner| owner.controller)
        .or_else(|| references.first())
}

/// Whether an app may live in a namespace: chains of owners that lead to an app lead to a MendixApp or Runtime there.
pub(super) fn may_hold_apps(snapshot: &Snapshot, gaps: &Gaps, namespace: &str) -> bool {
    [Kind::MendixApp, Kind::Runtime].into_iter().any(|kind| {
        let missing = gaps.in_namespace(kind, namespace);
        missing.is_some_and(|missing| missing != Missing::NotServed)
            || snapshot.holds(kind, namespace)
    })
}

impl<'s> Model<'s> {
    /// The link that was not read in the owner chain of pods that show nothing of an app, and may be pods of one all the
    /// same: its kind and namespace.
    pub fn unread_owner(&self, pod: &PodGroup<'s>) -> Option<(Kind, &'s str)> {
        let kind = pod.may_be_of_app()?;
        may_hold_apps(self.snapshot, &self.gaps, pod.namespace).then_some((kind, pod.namespace))
    }

    /// The same of all pods of a namespace that have not finished.
    pub fn unread_owners(&self, namespace: &str) -> BTreeSet<(Kind, &'s str)> {
        self.pods_in(namespace)
            .map(|(_, pod)| pod)
            .filter(|pod| !pod.is_finished())
            .filter_map(|pod| self.unread_owner(pod))
            .collect()
    }
}

impl<'s> Model<'s> {
    /// The link that was not read in the owner chain of an app's pods, where nothing else names the app: they may be pods
    /// of an app that is known by its name.
    pub fn unread_name(&self, app: &App<'s>) -> Option<(Kind, &'s str)> {
        let pods = app.pods.iter().map(|pod| &self.pods[*pod]);
        let mut unread = pods.map(|pod| {
            let is_named = pod.app.as_ref().is_some_and(|claim| claim.name().is_some());
            let (kind, _) = pod.chain.unread.as_ref().filter(|_| !is_named)?;
            Some((*kind, pod.namespace))
        });
        let first = unread.next()?.filter(|_| app.object.is_none())?;
        unread.all(|link| link.is_some()).then_some(first)
    }
}

impl PodGroup<'_> {
    /// Of pods that show nothing of an app: the kind of the owner that was not read and may lead to one.
    pub(super) fn may_be_of_app(&self) -> Option<Kind> {
        let (kind, _) = self.chain.unread.as_ref()?;
        let is_open = match self.role {
            Role::Other => true,
            Role::Platform => is_platform_app(self),
            // These are what they are, whoever owns them.
            Role::App
            | Role::Operator
            | Role::Agent
            | Role::Task
            | Role::IngressController
            | Role::MeshControlPlane => false,
        };
        (is_open && kind.api().namespaced).then_some(*kind)
    }
}

impl OwnerChain {
    /// The nearest owner of a Mendix kind.
    pub fn mendix(&self, kind: &str) -> Option<&Link> {
        self.links
            .iter()
            .find(|link| link.group == MENDIX_GROUP && link.kind == kind)
    }

    /// The stable identity of what the pods belong to: the last link that is a workload, else the first link.
    pub fn workload(&self) -> Option<&Link> {
        self.links
            .iter()
            .rev()
            .find(|link| {
                Kind::in_group(&link.group, &link.kind)
                    .is_some_and(|kind| Kind::WORKLOADS.contains(&kind))
            })
            .or_else(|| self.links.first())
    }
}
