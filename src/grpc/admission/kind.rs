//! What a request weighs, by its method: read once from the descriptors, so that a new method is not forgotten.

use std::collections::HashSet;

use prost::Message;
use prost_types::FileDescriptorSet;

/// What bounds a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// One answer, for a small message.
    Call,
    /// One answer, for a message that may be large.
    Governance,
    /// It stays open.
    Stream,
}

/// The services that take large messages.
const GOVERNANCE: [&str; 3] =
    ["/portway.v1.Agreements/", "/portway.v1.Retention/", "/portway.v1.Subscriptions/"];

/// The methods that stay open.
#[derive(Debug)]
pub(super) struct Kinds {
    streams: HashSet<String>,
}

impl Kinds {
    /// Reads the descriptors of every service.
    pub(super) fn read(descriptors: &[&[u8]]) -> Result<Self, prost::DecodeError> {
        let mut streams = HashSet::new();
        for encoded in descriptors {
            for file in FileDescriptorSet::decode(*encoded)?.file {
                let package = file.package().to_owned();
                for service in &file.service {
                    let open = service
                        .method
                        .iter()
                        .filter(|it| it.client_streaming() || it.server_streaming());
                    streams.extend(
                        open.map(|it| format!("/{package}.{}/{}", service.name(), it.name())),
                    );
                }
            }
        }
        Ok(Self { streams })
    }

    /// Returns the kind of a path. One that nobody serves is answered like a call.
    pub(super) fn of(&self, path: &str) -> Kind {
        if self.streams.contains(path) {
            Kind::Stream
        } else if GOVERNANCE.iter().any(|service| path.starts_with(service)) {
            Kind::Governance
        } else {
            Kind::Call
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_stays_open_is_known_as_a_stream() {
        let kinds = Kinds::read(&[
            crate::pb::DESCRIPTORS,
            tonic_health::pb::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
        ])
        .unwrap();
        for (path, kind) in [
            ("/portway.v1.Exchange/Publish", Kind::Call),
            ("/portway.v1.Exchange/PublishMany", Kind::Stream),
            ("/portway.v1.Exchange/Subscribe", Kind::Stream),
            ("/portway.v1.Audit/ExportRecords", Kind::Stream),
            ("/portway.v1.Audit/ShowRecord", Kind::Call),
            ("/portway.v1.Log/ReadEntries", Kind::Stream),
            ("/portway.v1.Agreements/ProposeAgreement", Kind::Governance),
            ("/portway.v1.Subscriptions/CreateSubscription", Kind::Governance),
            ("/grpc.health.v1.Health/Check", Kind::Call),
            ("/grpc.health.v1.Health/Watch", Kind::Stream),
            ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", Kind::Stream),
            ("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", Kind::Stream),
            ("/portway.v1.Nobody/Serves", Kind::Call),
            ("/", Kind::Call),
        ] {
            assert_eq!(kinds.of(path), kind, "{path}");
        }
    }
}
