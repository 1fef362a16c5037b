//! `portway bench`: that it measures, never what it measured.

use serde_json::Value;

use crate::stage::Cli;

const SHORT: [&str; 11] = [
    "bench",
    "--seconds",
    "1",
    "--rounds",
    "1",
    "--subscribers",
    "3",
    "--publishers",
    "2",
    "--count",
    "300",
];

fn figure(value: &Value, path: &str) -> f64 {
    let found = value.pointer(path).and_then(Value::as_f64);
    found.unwrap_or_else(|| panic!("no {path} in {value}"))
}

#[test]
fn a_short_bench_measures_everything_and_verifies_a_sample() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().to_str().unwrap();
    let told = Cli::nobody().run([&SHORT[..], &["--json", "--dir", place]].concat()).json();
    for system in ["portway", "floor"] {
        for path in [
            "published_per_second",
            "disclosed_per_second",
            "receipt/p50_ms",
            "delivery/p99_ms",
            "alone_receipt/max_ms",
            "memory_kib",
        ] {
            assert!(figure(&told, &format!("/{system}/{path}")) > 0.0, "{system} {path}: {told}");
        }
    }
    for path in [
        "limits/fdatasync_batches_per_second",
        "limits/bare_stream_messages_per_second",
        "ratios/published",
        "records_per_batch",
    ] {
        assert!(figure(&told, &format!("/{path}")) > 0.0, "{path}: {told}");
    }
    assert!(figure(&told, "/verified") > 0.0, "{told}");
    assert_eq!(told["options"]["subscribers"], 3);
    let left = std::fs::read_dir(dir.path()).unwrap().count();
    assert_eq!(left, 0, "it leaves nothing behind");
}

#[test]
fn options_out_of_their_bounds_are_refused() {
    for bad in [
        ["--subscribers", "0"],
        ["--subscribers", "65"],
        ["--publishers", "17"],
        ["--rate", "0"],
        ["--seconds", "301"],
        ["--rounds", "0"],
        ["--count", "0"],
        ["--in-flight", "x"],
        ["--dir", "/nowhere/at/all"],
    ] {
        let message = Cli::nobody().run(["bench", bad[0], bad[1]]).failed(2);
        assert!(!message.is_empty(), "{bad:?}");
    }
}

#[test]
fn questions_are_measured_over_a_history() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().to_str().unwrap();
    let short = ["--records", "50000", "--people", "1000", "--days", "60"];
    let write = [&["bench", "history", "--json", "--dir", place][..], &short].concat();
    let written = Cli::nobody().run(&write).json();
    assert!(figure(&written, "/records") >= 50_000.0, "{written}");

    let asked = ["bench", "questions", "--json", "--warm", "16", "--cold", "0", "--dir", place];
    let told = Cli::nobody().run(asked).json();
    assert_eq!(told["records"], written["records"]);
    for path in [
        "index_bytes_per_record",
        "rebuilt_records_per_second",
        "scan_s",
        "questions/month_page/warm/p99_ms",
        "questions/month_page/records_each",
        "questions/person/warm/p99_ms",
        "questions/person/records_each",
        "questions/breach/warm/p99_ms",
        "questions/breach/records_each",
    ] {
        assert!(figure(&told, &format!("/{path}")) > 0.0, "{path}: {told}");
    }

    let again = Cli::nobody().run(&write).failed(2);
    assert!(again.contains("is not empty"), "{again}");
}
