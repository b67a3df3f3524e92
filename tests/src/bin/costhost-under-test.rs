//! The `costhost` program under another name, so that cargo builds it together with the tests that run it.

fn main() -> std::process::ExitCode {
    costhost::cli::main()
}
