//! Addresses of pods, which blocks of policies may hold.

use std::net::IpAddr;

use super::blocks::Cidr;
use super::labels::Tri;
use crate::kind::Kind;
use crate::model::PodGroup;
use crate::model::enforcement::Answer;
use crate::projection::Projection;
use crate::snapshot::Snapshot;

/// A block of addresses without its holes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Block {
    /// `None` when it is none.
    cidr: Option<Cidr>,
    holes: Vec<Cidr>,
    /// Whether it may hold the address of any pod.
    pub(super) any_pod: Tri,
}

/// Where pods have their addresses.
#[derive(Debug)]
pub(super) struct Addresses {
    /// Blocks of nodes, and addresses of pods outside them.
    known: Vec<Cidr>,
    /// Whether blocks match pods at all.
    match_pods: Answer,
}

impl Block {
    /// Whether it holds one of the addresses.
    pub(super) fn holds(&self, addresses: &[IpAddr]) -> bool {
        let Some(cidr) = self.cidr else {
            return false;
        };
        let mut addresses = addresses.iter();
        addresses.any(|address| cidr.meets(&self.holes, Cidr::host(*address)))
    }
}

impl Addresses {
    pub(super) fn new(snapshot: &Snapshot, pods: &[PodGroup<'_>], match_pods: Answer) -> Self {
        let mut blocks: Vec<Cidr> = Vec::new();
        for (_, object) in snapshot.of_kind(Kind::Node) {
            if let Projection::Node(node) = object.projection.as_ref() {
                let texts = node.spec.pod_cidrs.iter().chain(&node.spec.pod_cidr);
                blocks.extend(texts.filter_map(|text| Cidr::parse(text)));
            }
        }
        blocks.sort_unstable();
        blocks.dedup();
        let own = pods
            .iter()
            .filter(|pod| pod.spec.host_network != Some(true) && !pod.is_finished());
        let mut single: Vec<Cidr> = own
            .flat_map(|pod| pod.addresses(snapshot))
            .filter_map(|address| address.parse().ok().map(Cidr::host))
            .filter(|address| !blocks.iter().any(|block| block.holds(*address)))
            .collect();
        single.sort_unstable();
        single.dedup();
        blocks.extend(single);
        Self {
            known: blocks,
            match_pods,
        }
    }

    /// `ipBlock` of a NetworkPolicy. Addresses of pods move, so one that it may hold stands for all.
    pub(super) fn block(&self, cidr: &str, holes: &[String]) -> Block {
        let mut block = self.parse(cidr, holes);
        block.any_pod = match self.match_pods {
            Answer::Yes => block.any_pod,
            Answer::No => Tri::No,
            Answer::Open => block.any_pod.and(Tri::Maybe),
        };
        block
    }

    /// `networks` of a policy over the cluster, which always match pods too.
    pub(super) fn network(&self, cidr: &str) -> Block {
        self.parse(cidr, &[])
    }

    /// Whether blocks hold the address of every pod, wherever it comes to lie.
    pub(super) fn are_all_in(&self, blocks: &[Block]) -> bool {
        let whole = blocks.iter().filter(|block| block.holes.is_empty());
        let whole: Vec<Cidr> = whole.filter_map(|block| block.cidr).collect();
        if self.known.is_empty() {
            return [false, true].iter().all(|six| {
                let mut whole = whole.iter();
                whole.any(|cidr| cidr.is_everything() && cidr.is_six() == *six)
            });
        }
        let mut known = self.known.iter();
        known.all(|known| whole.iter().any(|cidr| cidr.holds(*known)))
    }

    fn parse(&self, text: &str, holes: &[String]) -> Block {
        let cidr = Cidr::parse(text);
        let read: Vec<Cidr> = holes.iter().filter_map(|hole| Cidr::parse(hole)).collect();
        let any_pod = match cidr {
            None => Tri::Maybe,
            Some(cidr) if self.is_met(cidr, &read) => Tri::Yes,
            // Nothing is known of the addresses of pods.
            Some(_) if self.known.is_empty() => Tri::Maybe,
            Some(_) => Tri::No,
        };
        Block {
            cidr,
            holes: read,
            any_pod,
        }
    }

    fn is_met(&self, cidr: Cidr, holes: &[Cidr]) -> bool {
        if cidr.is_everything() && holes.is_empty() && (!cidr.is_six() || self.known.is_empty()) {
            return true;
        }
        self.known.iter().any(|known| cidr.meets(holes, *known))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(blocks: &[&str]) -> Addresses {
        Addresses {
            known: blocks.iter().filter_map(|text| Cidr::parse(text)).collect(),
            match_pods: Answer::Yes,
        }
    }

    #[test]
    fn blocks_match_pods_where_these_may_have_their_addresses() {
        let (four, six) = (&["10.244.0.0/16"][..], &["fd00::/64"][..]);
        let table: [(&[&str], &str, &[&str], Tri); 12] = [
            (&[], "0.0.0.0/0", &[], Tri::Yes),
            (&[], "::/0", &[], Tri::Yes),
            (&[], "10.0.0.0/8", &[], Tri::Maybe),
            (&[], "0.0.0.0/0", &["10.0.0.0/8"], Tri::Maybe),
            (&[], "odd", &[], Tri::Maybe),
            (four, "10.244.3.0/24", &[], Tri::Yes),
            (four, "192.168.0.0/16", &[], Tri::No),
            (four, "0.0.0.0/0", &["10.0.0.0/8"], Tri::No),
            (four, "::/0", &[], Tri::No),
            (six, "::/0", &[], Tri::Yes),
            // Nodes may leave out one family, and pods have both.
            (six, "0.0.0.0/0", &[], Tri::Yes),
            (six, "10.0.0.0/8", &[], Tri::No),
        ];
        for (blocks, cidr, holes, expected) in table {
            let holes: Vec<String> = holes.iter().map(|hole| (*hole).to_owned()).collect();
            let found = known(blocks).block(cidr, &holes).any_pod;
            assert_eq!(found, expected, "{cidr} without {holes:?} among {blocks:?}");
        }
    }

    #[test]
    fn all_pods_are_in_blocks_that_hold_all_their_addresses() {
        let four = &["10.244.0.0/16"][..];
        let table: [(&[&str], &[&str], bool); 8] = [
            (&[], &["0.0.0.0/0", "::/0"], true),
            (&[], &["0.0.0.0/0"], false),
            (&[], &["::/0"], false),
            (&[], &["0.0.0.0/1", "::/0"], false),
            (four, &["10.0.0.0/8"], true),
            (four, &["10.244.0.0/17"], false),
            (four, &["::/0"], false),
            (&["10.244.0.0/16", "fd00::/64"], &["0.0.0.0/0"], false),
        ];
        for (blocks, cidrs, expected) in table {
            let known = known(blocks);
            let blocks: Vec<Block> = cidrs.iter().map(|cidr| known.network(cidr)).collect();
            assert_eq!(known.are_all_in(&blocks), expected, "{cidrs:?}");
        }
    }
}
