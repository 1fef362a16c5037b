//! The body of `add-checkpoint`: the size that the witness has, a proof from there, and the checkpoint.

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::merkle::{Hash, decimal};

/// The one path.
pub(super) const PATH: &str = "/add-checkpoint";
/// What the answer of the status 409 is.
pub(super) const SIZE_TYPE: &str = "text/x.tlog.size";
/// No proof has more hashes (C2SP tlog-witness).
const PROOF_MAX: usize = 63;
/// The longest body, in bytes: a proof takes 3 KiB, a checkpoint with a hundred signatures 30.
pub(super) const BODY_BYTES_MAX: usize = 64 << 10;

/// What is asked of a witness.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Submission {
    /// Size of the tree that the witness is believed to have cosigned last; 0 = none.
    pub(super) old: u64,
    /// Consistency proof from there.
    pub(super) proof: Vec<Hash>,
    /// The signed checkpoint, not verified.
    pub(super) checkpoint: String,
}

impl Submission {
    /// Reads a body. It has one spelling.
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let text = str::from_utf8(body).ok().filter(|text| text.len() <= BODY_BYTES_MAX)?;
        let (head, checkpoint) = text.split_once("\n\n")?;
        let mut lines = head.split('\n');
        let old = decimal(lines.next()?.strip_prefix("old ")?)?;
        let proof = lines.map(hash).collect::<Option<Vec<_>>>()?;
        (proof.len() <= PROOF_MAX).then(|| Self { old, proof, checkpoint: checkpoint.to_owned() })
    }

    /// Writes the body.
    pub(super) fn body(&self) -> String {
        let proof = self.proof.iter().map(|hash| STANDARD.encode(hash) + "\n");
        let proof: String = proof.collect();
        format!("old {}\n{proof}\n{}", self.old, self.checkpoint)
    }
}

fn hash(line: &str) -> Option<Hash> {
    Hash::try_from(STANDARD.decode(line).ok()?.as_slice()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::leaf_hash;

    #[test]
    fn a_body_reads_back() {
        for count in [0, 1, PROOF_MAX] {
            let proof = vec![leaf_hash(b"x"); count];
            let submission =
                Submission { old: 7, proof, checkpoint: "a\n8\nb\n\n— c d\n".into() };
            assert_eq!(Submission::parse(submission.body().as_bytes()), Some(submission));
        }
    }

    /// The example of C2SP tlog-witness.
    #[test]
    fn the_example_of_the_specification_is_read() {
        let body = "old 20852014\nPlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n\
            jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=\n5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=\n\
            /6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=\n\nexample.com/behind-the-sofa\n20852163\n\
            CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n";

        let read = Submission::parse(body.as_bytes()).unwrap();

        assert_eq!((read.old, read.proof.len()), (20_852_014, 4));
        assert_eq!(read.body(), body);
    }

    #[test]
    fn what_is_no_body_is_refused() {
        let line = format!("{}\n", STANDARD.encode(leaf_hash(b"x")));
        let many = format!("old 1\n{}\nnote", line.repeat(PROOF_MAX + 1));
        let wrong = [
            "",
            "old 1",
            "old 1\n",
            "old 01\n\nnote",
            "old +1\n\nnote",
            "old -1\n\nnote",
            "Old 1\n\nnote",
            "old  1\n\nnote",
            "old 1 \n\nnote",
            "old 1\nAAAA\n\nnote",
            "old 1\r\n\r\nnote",
            "\n\nnote",
            &many,
        ];
        for body in wrong {
            assert_eq!(Submission::parse(body.as_bytes()), None, "{body:?}");
        }
        assert_eq!(Submission::parse(b"old 1\n\n\xff"), None);
        let long = format!("old 1\n\n{}", "x".repeat(BODY_BYTES_MAX));
        assert_eq!(Submission::parse(long.as_bytes()), None);
    }
}
