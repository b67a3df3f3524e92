# costhost: `just demo` and `just test` do all their own set-up.

target := env("CARGO_TARGET_DIR", justfile_directory() / "target")
plugins := target / "plugins"
readers := target / "readers"
azurite := target / "azurite"

# List the recipes.
default:
    @just --list

# Install what a bare Debian machine lacks: a linker, Python for the reader test. Rust's own parts come by rustup.
setup:
    @bin/setup "{{ readers }}" "{{ azurite }}"

# Load three generated months of a small AWS bill and show the costs by service.
demo: setup plugins
    @bin/demo "{{ target }}"

# Everything: unit, property, contract and end-to-end tests, with the real plugins.
test: setup plugins && example-js
    COSTHOST_TEST_PLUGINS="{{ plugins }}" COSTHOST_TEST_PYTHON="{{ readers }}/bin/python" COSTHOST_TEST_AZURITE="{{ azurite }}" cargo test --workspace --locked

# Formatting, lints, docs and, where cargo-deny is installed, the rules on dependencies.
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --locked -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked
    if command -v cargo-deny >/dev/null; then cargo deny --offline check bans licenses sources; else echo "cargo-deny is not installed: dependency rules not checked"; fi

# The program and the plugins as they are shipped: <target>/release/costhost, <target>/plugins/<name>.wasm.
build: setup
    cargo build --release --locked -p costhost
    "{{ target }}/release/costhost" plugin build plugins/aws-cur --output "{{ plugins }}/aws-cur.wasm"
    "{{ target }}/release/costhost" plugin build plugins/azure-export --output "{{ plugins }}/azure-export.wasm"

# (The whole workspace is built, with its tests: a smaller choice of packages would have other features and compile the
# large dependencies a second time.)
# Build every plugin crate into a component.
plugins: setup
    cargo build --workspace --all-targets --locked
    "{{ target }}/debug/costhost" plugin build plugins/aws-cur --output "{{ plugins }}/aws-cur.wasm"
    "{{ target }}/debug/costhost" plugin build plugins/azure-export --output "{{ plugins }}/azure-export.wasm"
    "{{ target }}/debug/costhost" plugin build tests/tally --output "{{ plugins }}/tally.wasm"

# The example in JavaScript: built with npm's packages, then the conformance suite.
example-js: plugins
    cd examples/beacon-js && npm install --no-save --silent --no-audit --no-fund && npm run --silent build -- "{{ plugins }}/beacon-js.wasm"
    "{{ target }}/debug/costhost" plugin test "{{ plugins }}/beacon-js.wasm" --fixtures examples/beacon-js/fixtures

# Add a plugin to the corpus that every later build must run: DIR is its crate, with fixtures.
corpus-add dir: plugins
    bin/corpus-add "{{ target }}/debug/costhost" "{{ dir }}"

# Time a release build against DuckDB and Polars on generated reports; the figures go to docs/benchmarks.md by hand. Another
# set than the usual ones: `just bench ten-times 3` (`bench/run.sh` lists them).
bench set="all" runs="5": build
    bench/run.sh "{{ target }}" "{{ set }}" "{{ runs }}"

# Record what the plugins cost to run, which a test holds them to: after a change that is meant to be slower, or is faster.
record-fuel: setup plugins
    COSTHOST_TEST_PLUGINS="{{ plugins }}" COSTHOST_RECORD_FUEL=1 cargo test --workspace --locked --test e2e -- fuel
    cat tests/expected/fuel.json

# Format the code.
fmt:
    cargo fmt --all

# Hostile guests alone: one per promise of docs/security.md.
hostile: setup plugins
    COSTHOST_TEST_PLUGINS="{{ plugins }}" cargo test --workspace --locked --test hostile

# Fuzz a target (intake, paths, archives, csv, decimals) for some seconds. Needs `cargo install cargo-fuzz`.
fuzz name seconds="600": plugins
    bin/fuzz "{{ target }}" "{{ name }}" "{{ seconds }}"
