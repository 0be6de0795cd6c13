//! What the model found of Linkerd, in words and reason codes.

use crate::model::Model;
use crate::model::mesh::linkerd::capture::Bypass;
use crate::model::mesh::linkerd::{Basis, By, Doubt, Stated};
use crate::rules::Reason;

/// The reason code of a doubt.
pub(super) fn reason_of_doubt(doubt: Doubt) -> Reason {
    match doubt {
        Doubt::Pods(missing)
        | Doubt::Values(missing)
        | Doubt::CniConfig(missing)
        | Doubt::Networks(missing) => missing.into(),
        Doubt::DefaultPolicy | Doubt::Ports | Doubt::Selector => Reason::Unrecognised,
        Doubt::DefaultsDiffer | Doubt::PortsDiffer => Reason::Value,
        Doubt::ControlPlanes | Doubt::NoCniConfig | Doubt::CreationTimes => Reason::Absent,
    }
}

/// A doubt in words.
pub(super) fn doubt(doubt: Doubt) -> &'static str {
    match doubt {
        Doubt::Pods(_) => "not all pods were read, and Linkerd's control plane may be among them",
        Doubt::Values(_) => "the default policy of Linkerd's control plane is not known",
        Doubt::DefaultPolicy => "the default policy is a word that Linkerd does not know",
        Doubt::DefaultsDiffer => {
            "the default policy in the proxy's environment and the one that the control plane goes by differ: one demands an identity"
        }
        Doubt::ControlPlanes => {
            "several control planes of Linkerd may serve the pod, and their default policies differ"
        }
        Doubt::CniConfig(_) => "the configuration of Linkerd's CNI plugin is not known",
        Doubt::NoCniConfig => "there is no configuration of Linkerd's CNI plugin",
        Doubt::Ports => "a list of what goes past the proxy has an unexpected form",
        Doubt::PortsDiffer => {
            "an annotation keeps the port from the proxy, and the flags of linkerd-init do not"
        }
        Doubt::CreationTimes => {
            "the oldest of several Servers counts, and not all of them have a creation time"
        }
        Doubt::Selector => "a selector has an operator that the API does not know",
        Doubt::Networks(_) => {
            "a policy lets clients in by their network, and the NetworkAuthentication was not read"
        }
    }
}

/// Why traffic goes past the proxy, in words.
pub(super) fn bypass(bypass: Bypass) -> &'static str {
    match bypass {
        Bypass::Ignored => "among the inbound ports that go past Linkerd's proxy",
        Bypass::NotRedirected => "not among the ports that are redirected to Linkerd's proxy",
        Bypass::Subnets => "what comes from some subnets goes past Linkerd's proxy",
    }
}

/// The reason code of what decides.
pub(super) fn reason(basis: Basis) -> Reason {
    match basis.by {
        By::Default(_, Stated::BuiltIn) => Reason::Default,
        By::Default(..)
        | By::AccessPolicy(_)
        | By::Authorization(_)
        | By::Route(..)
        | By::Nothing => Reason::Value,
    }
}

/// What decides, in words; `open` says whether it lets anybody in without an identity.
pub(super) fn basis(model: &Model<'_>, basis: Basis, open: bool) -> String {
    let named = |object: usize| {
        let object = model.object(object);
        format!(
            "{} {}/{}",
            object.kind.name(),
            object.namespace(),
            object.name()
        )
    };
    let Some(server) = basis.server else {
        return match basis.by {
            By::Default(policy, stated) => {
                let by = match stated {
                    Stated::Annotation => "the pod's annotation".to_owned(),
                    Stated::IdentityPorts => {
                        "the pod's annotation that demands identity on this port".to_owned()
                    }
                    Stated::Environment => "the proxy's environment".to_owned(),
                    Stated::ControlPlane(_) => "Linkerd's control plane".to_owned(),
                    Stated::BuiltIn => "nothing, so that Linkerd's own default counts".to_owned(),
                };
                format!(
                    "no Server selects it, and the default policy is {}, stated by {by}",
                    policy.name()
                )
            }
            _ => "no Server selects it".to_owned(),
        };
    };
    let server = named(server);
    let who = if open {
        "lets in clients without an identity"
    } else {
        "asks for an identity"
    };
    match basis.by {
        By::AccessPolicy(policy) => {
            format!("the access policy {} of {server} {who}", policy.name())
        }
        By::Authorization(object) => format!("{} {who} on {server}", named(object)),
        By::Route(object, route) => {
            format!("{} {who} for {} on {server}", named(object), named(route))
        }
        By::Nothing | By::Default(..) => format!("nothing lets anybody in on {server}"),
    }
}
