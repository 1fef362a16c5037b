//! Makes keys, requests and small CAs.
