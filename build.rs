//! Compiles the proto files in pure Rust: no protoc has to be installed.

use std::{env, error::Error, fs, path::PathBuf};

const FILES: [&str; 10] = [
    "portway/v1/agreements.proto",
    "portway/v1/alert.proto",
    "portway/v1/audit.proto",
    "portway/v1/exchange.proto",
    "portway/v1/log.proto",
    "portway/v1/operations.proto",
    "portway/v1/record.proto",
    "portway/v1/retention.proto",
    "portway/v1/rights.proto",
    "portway/v1/subscriptions.proto",
];

/// The answers that the exchange's server writes by itself.
const WRITTEN: [&str; 4] =
    ["PublishManyResponse", "PublishResponse", "PullResponse", "SubscribeResponse"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_source_info(true).include_imports(true);
    compiler.open_files(FILES)?;
    fs::write(out.join("portway.fds.bin"), compiler.encode_file_descriptor_set())?;
    let mut files = compiler.file_descriptor_set();
    tonic_prost_build::configure()
        .bytes(".portway.v1")
        .codec_path("crate::pb::Codec")
        .compile_fds(files.clone())?;
    // Once more the server of the exchange alone, which answers with what is written already.
    let servers = out.join("servers");
    fs::create_dir_all(&servers)?;
    for file in &mut files.file {
        file.service.retain(|service| service.name() == "Exchange");
    }
    let written = WRITTEN.map(|message| format!(".portway.v1.{message}"));
    let server = tonic_prost_build::configure().build_client(false).out_dir(servers);
    let server = server.extern_path(".portway.v1", "crate::pb::v1");
    let server = written.iter().fold(server, |it, name| it.extern_path(name, "crate::pb::Written"));
    server.codec_path("crate::pb::Codec").compile_fds(files)?;
    Ok(())
}
