//! The files of a new plugin: `sdk/template`, with its names filled in.

/// Path in the new folder, and text with places for names.
const FILES: [(&str, &str); 9] = [
    ("Cargo.toml", include_str!("../../../../sdk/template/Cargo.toml.in")),
    (".gitignore", include_str!("../../../../sdk/template/gitignore.in")),
    ("README.md", include_str!("../../../../sdk/template/README.md.in")),
    ("rust-toolchain.toml", include_str!("../../../../rust-toolchain.toml")),
    ("src/lib.rs", include_str!("../../../../sdk/template/src/lib.rs.in")),
    ("src/manifest.rs", include_str!("../../../../sdk/template/src/manifest.rs.in")),
    ("src/discover.rs", include_str!("../../../../sdk/template/src/discover.rs.in")),
    ("src/normalize.rs", include_str!("../../../../sdk/template/src/normalize.rs.in")),
    (
        "fixtures/sample/input/usage-2025-10.csv",
        include_str!("../../../../sdk/template/fixtures/sample/input/usage-2025-10.csv"),
    ),
];

/// Golden output of the sample.
const GOLDEN: [(&str, &str); 5] = [
    (
        "fixtures/sample/golden/discovery.json",
        include_str!("../../../../sdk/template/fixtures/sample/golden/discovery.json"),
    ),
    (
        "fixtures/sample/golden/2025-10/line_items.jsonl",
        include_str!("../../../../sdk/template/fixtures/sample/golden/2025-10/line_items.jsonl"),
    ),
    (
        "fixtures/sample/golden/2025-10/{{provider}}_daily_costs.jsonl",
        include_str!("../../../../sdk/template/fixtures/sample/golden/2025-10/daily_costs.jsonl"),
    ),
    (
        "fixtures/sample/golden/2025-10/rejects.jsonl",
        include_str!("../../../../sdk/template/fixtures/sample/golden/2025-10/rejects.jsonl"),
    ),
    (
        "fixtures/sample/golden/2025-10/totals.json",
        include_str!("../../../../sdk/template/fixtures/sample/golden/2025-10/totals.json"),
    ),
];

/// What is filled into the template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Names {
    /// Name of the crate and id of the plugin.
    pub(super) name: String,
    /// The dependency on the SDK, as an inline table of TOML.
    pub(super) sdk: String,
}

impl Names {
    /// The name under which tables lie.
    pub(super) fn provider(&self) -> String {
        self.name.replace('-', "_")
    }
}

/// Every file of the new folder, by path.
pub(super) fn files(names: &Names) -> Vec<(String, String)> {
    let filled = |text: &str| {
        let text = text.replace("{{name}}", &names.name).replace("{{provider}}", &names.provider());
        text.replace("{{sdk}}", &names.sdk)
    };
    FILES.iter().chain(&GOLDEN).map(|(path, text)| (filled(path), filled(text))).collect()
}
