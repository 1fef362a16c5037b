//! `Log`: open to every peer, so that only what is not in the log can be refused.

use portway::{
    domain::{Act, Reason},
    pb::v1 as pb,
};
use tonic::Code;

use crate::stage::{Due, Role, Stage};

const BEYOND: Due = Due { code: Code::NotFound, reason: Reason::BeyondTheLog, act: Act::ReadLog };

/// Past the end of any log of these tests.
const FAR: u64 = 1 << 40;

#[tokio::test(flavor = "multi_thread")]
async fn refuses_get_checkpoint_from_a_size_beyond_the_log() {
    let stage = Stage::start();
    let police = stage.speak("police", Role::Service).await;
    for known_size in [FAR, u64::MAX] {
        let asked = police
            .log()
            .get_checkpoint(pb::GetCheckpointRequest { known_size, cosigned: false })
            .await;
        BEYOND.check(&stage, "police", &asked.expect_err("beyond")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_prove_inclusion_beyond_the_log_or_the_tree() {
    let stage = Stage::start();
    let police = stage.speak("police", Role::Service).await;
    for (index, size) in [(FAR, 0), (0, FAR), (1, 1), (u64::MAX, u64::MAX), (u64::MAX, 0)] {
        let request = pb::ProveInclusionRequest { index, size };
        let asked = police.log().prove_inclusion(request).await;
        BEYOND.check(&stage, "police", &asked.expect_err("beyond")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_prove_consistency_of_trees_that_are_none() {
    let stage = Stage::start();
    let police = stage.speak("police", Role::Service).await;
    for (from, to) in [(0, 1), (2, 1), (1, FAR), (FAR, FAR), (u64::MAX, u64::MAX), (0, 0)] {
        let request = pb::ProveConsistencyRequest { from, to };
        let asked = police.log().prove_consistency(request).await;
        BEYOND.check(&stage, "police", &asked.expect_err("beyond")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_read_entries_of_a_range_that_is_not_in_the_log() {
    let stage = Stage::start();
    let police = stage.speak("police", Role::Service).await;
    for (start, end) in [(0, FAR), (2, 1), (FAR, FAR), (0, u64::MAX)] {
        let request = pb::ReadEntriesRequest { start, end };
        let asked = police.log().read_entries(request).await;
        BEYOND.check(&stage, "police", &asked.expect_err("beyond")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_list_key_rotations_after_a_size_beyond_the_log() {
    let stage = Stage::start();
    let police = stage.speak("police", Role::Service).await;
    for after in [FAR, u64::MAX] {
        let request = pb::ListKeyRotationsRequest { after };
        let asked = police.log().list_key_rotations(request).await;
        BEYOND.check(&stage, "police", &asked.expect_err("beyond")).await;
    }
}
