//! Puts the made-up cluster into a real API server.

use std::ops::Range;

use futures::StreamExt as _;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use kube::api::{Api, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::pods::{
    PER_NAMESPACE, REPLICAS, TEMPLATES, around, deployment, nodes, owner, pod, replica_set, status,
};
use crate::servers::Cluster;

/// Adds the pods of these numbers.
pub(super) fn load(cluster: &Cluster, pods: Range<usize>) {
    if pods.start == 0 {
        cluster.apply(&nodes());
    }
    for namespace in pods.start / PER_NAMESPACE..pods.end / PER_NAMESPACE {
        cluster.apply(&around(namespace));
    }
    let client = cluster.client();
    let first = pods.start / REPLICAS;
    let owners: Vec<Value> = cluster.block_on(
        futures::stream::iter(first..pods.end / REPLICAS)
            .map(|template| workload(client.clone(), template))
            .buffered(64)
            .collect(),
    );
    let made = futures::stream::iter(pods).map(|index| {
        let namespace = format!("ns-{}", index / PER_NAMESPACE);
        let api: Api<Pod> = Api::namespaced(client.clone(), &namespace);
        let owner = &owners[index / REPLICAS - first];
        async move {
            let mut pod = pod(index);
            pod["metadata"]["ownerReferences"] = json!([owner]);
            let pod = serde_json::from_value(pod).expect("the pod is well-formed");
            api.create(&PostParams::default(), &pod)
                .await
                .expect("the pod can be made");
            let name = format!("pod-{index}");
            let patch = Patch::Merge(status(index));
            api.patch_status(&name, &PatchParams::default(), &patch)
                .await
                .expect("its status can be set");
        }
    });
    cluster.block_on(made.buffer_unordered(64).collect::<Vec<()>>());
}

/// Makes the Deployment and the ReplicaSet of a template, and returns a reference to the latter.
async fn workload(client: Client, template: usize) -> Value {
    let namespace = format!("ns-{}", template / TEMPLATES);
    let made = deployment(template);
    let made: Deployment = serde_json::from_value(made).expect("well-formed");
    let api: Api<Deployment> = Api::namespaced(client.clone(), &namespace);
    let made = api.create(&PostParams::default(), &made).await;
    let made = serde_json::to_value(made.expect("the Deployment can be made")).expect("it is JSON");
    let made = replica_set(template, &made);
    let made: ReplicaSet = serde_json::from_value(made).expect("well-formed");
    let api: Api<ReplicaSet> = Api::namespaced(client, &namespace);
    let made = api.create(&PostParams::default(), &made).await;
    let made = serde_json::to_value(made.expect("the ReplicaSet can be made")).expect("it is JSON");
    owner("ReplicaSet", &made)
}
