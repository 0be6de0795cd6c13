//! What of a plan is about a namespace, an app, a pod or a subject of RBAC. Everything is found by its index, so that a
//! reading can point to it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::ManualEvidence;
use super::{
    AccessRestriction, AllowedFlow, DatabaseClient, Date, ExecSubject, FlowPort, IngressController,
    Peer, Plan, SubjectKind,
};

/// Looks up the value of a label.
pub type Label<'l> = dyn Fn(&str) -> Option<&'l str> + 'l;

impl Plan {
    /// The tier that the plan gives a namespace, and the pointer to it.
    pub fn tier_of(&self, namespace: &str) -> Option<(String, &str)> {
        let tier = self.tiers.get(namespace)?;
        Some((format!("/tiers/{namespace}"), tier))
    }

    /// The tier that the plan gives an app, and the pointer to it.
    pub fn tier_of_app(&self, namespace: &str, app: &str) -> Option<(String, &str)> {
        let mut entries = self.app_tiers.iter().enumerate();
        let (index, entry) =
            entries.find(|(_, entry)| entry.namespace == namespace && entry.app == app)?;
        Some((format!("/appTiers/{index}/tier"), &entry.tier))
    }

    /// The pointer to a namespace that the plan calls the platform's.
    pub fn platform_namespace(&self, namespace: &str) -> Option<String> {
        let index = position(&self.platform_namespaces, namespace)?;
        Some(format!("/platformNamespaces/{index}"))
    }

    /// The pointer to a namespace that the plan calls one of management.
    pub fn management_namespace(&self, namespace: &str) -> Option<String> {
        let index = position(&self.management_namespaces, namespace)?;
        Some(format!("/managementNamespaces/{index}"))
    }

    /// Why a namespace is not judged, unless `-n` names it.
    pub fn exclusion(&self, namespace: &str) -> Option<&str> {
        let mut entries = self.excluded_namespaces.iter();
        let entry = entries.find(|entry| entry.name == namespace)?;
        Some(&entry.reason)
    }

    /// The entry that lets a subject of RBAC open shells in pods. A service account is also known by its user name.
    pub fn exec_subject(&self, kind: SubjectKind, name: &str, namespace: &str) -> Option<usize> {
        let wanted = canonical(kind, name, namespace);
        let known = |entry: &ExecSubject| {
            canonical(
                entry.kind,
                &entry.name,
                entry.namespace.as_deref().unwrap_or_default(),
            )
        };
        self.exec_subjects
            .iter()
            .position(|entry| known(entry) == wanted)
    }

    /// The attestations that hold for a node of these labels in a collection that began on a day, by index. Nobody can
    /// attest what is yet to be; and a collection of no known day shows nothing to have been attested before.
    pub fn attestations_on(&self, started: Option<Date>, node_label: &Label<'_>) -> Vec<usize> {
        let entries = self.attestations.iter().enumerate();
        let entries = entries.filter(|(_, entry)| {
            started.is_some_and(|started| entry.on <= started)
                && has_all(&entry.node_selector, node_label)
        });
        entries.map(|(index, _)| index).collect()
    }

    /// Which of these attestations say that a parameter has a value; none when another one says otherwise.
    pub fn attesting(&self, among: &[usize], parameter: &str, value: &Value) -> Vec<usize> {
        let about: Vec<(usize, &Value)> = among
            .iter()
            .filter_map(|index| Some((*index, self.attestations.get(*index)?)))
            .filter(|(_, entry)| entry.parameter == parameter)
            .map(|(index, entry)| (index, &entry.value))
            .collect();
        if about.iter().any(|(_, attested)| *attested != value) {
            return Vec::new();
        }
        about.into_iter().map(|(index, _)| index).collect()
    }

    /// What the plan says of an ingress class.
    pub fn ingress_controller(&self, class: &str) -> Option<(usize, &IngressController)> {
        let mut entries = self.ingress_controllers.iter().enumerate();
        entries.find(|(_, entry)| entry.class == class)
    }

    /// What restricts access to a host or an app; host names are compared without regard to case.
    pub fn restrictions<'p>(
        &'p self,
        host: &'p str,
        namespace: &'p str,
        app: &'p str,
    ) -> impl Iterator<Item = (usize, &'p AccessRestriction)> {
        let entries = self.access_restrictions.iter().enumerate();
        entries.filter(move |(_, entry)| {
            let by_host = entry
                .host
                .as_ref()
                .is_some_and(|wanted| wanted.eq_ignore_ascii_case(host));
            let by_app = entry
                .app
                .as_ref()
                .is_some_and(|wanted| wanted.namespace == namespace && wanted.name == app);
            by_host || by_app
        })
    }

    /// The proofs that the plan points to for an entry of the catalogue.
    pub fn evidence_for<'p>(&'p self, id: &'p str) -> impl Iterator<Item = &'p ManualEvidence> {
        self.manual_evidence
            .iter()
            .filter(move |entry| entry.id == id)
    }

    /// Keys of pod labels that the plan names; pods that differ in them are not alike.
    pub fn pod_label_keys(&self) -> impl Iterator<Item = &str> {
        let flows = self
            .allowed_flows
            .iter()
            .flat_map(|flow| [&flow.from.pod_labels, &flow.to.pod_labels]);
        let clients = self
            .database_clients
            .iter()
            .map(|client| &client.pod_labels);
        let controllers = self
            .ingress_controllers
            .iter()
            .map(|controller| &controller.labels);
        flows
            .chain(clients)
            .chain(controllers)
            .flat_map(|labels| labels.keys().map(String::as_str))
    }
}

impl Peer {
    /// Whether a pod is one of these.
    pub fn matches(
        &self,
        namespace: &str,
        namespace_label: &Label<'_>,
        pod_label: &Label<'_>,
    ) -> bool {
        self.is_namespace(namespace, namespace_label) && has_all(&self.pod_labels, pod_label)
    }

    /// Whether some of them may live in a namespace.
    pub fn is_namespace(&self, namespace: &str, namespace_label: &Label<'_>) -> bool {
        self.namespace
            .as_deref()
            .is_none_or(|wanted| wanted == namespace)
            && has_all(&self.namespace_labels, namespace_label)
    }
}

impl AllowedFlow {
    /// Whether a port is one of the flow's.
    pub fn has_port(&self, number: u16, protocol: &str) -> bool {
        let is_it = |port: &FlowPort| port.number == number && port.protocol == protocol;
        self.ports.is_empty() || self.ports.iter().any(is_it)
    }
}

impl DatabaseClient {
    /// Whether a pod is one of these.
    pub fn matches(&self, namespace: &str, pod_label: &Label<'_>) -> bool {
        self.namespace == namespace && has_all(&self.pod_labels, pod_label)
    }
}

impl IngressController {
    /// Whether a pod is one of these; a controller outside the cluster has none.
    pub fn matches(&self, namespace: &str, pod_label: &Label<'_>) -> bool {
        self.namespace.as_deref() == Some(namespace) && has_all(&self.labels, pod_label)
    }
}

/// Whether labels hold every pair.
pub(crate) fn has_all(wanted: &BTreeMap<String, String>, label: &Label<'_>) -> bool {
    wanted.iter().all(|(key, value)| label(key) == Some(value))
}

fn position(names: &[String], wanted: &str) -> Option<usize> {
    names.iter().position(|name| name == wanted)
}

fn canonical(kind: SubjectKind, name: &str, namespace: &str) -> (SubjectKind, String) {
    match kind {
        SubjectKind::ServiceAccount => (
            SubjectKind::User,
            format!("system:serviceaccount:{namespace}:{name}"),
        ),
        SubjectKind::User | SubjectKind::Group => (kind, name.to_owned()),
    }
}
